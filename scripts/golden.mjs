/**
 * Golden data (test/golden, test/fixtures/golden): files that this version writes and later ones must read.
 *
 *   node scripts/golden.mjs           reads those that are there, as the tests do
 *   node scripts/golden.mjs --write   makes those of this version; once, before it is published
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const [word] = process.argv.slice(2)
if (word !== undefined && word !== '--write') {
  console.error('usage: node scripts/golden.mjs [--write]')
  process.exit(2)
}
const env = { ...process.env, ...(word === '--write' && { VIEWSTAMP_GOLDEN: 'write' }) }
const args = ['node_modules/vitest/vitest.mjs', 'run', 'test/golden']
process.exitCode =
  spawnSync(process.execPath, args, { cwd: root, env, stdio: 'inherit' }).status ?? 1
