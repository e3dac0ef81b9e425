/** viewstamp check against a server that is right, and against servers that are wrong: each must be found. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { RecordedOp } from '../../src/check/history.ts'
import { leastOps } from '../../src/cli/check/report.ts'
import { cli, type Outcome } from './command-line.ts'
import { FakeDaemon } from './fake-daemon.ts'
import { FakeStore, type Wrong } from './fake-store.ts'

let daemons: readonly FakeDaemon[]
let folder: string

beforeEach(async () => {
  daemons = [await FakeDaemon.start(), await FakeDaemon.start()]
  folder = mkdtempSync(join(tmpdir(), 'viewstamp-check-'))
})
afterEach(async () => {
  await Promise.all(daemons.map(daemon => daemon.stop()))
  rmSync(folder, { recursive: true, force: true })
})

const check = (...words: readonly string[]): Promise<Outcome> =>
  cli(['check', '-e', daemons[0]?.url ?? '', '--ops', '1500', '--seed', '7', ...words])

test('a server that is right is found right, and its keys are removed', async () => {
  const store = new FakeStore(daemons)
  const { code, out, err } = await check('-o', 'table')
  expect([code, err]).toEqual([
    0,
    expect.stringContaining('checking n1, n2 with 16 clients for 60 s'),
  ])
  expect(out).toMatch(/WORKLOAD +KEYS +OPS +OK +UNKNOWN +FAILED +VERDICT\nregister/)
  expect(out).toMatch(/\nok: every answer fits/)
  expect(store.keys).toEqual([])
})

const WRONG: readonly (readonly [Wrong, RegExp])[] = [
  ['loses writes', /no order of these operations|misses what was there|the accounts hold/],
  ['stale reads', /no order of these operations|misses what was there/],
  ['executes twice', /when it was sent again n\d said/],
  ['says none', /no order of these operations|its append was not done/],
  ['torn transactions', /the accounts hold \d+, not 500/],
  ['diverges', /the nodes differ: at op 9 of shard main/],
]

test.each(WRONG)('a server that %s is called bad', async (wrong, why) => {
  new FakeStore(daemons, wrong)
  const { code, out } = await check()
  expect(code).toBe(9)
  expect(out).toMatch(why)
  expect(out).toMatch(/\nbad\n$/)
})

test('a cluster that answers nothing is not ok', async () => {
  new FakeStore(daemons, 'answers nothing')
  const { code, out, err } = await check('--duration', '100ms', '--clients', '4')
  expect(code).toBe(9)
  expect(out).toMatch(/could not be read at the end[\s\S]*unknown\n$/)
  expect(err).toMatch(/errors: .*TIMEOUT \(unknown\)/)
}, 90_000)

test('a check that did too little is not ok', async () => {
  new FakeStore(daemons)
  const { code, out } = await check('--duration', '1ms', '--clients', '1')
  expect(code).toBe(9)
  expect(out).toMatch(/workloads did anything[\s\S]*too little\n$/)
})

test('how much is enough goes by what the calm start did, within limits', () => {
  const history = (calm: number): RecordedOp[] =>
    Array.from({ length: calm }, (_, i) => ({
      ...{ workload: 'register', client: 0, key: 'a', op: 'get', args: [], status: 'ok' },
      ...{ called: 0, returned: i < calm - 1 ? 1_500 : 1_501 },
    }))
  const asked = { durationMs: 60_000, clients: 16, opsMax: Number.POSITIVE_INFINITY }
  expect(leastOps(history(1_501), asked)).toBe(40 * 60)
  expect(leastOps(history(9_000), asked)).toBe(80 * 60)
  expect(leastOps([], asked)).toBe(5 * 60)
  expect(leastOps([], { ...asked, clients: 4 })).toBe(75)
  expect(leastOps(history(9_000), { ...asked, opsMax: 100 })).toBe(50)
})

test('what is recorded is judged the same later, and the whole is there as JSON', async () => {
  new FakeStore(daemons, 'stale reads')
  const file = join(folder, 'h.jsonl')
  const live = await check('--record', file, '--json')
  expect(live.code).toBe(9)
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  expect(lines.length).toBeGreaterThan(100)
  const again = await cli(['check', '--history', file, '--json'])
  expect(again.code).toBe(9)
  const [first, second] = [JSON.parse(live.out), JSON.parse(again.out)]
  expect(second.problems).toEqual(first.problems)
  expect(second.workloads).toEqual(first.workloads)
  // The smallest part of it is bad by itself.
  const [{ ops }] = second.problems
  expect(ops.length).toBeLessThan(10)
  writeFileSync(file, ops.map((op: object) => JSON.stringify(op)).join('\n'))
  expect((await cli(['check', '--history', file])).code).toBe(9)
})

test('a history that cannot be read is a usage error', async () => {
  const file = join(folder, 'h.jsonl')
  expect((await cli(['check', '--history', file])).code).toBe(2)
  writeFileSync(file, '{"workload":"register"}')
  const { code, err } = await cli(['check', '--history', file])
  expect([code, err]).toEqual([2, expect.stringContaining('line 1 of the history: op must be')])
  writeFileSync(file, '')
  expect((await cli(['check', '--history', file])).code).toBe(9)
})

test('--chaos where faults are not allowed says what to do', async () => {
  new FakeStore(daemons)
  for (const daemon of daemons) daemon.error('chaos.status', -32020, 'CHAOS_DISABLED')
  const { code, err } = await check('--chaos')
  expect([code, err]).toEqual([
    8,
    expect.stringContaining('n1 allows no fault injection: start it'),
  ])
})
