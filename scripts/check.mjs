#!/usr/bin/env node
// Read-only: format, lint, types, house rules. Everything is looked at, also after a first failure.
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = name => join(root, 'node_modules', '.bin', name)

const checks = [
  ['format and lint', bin('biome'), ['check', '--colors=off', '.']],
  ['types', bin('tsc'), ['-p', '.', '--pretty', 'false']],
  ["the client's types", process.execPath, ['scripts/client-types.mjs', '--check']],
  ['house rules', bin('vitest'), ['run', 'test/tidy.test.ts', '--reporter=dot']],
]

/** Runs one check; what it printed is shown only if it failed. */
function run([name, command, args]) {
  return new Promise(done => {
    const started = performance.now()
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    const parts = []
    child.stdout.on('data', part => parts.push(part))
    child.stderr.on('data', part => parts.push(part))
    child.on('error', error =>
      done({ name, ok: false, said: `${error.message}: run npm ci first` }),
    )
    child.on('close', code => {
      const seconds = ((performance.now() - started) / 1000).toFixed(1)
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
      done({ name, ok: code === 0, said: Buffer.concat(parts).toString() })
    })
  })
}

const results = await Promise.all(checks.map(run))
const failed = results.filter(result => !result.ok)
for (const { name, said } of failed) console.log(`\n── ${name}\n${said}`)
process.exitCode = failed.length === 0 ? 0 : 1
