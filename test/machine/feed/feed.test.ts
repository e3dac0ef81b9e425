import { beforeEach, describe, expect, test } from 'vitest'
import type { Json, JsonObject } from '../../../src/base/json.ts'
import { FeedMachine } from '../../../src/machine/feed/feed-machine.ts'
import { EXPIRE_MAX, IDS_MAX, TOMBSTONE_MS } from '../../../src/machine/feed/limits.ts'
import { matches } from '../../../src/machine/feed/name.ts'
import { Driven, hashOf, reloaded } from '../support.ts'

let feed: Driven

beforeEach(() => {
  feed = new Driven(new FeedMachine())
})

const create = (more: JsonObject = {}): Json => feed.run({ op: 'create', feed: 'f', ...more })
const publish = (value: Json, more: JsonObject = {}): JsonObject =>
  feed.run({ op: 'publish', record: { feed: 'f', value, ...more } }) as JsonObject
const refused = (record: JsonObject) => feed.refuse({ op: 'publish', record })
const read = (more: JsonObject = {}): JsonObject[] => {
  const page = feed.ask({ op: 'read', feed: 'f', ...more }) as { records: string[] }
  return page.records.map(text => JSON.parse(text) as JsonObject)
}

test('a record is what was published, and where it stands in the log', () => {
  create()
  expect(publish({ n: 1 }, { key: 'k', headers: { a: 'b' }, schema: 'x', op: 'mine' })).toEqual({
    ...{ partition: 0, offset: 0, rev: 2, timeMs: feed.timeMs, duplicate: false },
  })
  expect(read()).toEqual([
    {
      ...{ feed: 'f', partition: 0, offset: 0, timeMs: feed.timeMs, rev: 2, key: 'k' },
      ...{ value: { n: 1 }, headers: { a: 'b' }, viewstamp: { view: 0, op: 2 } },
      ...{ schema: 'x', op: 'mine' },
    },
  ])
})

test('what was read can be published again: what the log says is said anew', () => {
  create()
  publish(1, { key: 'k', correlationId: 'c' })
  const [first = {}] = read()
  feed.timeMs += 5
  feed.run({ op: 'publish', record: first })
  expect(read()[1]).toMatchObject({ offset: 1, value: 1, correlationId: 'c', rev: 3 })
  expect(read()[1]?.['timeMs']).toBe(feed.timeMs)
})

test('cause and effect: of the record itself, of its headers, of the call', () => {
  create()
  const context = { ...feed.context(), rev: 9, correlationId: 'call', causationId: 'cause' }
  const one = (more: JsonObject) =>
    feed.machine.apply({ op: 'publish', record: { feed: 'f', value: 0, ...more } }, context, [])
  one({})
  one({ headers: { correlationId: 'header' } })
  one({ headers: { correlationId: 'header' }, correlationId: 'own' })
  expect(read().map(each => each['correlationId'])).toEqual(['call', 'header', 'own'])
  expect(read()[2]).toMatchObject({ causationId: 'cause' })
})

describe('an id', () => {
  test('is published once, and answered alike', () => {
    create({ dedupeMs: 1000 })
    const first = publish(1, { id: 'a' })
    feed.timeMs += 999
    expect(publish(2, { id: 'a' })).toEqual({ ...first, duplicate: true })
    feed.timeMs += 1
    expect(publish(3, { id: 'a' })).toMatchObject({ offset: 1, duplicate: false })
    expect(read().map(each => each['value'])).toEqual([1, 3])
  })

  test('is remembered over a restart, and hashes alike', () => {
    create()
    for (let i = 0; i < 1500; i++) publish(i, { id: `id${i}` })
    const next = new Driven(reloaded(feed.machine, new FeedMachine()))
    next.timeMs = feed.timeMs
    next.rev = feed.rev
    const record = { feed: 'f', value: 0, id: 'id7' }
    for (const each of [feed, next]) {
      expect(each.run({ op: 'publish', record })).toMatchObject({ offset: 7, duplicate: true })
      each.timeMs += 200_000
      each.run({ op: 'publish', record })
    }
    expect(hashOf(next.machine)).toBe(hashOf(feed.machine))
  })

  test('twice in one batch is published once', () => {
    create()
    const [a, b] = ['a', 'b'].map(id => ({ feed: 'f', value: 0, id }))
    expect(feed.run({ op: 'publishBatch', records: [a, b, a] as Json })).toMatchObject({
      results: [{ offset: 0 }, { offset: 1 }, { offset: 0, duplicate: true }],
    })
  })

  test('is forgotten early when there are too many', () => {
    create()
    const records = Array.from({ length: 10_000 }, (_, i) => ({ feed: 'f', value: 0, id: `${i}` }))
    for (let at = 0; at <= IDS_MAX; at += 10_000) {
      const batch = records.map(record => ({ ...record, id: `${at}/${record.id}` }))
      feed.run({ op: 'publishBatch', records: batch })
    }
    expect(publish(0, { id: '0/0' })).toMatchObject({ duplicate: false })
    expect(publish(0, { id: `${IDS_MAX}/0` })).toMatchObject({ duplicate: true })
  })
})

test('expectOffset: only if nobody was there before', () => {
  create()
  publish(1, { expectOffset: 0 })
  expect(refused({ feed: 'f', value: 2, expectOffset: 0 })).toMatchObject({
    name: 'WRONG_OFFSET',
    data: { next: 1, partition: 0 },
  })
  const records = [1, 2].map(expectOffset => ({ feed: 'f', value: 0, expectOffset }))
  expect(feed.run({ op: 'publishBatch', records })).toMatchObject({ results: [{}, { offset: 2 }] })
})

test('a batch is published whole or not at all, and says which record was refused', () => {
  create()
  const before = hashOf(feed.machine)
  const records = [
    { feed: 'f', value: 1 },
    { feed: 'f', value: 1, partition: 7 },
  ]
  expect(feed.refuse({ op: 'publishBatch', records })).toMatchObject({
    name: 'INVALID_PARAMS',
    data: { path: 'records[1].partition' },
    message: expect.stringMatching(/^records\[1\]: f has no partition 7: it has 1, from 0$/),
  })
  expect(hashOf(feed.machine)).toBe(before)
})

test('partitions: a key keeps its own, records without one take turns', () => {
  create({ partitions: 4 })
  const places = new Set<Json | undefined>()
  for (let i = 0; i < 40; i++) places.add(publish(i, { key: `k${i % 10}` })['partition'])
  expect(places.size).toBe(4)
  const of = (key: string) => publish(0, { key })['partition']
  expect([of('k1'), of('k1'), of('k1')]).toEqual(Array(3).fill(of('k1')))
  const turns = [1, 2, 3, 4].map(i => publish(i)['partition'])
  expect(new Set(turns).size).toBe(4)
  expect(publish(1, { id: 'x' })['partition']).toBe(of('x'))
  expect(publish(1, { key: 'k', partition: 3 })['partition']).toBe(3)
})

test('reading below the first offset is an error that says where to go on', () => {
  create({ retention: { records: 2 } })
  for (let i = 0; i < 5; i++) publish(i)
  expect(read({ from: 3 }).map(each => each['offset'])).toEqual([3, 4])
  expect(() => read({ from: 2 })).toThrow(/begins at 3/)
  feed.run({ op: 'update', feed: 'f', retention: { records: null } })
  feed.run({ op: 'truncate', feed: 'f', beforeOffset: 5 })
  expect(feed.ask({ op: 'bounds', feed: 'f' })).toMatchObject([{ first: 5, next: 5, bytes: 0 }])
  expect(() => feed.run({ op: 'truncate', feed: 'f', beforeOffset: 6 })).toThrow(/ends at 5/)
})

test('by age records go without anybody publishing', () => {
  create({ retention: { ageMs: 1000 } })
  publish(1)
  const due = feed.machine.nextDeadline() ?? 0
  expect(due).toBeGreaterThanOrEqual(feed.timeMs + 1000)
  expect(due).toBeLessThan(feed.timeMs + 1100)
  feed.reach(due - 100)
  publish(2)
  feed.reach(due)
  expect(read().map(each => each['value'])).toEqual([2])
  feed.reach(due + 2000)
  expect(read()).toEqual([])
  expect(feed.machine.nextDeadline()).toBeUndefined()
})

test('a feed that is deleted leaves nothing behind', () => {
  const empty = hashOf(feed.machine)
  create({ compact: 'key', partitions: 3 })
  for (let i = 0; i < 50; i++) publish('x'.repeat(9_000), { key: `k${i}`, id: `${i}` })
  feed.run({ op: 'delete', feed: 'f' })
  expect(hashOf(feed.machine)).toBe(empty)
  expect(refused({ feed: 'f', value: 1 })).toMatchObject({ name: 'FEED_NOT_FOUND' })
  create()
  expect(publish(1)).toMatchObject({ offset: 0 })
})

test('compacted: text that no reader sees takes little space, however often a key is written', () => {
  create({ compact: 'key' })
  for (let i = 0; i < 2_000; i++) publish('x'.repeat(500), { key: `k${i % 10}` })
  expect(feed.ask({ op: 'bounds', feed: 'f' })).toMatchObject([{ records: 10, first: 0 }])
  const [{ bytes } = { bytes: 0 }] = feed.ask({ op: 'bounds', feed: 'f' }) as { bytes: number }[]
  expect(bytes).toBeLessThan(80_000)
  expect(refused({ feed: 'f', value: 1 }).message).toMatch(/every record needs a key/)
})

test('compacted: when what was deleted is forgotten, the state is the same after a restart', () => {
  create({ compact: 'key' })
  for (let i = 0; i < 200; i++) publish('x'.repeat(500), { key: `k${i}` })
  for (let i = 0; i < 200; i++) publish(null, { key: `k${i}` })
  for (let i = 0; i < 300; i++) publish('y'.repeat(500), { key: 'same' })
  hashOf(feed.machine)
  feed.machine.takeDirty()
  feed.reach(feed.timeMs + TOMBSTONE_MS)
  const dirty = feed.machine.takeDirty()
  const bounds = feed.ask({ op: 'bounds', feed: 'f' })
  expect(bounds).toMatchObject([{ records: 1 }])
  const again = reloaded(feed.machine, new FeedMachine())
  expect(again.query({ op: 'bounds', feed: 'f' }, 0)).toEqual(bounds)
  expect(dirty).toContain('p/f/0000')
})

test('compacted: many deleted keys go some at a time', () => {
  create({ compact: 'key' })
  const keys = Array.from({ length: EXPIRE_MAX + 5 }, (_, i) => ({ feed: 'f', key: `k${i}` }))
  for (const half of [keys.slice(0, 6000), keys.slice(6000)]) {
    feed.run({ op: 'publishBatch', records: half.map(each => ({ ...each, value: null })) })
  }
  feed.reach(feed.timeMs + TOMBSTONE_MS)
  expect(feed.ask({ op: 'bounds', feed: 'f' })).toMatchObject([{ records: 5 }])
  expect(feed.machine.nextDeadline()).toBeLessThanOrEqual(feed.timeMs)
  feed.reach(feed.timeMs)
  expect(feed.ask({ op: 'bounds', feed: 'f' })).toMatchObject([{ records: 0 }])
  expect(feed.machine.nextDeadline()).toBeUndefined()
})

test('several partitions are cut in one operation, or none', () => {
  create({ partitions: 2 })
  for (let i = 0; i < 10; i++) publish(i, { partition: i % 2 })
  const cut = (offsets: JsonObject): JsonObject => ({ op: 'truncate', feed: 'f', offsets })
  expect(feed.refuse(cut({ 0: 3, 1: 6 })).name).toBe('OFFSET_OUT_OF_RANGE')
  expect(feed.ask({ op: 'bounds', feed: 'f' })).toMatchObject([{ first: 0 }, { first: 0 }])
  expect(feed.run(cut({ 0: 3, 1: 5 }))).toEqual({ first: { 0: 3, 1: 5 } })
  expect(feed.refuse(cut({ x: 3 })).name).toBe('INVALID_PARAMS')
})

const long = (length: number): string => 'x'.repeat(length)

test.each<[JsonObject, string, string]>([
  [{ feed: 'no such', value: 1 }, 'INVALID_PARAMS', 'feed'],
  [{ feed: 'a/b', value: 1 }, 'INVALID_PARAMS', 'feed'],
  [{ value: 1 }, 'INVALID_PARAMS', 'feed'],
  [{ feed: 'g', value: 1 }, 'FEED_NOT_FOUND', ''],
  [{ feed: 'f' }, 'INVALID_PARAMS', 'value'],
  [{ feed: 'f', value: long(1_048_577) }, 'TOO_LARGE', 'value'],
  [{ feed: 'f', value: 1, key: '' }, 'INVALID_PARAMS', 'key'],
  [{ feed: 'f', value: 1, key: long(1025) }, 'TOO_LARGE', 'key'],
  [{ feed: 'f', value: 1, id: 7 }, 'INVALID_PARAMS', 'id'],
  [{ feed: 'f', value: 1, id: long(257) }, 'TOO_LARGE', 'id'],
  [{ feed: 'f', value: 1, headers: { a: [] } }, 'INVALID_PARAMS', 'headers.a'],
  [{ feed: 'f', value: 1, headers: { a: long(20_000) } }, 'TOO_LARGE', 'headers'],
  [{ feed: 'f', value: 1, partition: 1 }, 'INVALID_PARAMS', 'partition'],
  [{ feed: 'f', value: 1, correlationId: 5 }, 'INVALID_PARAMS', 'correlationId'],
  [{ feed: 'f', value: 1, more: long(1_200_000) }, 'TOO_LARGE', ''],
])('record %# is refused', (record, name, path) => {
  create()
  const before = hashOf(feed.machine)
  const refusal = refused(record)
  expect(refusal.name).toBe(name)
  if (name !== 'FEED_NOT_FOUND') expect(refusal.data).toMatchObject({ path })
  expect(hashOf(feed.machine)).toBe(before)
})

test('what a feed is made of is checked, and some of it is for good', () => {
  const bad = (more: JsonObject) => feed.refuse({ op: 'create', feed: 'f', ...more }).data
  expect(bad({ partitions: 0 })).toEqual({ path: 'partitions' })
  expect(bad({ compact: 'yes' })).toEqual({ path: 'compact' })
  expect(bad({ retention: { age: 1 } })).toEqual({ path: 'retention.age' })
  expect(bad({ retention: { ageMs: 0 } })).toEqual({ path: 'retention.ageMs' })
  create()
  expect(feed.refuse({ op: 'create', feed: 'f' })).toMatchObject({ name: 'FEED_EXISTS' })
  expect(create({ ifAbsent: true })).toMatchObject({ config: { partitions: 1 } })
  expect(feed.refuse({ op: 'update', feed: 'f', partitions: 2 }).data).toEqual({
    path: 'partitions',
  })
  expect(feed.run({ op: 'update', feed: 'f', retention: { records: 3 } })).toMatchObject({
    config: { retention: { records: 3 } },
  })
})

test('patterns of names', () => {
  expect(matches('orders.*', 'orders.eu')).toBe(true)
  expect(matches('orders.*', 'orders.eu.de')).toBe(false)
  expect(matches('orders.*', 'orders')).toBe(false)
  expect(matches('*.eu', 'orders.eu')).toBe(true)
  expect(matches('orders.>', 'orders.eu.de')).toBe(true)
  expect(matches('orders.>', 'orders')).toBe(false)
  expect(matches('>', 'a')).toBe(true)
})
