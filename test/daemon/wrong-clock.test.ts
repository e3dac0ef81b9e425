/**
 * The clock of one node of three is two hours ahead, then behind, while it is a backup and while it is the primary.
 * What ends by time ends for all at the same entry of the log, when it is time, and not before.
 */
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, Daemons, rpc, sleep } from './processes.ts'

let daemons: Daemons
/** Whose clock is wrong. */
const WRONG = 2
const HOUR = 3_600_000
/** What is kept for so long goes while the test looks. */
const SOON = 1500
/** Clocks are told in whole milliseconds, and carried on from there. */
const ROUNDING = 5

const at = (i: number, method: string, params: object = {}) => rpc(daemons.url(i), method, params)
const anywhere = { meta: { consistency: 'local' } }

function setClock(offByMs: number): void {
  const path = join(daemons.dir, 'off-by')
  writeFileSync(`${path}.new`, String(offByMs))
  renameSync(`${path}.new`, path)
}

beforeAll(async () => {
  daemons = await Daemons.init()
  setClock(0)
  const preload = new URL('./wrong-clock.mjs', import.meta.url)
  const wrong = {
    NODE_OPTIONS: `--import ${preload}`,
    CLOCK_OFF_BY: join(daemons.dir, 'off-by'),
  }
  await Promise.all([daemons.start(0), daemons.start(1), daemons.start(WRONG, wrong)])
  await daemons.untilWritable()
  await at(0, 'feed.create', { feed: 'soon', retention: { ageMs: SOON } })
  await at(0, 'feed.create', { feed: 'late', retention: { ageMs: HOUR } })
  await at(0, 'feed.create', { feed: 'few', retention: { records: 5 } })
  await at(0, 'feed.create', { feed: 'small', retention: { bytes: 4096 } })
  await at(0, 'feed.create', { feed: 'work' })
  await at(0, 'group.create', { feed: 'work', group: 'g', mode: 'queue', ackWaitMs: HOUR })
})

afterAll(() => daemons?.destroy())

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const start = Date.now(); Date.now() - start < 30_000; await sleep(10)) {
    if (await isSo().catch(() => false)) return
  }
  throw new Error(`never: ${what}`)
}

/** Primary, or a backup: until a write says so. */
async function makeWrongOne(role: 'primary' | 'backup'): Promise<void> {
  const name = daemons.nameOf(role === 'primary' ? WRONG : 0)
  await until(`${name} is primary`, async () => {
    const put = await at(1, 'kv.put', { key: 'who', value: role })
    if (put.header.primary === name) return true
    await at(1, 'cluster.stepDown', { to: name })
    return false
  })
}

/** What is on each node of a feed, all having executed the same. */
async function held(feed: string): Promise<Answer[]> {
  await daemons.agree()
  const nodes = [0, 1, WRONG].map(async i => {
    const { config, partitions } = await at(i, 'feed.info', { feed, ...anywhere })
    const { records } = await at(i, 'feed.read', { feed, from: 'first', ...anywhere })
    return { config, partitions, records }
  })
  const [first, ...others] = await Promise.all(nodes)
  for (const other of others) expect(other).toEqual(first)
  return first?.records ?? []
}

const publish = (feed: string, value: unknown, i: number) =>
  at(i % 3, 'feed.publish', { feed, value })

/** Begun before the clock goes wrong, and to be there still long after. */
async function begin(turn: string) {
  const { session } = await at(0, 'session.open', { ttlMs: HOUR })
  await at(1, 'kv.put', { key: `lease/${turn}`, value: 'mine', ttlMs: HOUR })
  await publish('late', turn, 0)
  await publish('work', turn, 1)
  const { records } = await at(0, 'group.fetch', { feed: 'work', group: 'g', member: turn })
  return { session, deliveries: records.map(({ delivery }: Answer) => delivery) as string[] }
}

/** None of it has ended, as every node can tell. */
async function goesOn(turn: string, { session, deliveries }: Awaited<ReturnType<typeof begin>>) {
  for (let i = 0; i < 3; i++) {
    const { kv } = await at(i, 'kv.get', { key: `lease/${turn}` })
    expect(kv?.value).toBe('mine')
    const meta = { session, seq: i + 1 }
    expect(await at(i, 'kv.put', { key: 'numbered', value: turn, meta })).toBeDefined()
    const other = { feed: 'work', group: 'g', member: 'another' }
    expect((await at(i, 'group.fetch', other)).records).toEqual([])
  }
  const done = { feed: 'work', group: 'g', member: turn, deliveries }
  expect(await at(WRONG, 'group.ack', done)).toMatchObject({ acked: deliveries.length })
}

/** Of the feed whose records go soon: how they went. */
async function goesInTime(): Promise<void> {
  const { offset, timeMs } = await publish('soon', 'short-lived', 0)
  // Log time may lag behind the clocks that are right; it is not ahead of them.
  expect(timeMs).toBeLessThanOrEqual(Date.now() + ROUNDING)
  await until('a record goes when it is too old', async () => {
    const { partitions } = await at(1, 'feed.info', { feed: 'soon', ...anywhere })
    return partitions[0].first > offset
  })
  expect(Date.now() + ROUNDING).toBeGreaterThanOrEqual(timeMs + SOON)
}

/** The daemon's clock is as wrong as the test means it to be: it was started minutes ago at most. */
async function isOff(hours: number): Promise<boolean> {
  const { uptimeMs } = await at(WRONG, 'cluster.status')
  return Math.abs(uptimeMs - hours * HOUR) < HOUR
}

/** Who waits at the node for a lease to end gets the record then, whatever that node's clock shows. */
async function comesBack(turn: string): Promise<void> {
  const feed = `back ${turn}`.replaceAll(' ', '.').replace('-', 'minus')
  await publish(feed, turn, 0)
  await at(0, 'group.create', { feed, group: 'g', mode: 'queue', ackWaitMs: SOON })
  const lost = await at(0, 'group.fetch', { feed, group: 'g', member: 'dies' })
  expect(lost.records).toHaveLength(1)
  const waiting = { feed, group: 'g', member: 'waits', waitMs: 60_000 }
  const { records } = await rpc(daemons.url(WRONG), 'group.fetch', waiting, 30_000)
  expect(records).toMatchObject([{ value: turn, attempt: 2 }])
}

const turns = [
  { hours: 2, role: 'backup' },
  { hours: 2, role: 'primary' },
  { hours: -2, role: 'primary' },
  { hours: -2, role: 'backup' },
] as const

test.each(turns)(
  'off by $hours hours, as $role',
  async ({ hours, role }) => {
    const turn = `${hours} ${role}`
    setClock(0)
    await makeWrongOne(role)
    const begun = await begin(turn)
    const before = (await held('late')).length
    setClock(hours * HOUR)
    await until(`the clock is off by ${hours} h`, () => isOff(hours))
    for (let i = 0; i < 12; i++) {
      await publish('few', i, i)
      await publish('small', 'x'.repeat(300), i)
      await publish('late', i, i)
    }
    await goesInTime()
    await comesBack(turn)
    await makeWrongOne(role)
    await goesOn(turn, begun)
    expect(await held('late')).toHaveLength(before + 12)
    expect((await held('few')).map(({ value }) => value)).toEqual([7, 8, 9, 10, 11])
    expect((await held('small')).length).toBeLessThan(12)
    expect(await held('soon')).toEqual([])
    expect((await at(0, 'log.verify', { allReplicas: true })).ok).toBe(true)
  },
  60_000,
)
