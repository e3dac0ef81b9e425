/** A build that promises what it has not written: the known-bad control, made from the text of the good one. */
import { chmodSync, cpSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PROGRAM, scratch } from './cluster.mjs'

const SYNCED = /\.write\(\{ sync: true \}\)/g
const UNSYNCED = '.write({ sync: false })'

/** Path of its program. */
export function unsyncedProgram() {
  const root = dirname(dirname(PROGRAM))
  const copy = scratch()
  for (const part of ['bin', 'dist', 'package.json']) {
    cpSync(join(root, part), join(copy, part), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  let changed = 0
  for (const file of readdirSync(join(copy, 'dist/chunks'))) {
    if (!file.endsWith('.js')) continue
    const path = join(copy, 'dist/chunks', file)
    const text = readFileSync(path, 'utf8')
    changed += text.match(SYNCED)?.length ?? 0
    writeFileSync(path, text.replace(SYNCED, UNSYNCED))
  }
  if (changed === 0) throw new Error('the text that syncs was not found in the build')
  const program = join(copy, 'bin/viewstamp')
  chmodSync(program, 0o755)
  return program
}
