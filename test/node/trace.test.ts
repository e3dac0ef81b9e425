/** Everything of one correlation, over keys, feeds and shards, from any node. */
import { afterEach, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/base/json.ts'
import type { Meta } from '../../src/node/api.ts'
import type { FeedApi } from '../../src/node/feed-api.ts'
import { shardOfKey } from '../../src/node/route.ts'
import { trace } from '../../src/node/trace.ts'
import type { ReplicaOptions } from '../../src/vr/options.ts'
import { opNumber } from '../../src/vr/terms.ts'
import { TestCluster } from '../support/cluster.ts'

let cluster: TestCluster

afterEach(async () => {
  const { failures } = cluster
  await cluster.stop()
  expect(failures).toEqual([])
})

const named = (stem: string, shard: number, shards: number): string => {
  for (let i = 0; ; i++) if (shardOfKey(`${stem}${i}`, shards) === shard) return `${stem}${i}`
}
const publish = async (node: string, feed: string, record: JsonObject, meta: Meta = {}) => {
  const { feeds } = cluster.node(node)
  await feeds.ensure([feed], {})
  return feeds.write(feed, { op: 'publish', record: { feed, value: 1, ...record } }, meta)
}
const idOf = ({ header, lamport }: { header: { shard: string }; lamport?: number | undefined }) =>
  `${header.shard}@${lamport}`

const SHORT: Partial<ReplicaOptions> = {
  checkpointEvery: 10,
  checkpointIntervalMs: 0,
  keepLogOperations: 10,
  logTailMax: 4,
}

describe('a story over three shards', () => {
  test('keys, records and a transaction, in an order that respects cause and Lamport time', async () => {
    cluster = new TestCluster(3, {}, 3)
    await cluster.start()
    const [a, b] = [named('k', 0, 3), named('k', 1, 3)]
    const feed = named('f', 2, 3)
    const correlationId = 'order-7'
    await cluster.put('n1', 'other', 1, { correlationId: 'else' })
    const first = await cluster.put('n1', a, 1, { correlationId })
    const second = await cluster.put('n2', b, 2, {
      ...{ correlationId, causationId: idOf(first), lamport: first.lamport },
    })
    const third = await publish(
      'n3',
      feed,
      { key: 'x' },
      {
        ...{ correlationId, causationId: idOf(second), lamport: second.lamport },
      },
    )
    const { offset, partition } = third.result as { offset: number; partition: number }
    const fourth = await cluster.put('n1', a, 3, {
      ...{ correlationId, causationId: `${feed}/${partition}/${offset}`, lamport: third.lamport },
    })
    const ids = [first, second, third, fourth].map(idOf)
    for (const name of cluster.names) {
      const found = await cluster.node(name).trace(correlationId, 100, {})
      expect(found.events.map(({ id }) => id)).toEqual(ids)
      expect(found).toMatchObject({ missing: [], more: false, since: { main: 1, s1: 1, s2: 1 } })
      expect(found.edges).toEqual([
        { from: ids[0], to: ids[3], why: 'order' },
        { from: ids[0], to: ids[1], why: 'cause' },
        { from: ids[1], to: ids[2], why: 'cause' },
        { from: ids[2], to: ids[3], why: 'cause' },
      ])
      expect(found.events[0]).toMatchObject({
        ...{ shard: 'main', method: 'kv.put', keys: [a], machine: 'kv', node: 'n1', correlationId },
        ...{ op: first.header.op, view: 0, timeMs: first.header.timeMs, lamport: first.lamport },
      })
      expect(found.events[2]).toMatchObject({
        ...{ method: 'feed.publish', keys: [], causationId: ids[1], node: 'n3' },
        records: [{ feed, partition, offset, key: 'x' }],
      })
    }
  })

  test('a record with a correlation of its own, as member or header; what a transaction published', async () => {
    cluster = new TestCluster(1)
    await cluster.start()
    const own = await publish('n1', 'f', { correlationId: 'own', causationId: 'why' })
    const inHeader = await publish(
      'n1',
      'f',
      { headers: { correlationId: 'own' } },
      {
        correlationId: 'call',
      },
    )
    const step = { op: 'publish', feed: 'f', value: 2, correlationId: 'own' }
    const put = { op: 'put', key: 'in-txn', value: 1 }
    const txn = await cluster.node('n1').write({
      machine: 'kv',
      keys: [],
      body: { op: 'txn', compare: [], then: [put, step], else: [] },
      meta: {},
    })
    const found = await cluster.node('n1').trace('own', 100, {})
    expect(found.events.map(({ id }) => id)).toEqual([own, inHeader, txn].map(idOf))
    expect(found.events).toMatchObject([
      { records: [{ feed: 'f', offset: 0, correlationId: 'own', causationId: 'why' }] },
      { correlationId: 'call', records: [{ offset: 1, correlationId: 'own' }] },
      { method: 'kv.txn', keys: ['in-txn'], records: [{ feed: 'f', offset: 2 }] },
    ])
    expect((await cluster.node('n1').trace('call', 100, {})).events).toHaveLength(1)
  })

  test('what a range deleted; a record that is gone has no offset any more', async () => {
    cluster = new TestCluster(1)
    await cluster.start()
    const meta = { correlationId: 'c' }
    await cluster.put('n1', 'p/1', 1)
    await cluster.put('n1', 'p/2', 1)
    const body = { op: 'del', prefix: 'p/' }
    await cluster.node('n1').write({ machine: 'kv', keys: [], body, meta })
    await publish('n1', 'f', {}, meta)
    await cluster.node('n1').feeds.write('f', { op: 'delete', feed: 'f' }, {})
    const { events } = await cluster.node('n1').trace('c', 100, {})
    expect(events).toMatchObject([{ keys: ['p/1', 'p/2'] }, { records: [{ feed: 'f' }] }])
    expect(events[1]?.records[0]).not.toHaveProperty('offset')
  })
})

test('of very many events the first are told, and pages of feeds are read one after the other', async () => {
  cluster = new TestCluster(1, {}, 3)
  await cluster.start()
  const feeds = [0, 1, 2, 0, 1].map((shard, i) => named(`f${i}-`, shard, 3))
  await cluster.node('n1').feeds.ensure(feeds, {})
  const meta = { correlationId: 'c' }
  const value = 'x'.repeat(500)
  await Promise.all(
    Array.from({ length: 3000 }, (_, i) => publish('n1', feeds[i % 5] ?? '', { value }, meta)),
  )
  const context = cluster.contexts.get('n1')
  if (context === undefined) throw new Error('n1 has no context')
  const seen = { underWay: 0, most: 0, reads: 0, turns: 0 }
  const read: FeedApi['read'] = async (...given) => {
    seen.reads++
    seen.most = Math.max(seen.most, ++seen.underWay)
    setImmediate(() => seen.turns++)
    try {
      return await cluster.node('n1').feeds.read(...given)
    } finally {
      seen.underWay--
    }
  }
  const all = await trace({ context, feeds: { read } }, 'c', 5000, {})
  expect(all).toMatchObject({ more: false })
  expect(all.events).toHaveLength(3000)
  expect(new Set(all.events.map(({ id }) => id)).size).toBe(3000)
  const places = all.events.flatMap(({ records }) =>
    records.map(({ feed, offset }) => `${feed} ${offset}`),
  )
  expect(new Set(places).size).toBe(3000)
  expect(places.filter(place => place.endsWith('undefined'))).toEqual([])
  expect(seen).toMatchObject({ underWay: 0, most: 1, turns: seen.reads })
  expect(seen.reads).toBeLessThan(30)

  const some = await trace({ context, feeds: { read } }, 'c', 1000, {})
  expect(some).toMatchObject({ more: true, events: all.events.slice(0, 1000) })
  const lamports = some.events.map(({ lamport }) => lamport)
  expect(lamports).toEqual([...lamports].sort((a, b) => a - b))
  expect(seen.most).toBe(1)
})

describe('how far back', () => {
  test('a restart forgets nothing that the log has', async () => {
    cluster = new TestCluster(1)
    await cluster.start()
    await cluster.put('n1', 'a', 1, { correlationId: 'c' })
    await cluster.stop()
    await cluster.start()
    await cluster.put('n1', 'a', 2, { correlationId: 'c' })
    expect((await cluster.node('n1').trace('c', 100, {})).events).toHaveLength(2)
  })

  test('more than asked for', async () => {
    cluster = new TestCluster(1)
    await cluster.start()
    for (let i = 0; i < 5; i++) await cluster.put('n1', 'a', i, { correlationId: 'c' })
    const found = await cluster.node('n1').trace('c', 3, {})
    expect(found).toMatchObject({ more: true })
    expect(found.events).toHaveLength(3)
    expect((await cluster.node('n1').trace('none', 3, {})).events).toEqual([])
  })

  test('no further than the log is kept, and it says so', async () => {
    cluster = new TestCluster(1, SHORT)
    await cluster.start()
    await cluster.put('n1', 'a', 0, { correlationId: 'c' })
    for (let i = 0; i < 60; i++) await cluster.put('n1', 'a', i)
    const last = await cluster.put('n1', 'a', 0, { correlationId: 'c' })
    const found = await cluster.node('n1').trace('c', 100, {})
    expect(found.events.map(({ id }) => id)).toEqual([idOf(last)])
    expect(found.since['main']).toBe(cluster.node('n1').logInfo().first)
    expect(found.since['main']).toBeGreaterThan(1)
  })

  test('a node whose log begins later asks the others, page by page', async () => {
    cluster = new TestCluster(3, { checkpointEvery: 10, checkpointIntervalMs: 0 })
    await cluster.start()
    for (let i = 0; i < 120; i++) await cluster.put('n1', `a${i}`, i, { correlationId: 'c' })
    const { events } = await cluster.node('n2').trace('c', 1000, {})
    expect(events).toHaveLength(120)
    const { replica } = cluster.contexts.get('n3')?.shards[0] ?? {}
    if (replica) replica.firstOp = opNumber(100)
    const found = await cluster.node('n3').trace('c', 1000, {})
    expect(found.events).toEqual(events)
    expect(found).toMatchObject({ since: { main: 1 }, missing: [], more: false })
    await cluster.stop('n2')
    expect(await cluster.node('n3').trace('c', 1000, {})).toMatchObject({
      ...{ events, since: { main: 1 }, missing: ['n2'] },
    })
  })
})
