/** The tools around the simulator, as processes: what fails is made smaller, reproduced and told; planted bugs are found. */
import { execFile } from 'node:child_process'
import { expect, test } from 'vitest'

interface Ran {
  readonly code: number
  readonly out: string
}

function run(script: string, words: readonly string[]): Promise<Ran> {
  return new Promise(done => {
    const args = [`scripts/${script}.mjs`, ...words]
    const most = { maxBuffer: 64 << 20 }
    const child = execFile(process.execPath, args, most, (_error, out, err) => {
      done({ code: child.exitCode ?? -1, out: out + err })
    })
  })
}

const sentenceOf = (out: string): string => out.match(/^(property|invariant) · .*$/m)?.[0] ?? ''

test('a failing seed is made smaller, and one line of it is the same failure', async () => {
  const planted = ['--mutant', 'view-change-quorum-too-small']
  const words = ['--seed', '8', ...planted]
  const whole = await run('sim', words)
  expect(whole.code).toBe(129)
  const small = await run('sim', [...words, '--minimise'])
  expect(small.code).toBe(129)
  const [, after = 'none', before = 'none'] = small.out.match(/tries: (\d+) events of (\d+) /) ?? []
  expect(Number(after)).toBeLessThanOrEqual(0.3 * Number(before))

  const line = small.out.match(/REPRODUCE: npm run sim -- (.*)$/m)?.[1] ?? ''
  const again = await run('sim', line.split(' '))
  expect(again.code).toBe(129)
  expect(sentenceOf(again.out)).toBe(sentenceOf(small.out))
  expect(sentenceOf(small.out)).toContain('view-from-quorum')
}, 180_000)

test('its time line has a column for every replica, and at most 200 events', async () => {
  const { out } = await run('sim', ['--seed', '1', '--mutant', 'ack-before-disk'])
  expect(out).toMatch(/^ {4}ms {2}r0 +r1 +r2/)
  expect(out).toMatch(/r0 → r1 r2 {2}PREPARE v0 n1/)
  const lines = out.split('\n')
  expect(lines.indexOf('')).toBeLessThanOrEqual(201)
})

test('the canary is caught by the property that is named', async () => {
  const { code, out } = await run('sim', ['--canary'])
  expect(out).toContain('was caught by durable-on-quorum')
  expect(code).toBe(0)
})

test('the corpus passes, and most of it still catches its bug', async () => {
  const { code, out } = await run('sim', ['--corpus'])
  const [, passed, catching] = out.match(/(\d+) runs of the corpus passed; (\d+) catch/) ?? []
  expect(code).toBe(0)
  expect(Number(passed)).toBeGreaterThan(20)
  expect(Number(catching)).toBeGreaterThanOrEqual(Number(passed) / 2)
}, 300_000)

const SMALL = ['--commands', '1', '--repeats', '0', '--crashes', '0', '--questions', '1']

test('the exhaustive corner finds the lost op of the paper’s state transfer, by a shortest story', async () => {
  const cheap = ['--fast-disks', '--no-heartbeats', '--states', '200000']
  const words = [...SMALL, ...cheap, '--mutant', 'transfer-of-the-paper']
  const { code, out } = await run('explore', words)
  expect(code).toBe(129)
  expect(out).toContain('acknowledged-not-lost: r2 starts view 2 with 1 ops, without op 2')
}, 180_000)

test('every word that the head of scripts/sim.mjs names is taken', async () => {
  const several = ['--seeds', '2', '--jobs', '2', '--coverage', '--check-determinism']
  const many = await run('sim', several)
  expect(many.out).toContain('2 lite seeds passed')
  expect(many.code).toBe(0)
  const fresh = await run('sim', ['--seeds', '3', '--from-commit'])
  expect(fresh.out).toMatch(/^seeds 1 to 2, and (\d{7,}) to \1, by commit [0-9a-f]{12}$/m)
  expect(fresh.out).toContain('3 lite seeds passed')
  const full = await run('sim', ['--seed', '1', '--full', '--until-ms', '2000'])
  expect(full.out).toContain('"tier":"full"')
  expect(full.code).toBe(0)
})

test('unknown words are refused with a sentence', async () => {
  expect(await run('sim', ['--seed', '1', '--without', 'rain'])).toMatchObject({ code: 2 })
  expect(await run('sim', ['--seed', '1', '--mutant', 'none'])).toMatchObject({ code: 2 })
  expect((await run('sim', ['--log', 'loud'])).out).toContain('--log loud is none of')
  expect(await run('sim', ['--from-commit'])).toMatchObject({ code: 2 })
})
