/** Feeds made again from what the log of state changes says of them. */
import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import type { Json, JsonObject } from '../../../src/base/json.ts'
import { FeedMachine } from '../../../src/machine/feed/feed-machine.ts'
import { TOMBSTONE_MS } from '../../../src/machine/feed/limits.ts'
import type { Change } from '../../../src/machine/machine.ts'
import { Rejected } from '../../../src/machine/machine.ts'
import { Driven, hashOf, refusalOf, reloaded } from '../support.ts'

let source: Driven
/** Of each operation, and of the time before it. */
let told: (readonly Change[])[]

beforeEach(() => {
  source = new Driven(new FeedMachine())
  told = []
})

function run(command: JsonObject): Json {
  const answer = source.run(command)
  told.push(source.changes)
  return answer
}

/** As a log is read: what is refused takes a rev, and what time took stands with the next operation. */
function attempt(command: JsonObject): void {
  try {
    run(command)
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    told.push([])
  }
}

let waited: Change[] = []
function reach(timeMs: number): void {
  source.reach(timeMs)
  waited.push(...source.changes)
}

function recordsOf(machine: Driven, feed: string, partition: number): JsonObject[] {
  const page = machine.ask({ op: 'read', feed, partition }) as { records: string[] }
  return page.records.map(text => JSON.parse(text) as JsonObject)
}

const feedsIn = (machine: Driven) =>
  (machine.ask({ op: 'list' }) as { feeds: { feed: string; config: { partitions: number } }[] })
    .feeds

/** `feed/partition/offset` with the record, by the rev that published it: what log.read looks up in the feeds. */
function published(): Map<number, JsonObject[]> {
  const byRev = new Map<number, JsonObject[]>()
  for (const { feed, config } of feedsIn(source)) {
    for (let partition = 0; partition < config.partitions; partition++) {
      for (const record of recordsOf(source, feed, partition)) {
        const key = `${feed}/${partition}/${record['offset']}`
        const rev = Number(record['rev'])
        byRev.set(rev, [...(byRev.get(rev) ?? []), { key, value: record }])
      }
    }
  }
  return byRev
}

const isOfBounds = ({ key }: Change): boolean => /\/\d+$/.test(key) && !key.includes('/group/')

function takeOver(copy: Driven, changes: readonly (JsonObject | Change)[]): void {
  copy.changes = []
  const plain = changes.map(({ key, value }) =>
    value === undefined ? { key: key as string } : { key: key as string, value },
  ) as JsonObject[]
  copy.machine.feeds?.takeOver(plain, { context: copy.context(), changes: copy.changes })
}

function copied(): Driven {
  const copy = new Driven(new FeedMachine())
  copy.timeMs = source.timeMs
  const records = published()
  for (const changes of told) {
    copy.rev++
    const others = changes.filter(change => !isOfBounds(change))
    const all = [...others, ...(records.get(copy.rev) ?? []), ...changes.filter(isOfBounds)]
    takeOver(copy, all)
  }
  return copy
}

/** All that a reader finds, but for what the copy's own log says. */
function seen(machine: Driven): unknown {
  return feedsIn(machine).map(({ feed, config }) => {
    const { partitions, groups } = machine.ask({ op: 'info', feed }) as {
      partitions: JsonObject[]
      groups: JsonObject[]
    }
    const records = Array.from({ length: config.partitions }, (_, partition) =>
      recordsOf(machine, feed, partition).map(({ viewstamp: _, timeMs: __, ...rest }) => rest),
    )
    const bounds = partitions.map(({ bytes: _, ...bound }) => bound)
    return { feed, config, bounds, records, groups, all: machine.ask({ op: 'groups', feed }) }
  })
}

test('an operation tells what it changed of feeds: configuration, what went, groups', () => {
  const last = () => source.changes.map(({ rev: _, machine: __, ...rest }) => rest)
  run({ op: 'create', feed: 'f', partitions: 2, retention: { records: 2 } })
  const config = { partitions: 2, retention: { records: 2 }, compact: 'none', dedupeMs: 120_000 }
  expect(source.changes).toEqual([{ rev: 1, machine: 'feed', key: 'f', value: config }])
  run({ op: 'create', feed: 'f', ifAbsent: true })
  expect(last()).toEqual([])
  const records = [0, 1, 2].map(value => ({ feed: 'f', partition: 1, value }))
  run({ op: 'publishBatch', records: records.slice(1) })
  expect(last()).toEqual([])
  run({ op: 'publishBatch', records })
  expect(last()).toEqual([{ key: 'f/1', value: { first: 3, next: 5 } }])
  run({ op: 'truncate', feed: 'f', partition: 1, beforeOffset: 4 })
  expect(last()).toEqual([{ key: 'f/1', value: { first: 4, next: 5 } }])
  run({ op: 'truncate', feed: 'f', partition: 1, beforeOffset: 2 })
  expect(last()).toEqual([])
  run({ op: 'group.create', feed: 'f', group: 'g' })
  expect(last()).toEqual([{ key: 'f/group/g', value: { mode: 'cursor', offsets: { 0: 0, 1: 4 } } }])
  run({ op: 'group.commit', feed: 'f', group: 'g', offsets: { 1: 5 } })
  expect(last()).toEqual([{ key: 'f/group/g', value: { mode: 'cursor', offsets: { 0: 0, 1: 5 } } }])
  run({ op: 'group.delete', feed: 'f', group: 'g' })
  expect(last()).toEqual([{ key: 'f/group/g' }])
  run({ op: 'update', feed: 'f', retention: { records: null, ageMs: 1000 } })
  const changed = { ...config, retention: { ageMs: 1000 } }
  expect(last()).toEqual([{ key: 'f', value: changed }])
  source.reach(source.timeMs + 2000)
  expect(last()).toEqual([{ key: 'f/1', value: { first: 5, next: 5 } }])
  run({ op: 'delete', feed: 'f' })
  expect(last()).toEqual([{ key: 'f' }])
})

test('of a queue it tells below which offset everything is done', () => {
  run({ op: 'create', feed: 'f' })
  for (const value of [0, 1, 2]) run({ op: 'publish', record: { feed: 'f', value } })
  run({ op: 'group.create', feed: 'f', group: 'q', mode: 'queue' })
  const ask = { feed: 'f', group: 'q', member: 'm' }
  const { deliveries } = run({ op: 'group.fetch', ...ask, limit: 3 }) as {
    deliveries: { delivery: string }[]
  }
  expect(source.changes).toEqual([])
  const done = (n: number) => {
    run({ op: 'group.ack', ...ask, deliveries: [deliveries[n]?.delivery ?? ''] })
    return source.changes.map(({ value }) => (value as JsonObject)['offsets'])
  }
  expect([done(1), done(0), done(2)]).toEqual([[{ 0: 0 }], [{ 0: 2 }], [{ 0: 3 }]])
  expect(seen(copied())).toEqual(seen(source))
})

const key = fc.constantFrom('a', 'b', 'c')
const name = fc.constantFrom('one', 'many', 'keys')
const record = fc.record(
  {
    feed: name,
    key,
    value: fc.oneof(fc.constant(null), fc.nat(9), fc.constant('x'.repeat(30_000))),
    id: fc.constantFrom('i', 'j'),
    mine: fc.boolean(),
  },
  { requiredKeys: ['feed', 'key', 'value'] },
)
const command = fc.oneof(
  { weight: 8, arbitrary: fc.record({ op: fc.constant('publish'), record }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('publishBatch'),
      records: fc.array(record, { minLength: 1, maxLength: 4 }),
    }),
  },
  fc.record({
    op: fc.constant('truncate'),
    feed: name,
    partition: fc.constant(0),
    beforeOffset: fc.nat(12),
  }),
  fc.record({ op: fc.constant('delete'), feed: name }),
  fc.record({
    op: fc.constant('update'),
    feed: name,
    retention: fc.record({ records: fc.constantFrom(null, 2, 5) }),
  }),
  { weight: 2, arbitrary: fc.record({ op: fc.constant('group.create'), feed: name, group: key }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('group.commit'),
      feed: name,
      group: key,
      offsets: fc.record({ 0: fc.nat(6) }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('create'), feed: name }) },
)
const SETUP: Record<string, JsonObject> = {
  one: {},
  many: { partitions: 3, retention: { records: 4 } },
  keys: { compact: 'key' },
}

test('a copy has the same feeds, records at the same offsets, and groups, whatever was done', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), commands => {
      source = new Driven(new FeedMachine())
      told = []
      for (const feed in SETUP) run({ op: 'create', feed, ...SETUP[feed] })
      for (const each of commands) {
        source.timeMs += 10
        attempt(each.op === 'create' ? { ...each, ...SETUP[String(each.feed)] } : each)
      }
      const copy = copied()
      expect(seen(copy)).toEqual(seen(source))
      expect(hashOf(reloaded(copy.machine, new FeedMachine()))).toBe(hashOf(copy.machine))
    }),
    { numRuns: 150 },
  )
})

test('what retention and time took before the log was read is skipped, and offsets go on behind it', () => {
  run({ op: 'create', feed: 'f', retention: { ageMs: 1000 } })
  run({ op: 'create', feed: 'k', compact: 'key' })
  for (const value of [0, 1]) run({ op: 'publish', record: { feed: 'f', value } })
  run({ op: 'publish', record: { feed: 'k', key: 'a', value: 1 } })
  run({ op: 'publish', record: { feed: 'k', key: 'a', value: null } })
  waited = []
  reach(source.timeMs + TOMBSTONE_MS)
  expect(waited.map(({ key: each, value }) => [each, value])).toEqual([
    ['f/0', { first: 2, next: 2 }],
    ['k/0', { first: 0, next: 2 }],
  ])
  run({ op: 'publish', record: { feed: 'f', value: 2 } })
  told[told.length - 1] = [...waited, ...source.changes]
  run({ op: 'publish', record: { feed: 'k', key: 'b', value: 3 } })
  const copy = copied()
  expect(seen(copy)).toEqual(seen(source))
  expect(recordsOf(copy, 'k', 0)[0]).toMatchObject({ offset: 2, key: 'b' })
})

test('all of it or nothing: what cannot be taken over leaves the state as it was', () => {
  const copy = new Driven(new FeedMachine())
  copy.rev = 1
  const made = { key: 'f', value: { partitions: 1 } }
  const at = (offset: number) => ({ key: `f/0/${offset}`, value: { value: offset, headers: {} } })
  takeOver(copy, [made, at(3), at(5)])
  expect(recordsOf(copy, 'f', 0).map(each => each['offset'])).toEqual([5])
  expect(copy.ask({ op: 'bounds', feed: 'f' })).toMatchObject([{ first: 5, next: 6 }])
  const before = hashOf(copy.machine)
  const refused = (...bad: JsonObject[]) => {
    const { name: error } = refusalOf(() =>
      takeOver(copy, [at(6), { key: 'g', value: {} }, ...bad]),
    )
    expect(hashOf(copy.machine)).toBe(before)
    return error
  }
  expect(refused(at(6))).toBe('COMPARE_FAILED')
  expect(refused({ key: 'f/0/7', value: { key: 'no value' } })).toBe('INVALID_PARAMS')
  expect(refused({ key: 'f/1', value: { first: 1 } })).toBe('INVALID_PARAMS')
  expect(refused({ key: 'f', value: { partitions: 2 } })).toBe('INVALID_PARAMS')
  expect(refused({ key: 'h/0/0', value: { value: 1 } })).toBe('FEED_NOT_FOUND')
  expect(refused({ key: 'h' })).toBe('FEED_NOT_FOUND')
  expect(refused({ key: 'f/group/g', value: { offsets: { 1: 0 } } })).toBe('INVALID_PARAMS')
  expect(refused({ key: '/', value: 1 })).toBe('INVALID_PARAMS')
})

test('an id that was published twice, a long time apart, is there twice; a repeat afterwards is known', () => {
  run({ op: 'create', feed: 'f', dedupeMs: 1000 })
  for (const value of [0, 1]) {
    run({ op: 'publish', record: { feed: 'f', value, id: 'a' } })
    source.timeMs += 5000
  }
  const copy = copied()
  expect(seen(copy)).toEqual(seen(source))
  const again = copy.run({ op: 'publish', record: { feed: 'f', value: 2, id: 'a' } })
  expect(again).toMatchObject({ offset: 1, duplicate: true })
})
