/**
 * The same seeds in two processes that agree on nothing else: time zone, locale, size of the heap, whether
 * SHA-256 is Node's or ours, optimised or not. A8 of the simulator's rules: one seed, one digest.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const SEEDS = 50
const run = promisify(execFile)

async function digests(flags: readonly string[], env: Record<string, string>): Promise<string[]> {
  const args = [...flags, 'scripts/sim-digests.mjs', '1', String(SEEDS)]
  const { stdout } = await run(process.execPath, args, { env: { ...process.env, ...env } })
  return stdout.trim().split('\n')
}

test(`${SEEDS} seeds have the same digests in another process, place and language`, async () => {
  const [here, there] = await Promise.all([
    digests([], { TZ: 'UTC', LANG: 'C' }),
    digests(['--max-old-space-size=128', '--max-lazy'], {
      TZ: 'Asia/Kathmandu',
      LANG: 'tr_TR.UTF-8',
      LC_ALL: 'tr_TR.UTF-8',
      SIM_HASH: 'plain',
    }),
  ])
  expect(here).toHaveLength(SEEDS)
  expect(new Set(here).size).toBe(SEEDS)
  expect(there).toEqual(here)
})
