/** One node's clock is two hours wrong, and that node is the primary: what lives for a time lives as long as promised. */
import { expect, test } from 'vitest'
import { cluster, feeds, publish, read, start, stopAfterEach, valuesOf } from './feed-cluster.ts'

stopAfterEach()

const HOUR_MS = 3_600_000
/** Far from that of this machine: nobody may look at it. */
const BEGIN_MS = 1_000_000_000_000
/** The primary lets the others' clocks run on until it hears of them again. */
const BIT_MS = 60_000
const KEPT = { timeout: 15_000 }

/** Three nodes, whose clocks stand still until `pass`; that of n3, the primary, is wrong by so much. */
async function withWrongPrimary(wrongMs: number): Promise<(ms: number) => void> {
  let nowMs = BEGIN_MS
  const starting = start(3)
  for (const name of ['n1', 'n2']) cluster.clocks.set(name, () => nowMs)
  cluster.clocks.set('n3', () => nowMs + wrongMs)
  await starting
  await feeds('n1').create('aged', { retention: { ageMs: HOUR_MS } }, {})
  await feeds('n1').create('sized', { retention: { bytes: 100_000 } }, {})
  await publish('n1', 'aged', 0)
  await cluster.node('n1').stepDown(undefined, 'n3', {})
  return ms => {
    nowMs += ms
  }
}

const groups = (node: string) => feeds(node).groups
const firstOf = async (feed: string) => (await read('n2', feed)).first

test.each([
  ['fast', 2 * HOUR_MS],
  ['slow', -2 * HOUR_MS],
])(
  'retention by time, a primary that is two hours %s',
  async (_how, wrongMs) => {
    const pass = await withWrongPrimary(wrongMs)
    await publish('n2', 'aged', 1)
    const body = { op: 'put', key: 'k', value: 1, ttlMs: HOUR_MS }
    await cluster.node('n2').write({ machine: 'kv', keys: ['k'], body, meta: {} })
    const { records, first } = await read('n1', 'aged')
    expect([first, valuesOf(records)]).toEqual([0, [0, 1]])
    for (const text of records) {
      const { timeMs } = JSON.parse(text)
      expect([timeMs >= BEGIN_MS, timeMs < BEGIN_MS + BIT_MS]).toEqual([true, true])
    }

    // Nearly an hour later everything is still there; a write brings log time to now.
    pass(HOUR_MS - 2 * BIT_MS)
    await publish('n3', 'aged', 2)
    expect(await firstOf('aged')).toBe(0)
    expect(await cluster.get('n1', 'k')).toBe(1)

    // Then it goes by itself, and the primary is still the same.
    pass(3 * BIT_MS)
    await expect.poll(() => cluster.get('n1', 'k'), KEPT).toBeUndefined()
    pass(HOUR_MS / 8)
    await expect.poll(() => firstOf('aged'), KEPT).toBeGreaterThan(0)
    pass(2 * HOUR_MS)
    await expect.poll(async () => (await read('n1', 'aged')).records, KEPT).toEqual([])
    expect(cluster.node('n1').header(undefined).primary).toBe('n3')
  },
  60_000,
)

test('retention by size does not ask for the time: the same goes on all nodes', async () => {
  await withWrongPrimary(2 * HOUR_MS)
  await feeds('n1').ensure(['sized'], {})
  for (let i = 0; i < 60; i++) {
    const record = { feed: 'sized', value: 'x'.repeat(5000), key: String(i) }
    await feeds(`n${1 + (i % 3)}`).write('sized', { op: 'publish', record }, {})
  }
  const told = await Promise.all(['n1', 'n2', 'n3'].map(node => read(node, 'sized')))
  const [one] = told
  expect(Number(one?.first)).toBeGreaterThan(0)
  expect(Number(one?.last)).toBe(59)
  for (const other of told) {
    expect([other.first, other.last, other.records]).toEqual([one?.first, one?.last, one?.records])
  }
}, 60_000)

test('a fetch that waits writes before and behind, not all the while, where a clock is two hours fast', async () => {
  await withWrongPrimary(2 * HOUR_MS)
  await publish('n1', 'jobs', 1)
  await groups('n1').create('jobs', 'g', { mode: 'queue', ackWaitMs: HOUR_MS }, {})
  const options = { member: 'first', limit: 5, waitMs: 0 }
  const { records, header } = await groups('n1').fetch('jobs', 'g', options, {})
  expect(valuesOf(records)).toEqual([1])
  const waiting = { member: 'other', limit: 5, waitMs: 1500 }
  const found = await groups('n3').fetch('jobs', 'g', waiting, {})
  expect(found.records).toEqual([])
  expect(found.header.op - header.op).toBeLessThan(5)
}, 60_000)
