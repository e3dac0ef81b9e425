/**
 * Golden traces: plays test/traces/*.trace and compares; `--update` rewrites them, to be reviewed as code.
 *
 *   npm run traces [-- --update] [-- name …]
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { loadSimulator } from './bundle-sim.mjs'

const FOLDER = 'test/traces'
const args = process.argv.slice(2)
const isUpdate = args.includes('--update')
const wanted = args.filter(arg => !arg.startsWith('--')).map(arg => basename(arg, '.trace'))

const { play } = await loadSimulator([], 'src/sim/interaction.ts')
let differing = 0
const files = readdirSync(FOLDER)
  .filter(file => file.endsWith('.trace'))
  .sort()
for (const file of files) {
  if (wanted.length > 0 && !wanted.includes(basename(file, '.trace'))) continue
  const path = join(FOLDER, file)
  const before = readFileSync(path, 'utf8')
  const after = play(before)
  if (after === before) continue
  differing++
  if (isUpdate) writeFileSync(path, after)
  else console.log(difference(path, before, after))
}
console.log(
  isUpdate ? `${differing} traces rewritten` : `${files.length} traces, ${differing} differ`,
)
process.exitCode = isUpdate || differing === 0 ? 0 : 1

/** The first line that differs, with what was expected and what came. */
function difference(path, before, after) {
  const [expected, came] = [before.split('\n'), after.split('\n')]
  const at = expected.findIndex((line, i) => line !== came[i])
  return `${path}:${at + 1}\n  expected  ${expected[at] ?? '(end)'}\n  came      ${came[at] ?? '(end)'}`
}
