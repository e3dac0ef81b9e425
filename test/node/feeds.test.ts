/** Feeds of a cluster: published through any node, read and followed at any other. */
import { describe, expect, test } from 'vitest'
import type { Json, JsonObject } from '../../src/base/json.ts'
import { FeedMachine } from '../../src/machine/feed/feed-machine.ts'
import type { FeedEvent, FeedFrom, SubscribeOptions } from '../../src/node/api.ts'
import { FeedHub } from '../../src/node/feed-hub.ts'
import { shardOfKey } from '../../src/node/route.ts'
import { cluster, feeds, publish, read, start, stopAfterEach, valuesOf } from './feed-cluster.ts'

stopAfterEach()

/** Everything that a subscription delivers. */
class Inbox {
  readonly events: FeedEvent[] = []
  ended: unknown
  readonly cancel: () => void
  readonly cursor: string
  #wake = () => {}

  constructor(node: string, options: Omit<SubscribeOptions, 'deliver' | 'ended'>) {
    const subscription = feeds(node).subscribe({
      ...options,
      deliver: event => {
        this.events.push(event)
        this.#wake()
      },
      ended: error => {
        this.ended = error
        this.#wake()
      },
    })
    this.cancel = () => subscription.cancel()
    this.cursor = subscription.cursor
  }

  get records(): JsonObject[] {
    return this.events.flatMap(event => event.records.map(text => JSON.parse(text) as JsonObject))
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }
}

test('any node takes records, any node gives them, the same bytes', async () => {
  await start(3)
  for (let i = 0; i < 30; i++) await publish(`n${(i % 3) + 1}`, 'orders', i)
  const pages = await Promise.all(['n1', 'n2', 'n3'].map(node => read(node, 'orders')))
  const numbers = Array.from({ length: 30 }, (_, i) => i)
  expect(valuesOf(pages[0]?.records ?? [])).toEqual(numbers)
  expect(pages[1]?.records).toEqual(pages[0]?.records)
  expect(pages[2]?.records).toEqual(pages[0]?.records)
  expect(pages[0]).toMatchObject({ next: 30, first: 0, last: 29 })
  const [middle, last] = await Promise.all([read('n2', 'orders', -3), read('n3', 'orders', 'last')])
  expect(valuesOf(middle.records)).toEqual([27, 28, 29])
  expect(valuesOf(last.records)).toEqual([29])
  const { timeMs } = JSON.parse(pages[0]?.records[10] ?? '') as { timeMs: number }
  const since = await read('n1', 'orders', { timeMs })
  const expected = (pages[0]?.records ?? []).filter(text => JSON.parse(text).timeMs >= timeMs)
  expect(since.records).toEqual(expected)
})

test('a subscription gets what is there, then what comes, also over a fail-over', async () => {
  await start(3)
  for (let i = 0; i < 700; i += 100) {
    const records = Array.from({ length: 100 }, (_, j) => ({ feed: 'f', value: i + j }))
    await feeds('n1').ensure(['f'], {})
    await feeds('n1').publishBatch(records, {})
  }
  await read('n2', 'f')
  const inbox = new Inbox('n2', { target: 'f', from: 'first' })
  expect(inbox.events).toEqual([])
  await publish('n3', 'f', 700)
  await cluster.stop('n1')
  await publish('n3', 'f', 701)
  await inbox.until(() => inbox.records.length >= 702)
  expect(inbox.records.map(each => each['value'])).toEqual(Array.from({ length: 702 }, (_, i) => i))
  expect(inbox.records.map(each => each['offset'])).toEqual(
    Array.from({ length: 702 }, (_, i) => i),
  )
  const { cursor } = inbox.events.at(-1) ?? {}
  expect(cursor).toBe('702')
  inbox.cancel()
  await publish('n2', 'f', 702)
  const next = new Inbox('n3', { target: 'f', from: cursor })
  await next.until(() => next.records.length >= 1)
  expect(next.records.map(each => each['value'])).toEqual([702])
  expect(inbox.records).toHaveLength(702)
})

test('what is published in one commit is encoded once for all who follow', async () => {
  await start(1)
  await publish('n1', 'f', 0)
  const inboxes = Array.from({ length: 5 }, () => new Inbox('n1', { target: 'f' }))
  await Promise.resolve()
  await publish('n1', 'f', 1)
  for (const each of inboxes) await each.until(() => each.events.length === 1)
  const texts = new Set(inboxes.map(each => each.events[0]?.text))
  expect(texts.size).toBe(1)
  expect(JSON.parse([...texts][0] ?? '')).toMatchObject({ feed: 'f', next: 2, records: [{}] })
})

test('a pattern follows feeds that are there and those that are made later', async () => {
  await start(1, {}, 3)
  await publish('n1', 'orders.eu', 1)
  const inbox = new Inbox('n1', { target: 'orders.*', from: 'first' })
  await inbox.until(() => inbox.records.length === 1)
  await publish('n1', 'orders.us', 2)
  await publish('n1', 'other', 3)
  await publish('n1', 'orders.eu.de', 3)
  await publish('n1', 'orders.asia', 4)
  await publish('n1', 'orders.eu', 5)
  await inbox.until(() => inbox.records.length === 4)
  expect(inbox.records.map(each => each['value'])).toEqual([1, 2, 4, 5])
  const { cursor } = inbox.events[1] ?? {}
  inbox.cancel()
  // Behind the second event: eu and us are known, asia was not.
  const again = new Inbox('n1', { target: 'orders.*', from: cursor })
  await again.until(() => again.records.length === 2)
  expect(again.records.map(each => each['value']).sort()).toEqual([4, 5])
  again.cancel()
})

test('a long poll waits for the first record, and no longer than asked', async () => {
  await start(3)
  await publish('n1', 'f', 0)
  const waiting = read('n2', 'f', 1, 30_000)
  await publish('n3', 'f', 1)
  expect(await waiting).toMatchObject({ next: 2 })
  expect(valuesOf((await waiting).records)).toEqual([1])
  expect(await read('n2', 'f', 2, 1)).toMatchObject({ records: [], next: 2 })
})

test('several partitions: each has its order, and together that of the log', async () => {
  await start(3)
  await feeds('n2').create('f', { partitions: 4 }, {})
  for (let i = 0; i < 40; i++) await publish(`n${(i % 3) + 1}`, 'f', i, { key: `k${i % 7}` })
  const { records, next } = await read('n3', 'f')
  expect(valuesOf(records)).toEqual(Array.from({ length: 40 }, (_, i) => i))
  expect(Object.values(next).reduce((sum: number, each) => sum + Number(each), 0)).toBe(40)
  const page = await feeds('n1').read('f', { from: 'first', limit: 11, waitMs: 0 }, {})
  const rest = await feeds('n1').read('f', { from: page.next, limit: 100, waitMs: 0 }, {})
  expect(valuesOf([...page.records, ...rest.records])).toEqual(valuesOf(records))
  const inbox = new Inbox('n2', { target: 'f', from: page.next as FeedFrom })
  await inbox.until(() => inbox.records.length === 29)
  const cursor = inbox.events.at(-1)?.cursor
  expect(cursor).toMatch(/^0:\d+,1:\d+,2:\d+,3:\d+$/)
  await publish('n1', 'f', 40)
  const tail = new Inbox('n2', { target: 'f', from: cursor })
  await tail.until(() => tail.records.length === 1)
  expect(tail.records).toMatchObject([{ value: 40 }])
})

test('a node that was away longer than the log is kept has the records from a checkpoint', async () => {
  await start(3, {
    checkpointEvery: 20,
    checkpointIntervalMs: 0,
    keepLogOperations: 40,
    logTailMax: 8,
  })
  await publish('n1', 'f', 0)
  const inbox = new Inbox('n1', { target: 'f', from: 'first' })
  await cluster.stop('n3')
  for (let i = 1; i <= 200; i++) await publish(i % 2 ? 'n1' : 'n2', 'f', i, { id: `id${i}` })
  await cluster.start('n3')
  const [there, here] = [await read('n3', 'f'), await read('n1', 'f')]
  expect(there.records).toEqual(here.records)
  expect(there.records).toHaveLength(201)
  expect(await publish('n3', 'f', 0, { id: 'id77' })).toMatchObject({ offset: 77, duplicate: true })
  const hashes = await Promise.all(['n1', 'n3'].map(n => cluster.node(n).stateHash({})))
  expect(hashes[0]?.result).toEqual(hashes[1]?.result)
  await inbox.until(() => inbox.records.length === 201)
})

test('old chunks are on disk only, and read from there: pages, followers, groups, after a restart too', async () => {
  await start(3, { checkpointEvery: 10, checkpointIntervalMs: 0, keepLogOperations: 20 })
  const pad = 'x'.repeat(9000)
  await feeds('n1').create('f', { dedupeMs: 0 }, {})
  for (let i = 0; i < 120; i++) {
    await publish('n1', 'f', i, { pad })
    // Checkpoints become durable between writes.
    if (i % 10 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  await cluster.stop('n2')
  await cluster.start('n2')
  const numbers = Array.from({ length: 120 }, (_, i) => i)
  const held = (node: string): number => {
    const shard = cluster.contexts.get(node)?.shards[0]
    const ids = [...(shard?.service.freeze().records(undefined) ?? [])].map(({ id }) => id)
    return ids.filter(id => shard?.service.coldText(id) !== undefined).length
  }
  const chunks = 120 / 7
  expect(held('n2')).toBeLessThan(chunks / 2)
  for (const node of ['n1', 'n2', 'n3']) {
    const { records } = await read(node, 'f')
    expect(valuesOf(records).slice(0, 7)).toEqual(numbers.slice(0, 7))
    const inbox = new Inbox(node, { target: 'f', from: 'first' })
    await inbox.until(() => inbox.records.length === 120)
    expect(inbox.records.map(each => each['value'])).toEqual(numbers)
    inbox.cancel()
  }
  await feeds('n2').groups.create('f', 'g', { mode: 'queue' }, {})
  const options = { member: 'm', limit: 30, waitMs: 0 }
  const { records } = await feeds('n2').groups.fetch('f', 'g', options, {})
  expect(valuesOf(records)).toEqual(numbers.slice(0, 30))
  await feeds('n2').truncate('f', { beforeOffset: 100 }, {})
  expect(valuesOf((await read('n2', 'f')).records)[0]).toBe(100)
})

describe('what cannot be read says so', () => {
  test('below the first: at once, in a page and in a subscription', async () => {
    await start(1)
    await feeds('n1').create('f', { retention: { records: 2 } }, {})
    for (let i = 0; i < 5; i++) await publish('n1', 'f', i)
    const refused = { errorName: 'OFFSET_OUT_OF_RANGE', details: { first: 3 }, outcome: 'none' }
    await expect(read('n1', 'f', 1)).rejects.toMatchObject(refused)
    expect(() => new Inbox('n1', { target: 'f', from: 1 })).toThrow(/begins at 3/)
    await expect(read('n1', 'f', 9)).rejects.toMatchObject({ errorName: 'OFFSET_OUT_OF_RANGE' })
  })

  test('truncated while somebody reads: the subscription ends and says where the feed begins', async () => {
    await start(1)
    const machine = new FeedMachine()
    const hub = new FeedHub(query => machine.query(query, 0))
    let rev = 0
    const run = (command: Json) => {
      const context = { opNumber: ++rev, rev, timeMs: 1, session: 's' }
      machine.apply(command, context, [])
      hub.executed()
    }
    run({ op: 'create', feed: 'f' })
    const records = Array.from({ length: 2000 }, (_, value) => ({ feed: 'f', value }))
    run({ op: 'publishBatch', records })
    const seen: number[] = []
    const error = await new Promise<unknown>(resolve => {
      const take = ({ records, next }: { records: readonly string[]; next: number }) => {
        if (seen.length === 0) run({ op: 'truncate', feed: 'f', beforeOffset: 1990 })
        seen.push(records.length, next)
      }
      hub.follow({ feed: 'f', partition: 0 }, { next: 0, sinceMs: 0 }, take, resolve)
    })
    expect(seen).toEqual([500, 500])
    expect(error).toMatchObject({ errorName: 'OFFSET_OUT_OF_RANGE', details: { first: 1990 } })
  })

  test('deleted while somebody follows', async () => {
    await start(1)
    await publish('n1', 'f', 0)
    const inbox = new Inbox('n1', { target: 'f', from: 'first' })
    await inbox.until(() => inbox.records.length === 1)
    await feeds('n1').write('f', { op: 'delete', feed: 'f' }, {})
    await inbox.until(() => inbox.ended !== undefined)
    expect(inbox.ended).toMatchObject({ errorName: 'FEED_NOT_FOUND' })
  })
})

test('made again while somebody catches up: the subscription ends', async () => {
  const machine = new FeedMachine()
  const hub = new FeedHub(query => machine.query(query, 0))
  let rev = 0
  const run = (command: Json) => {
    const context = { opNumber: ++rev, rev, timeMs: 1, session: 's' }
    machine.apply(command, context, [])
  }
  const fill = (count: number, value: string) => {
    run({ op: 'create', feed: 'f' })
    run({
      op: 'publishBatch',
      records: Array.from({ length: count }, () => ({ feed: 'f', value })),
    })
    hub.executed()
  }
  fill(1200, 'old')
  const seen = new Set<unknown>()
  const error = await new Promise<unknown>(resolve => {
    const take = ({ records }: { records: readonly string[] }) => {
      const isFirst = seen.size === 0
      for (const text of records) seen.add(JSON.parse(text).value)
      if (!isFirst) return
      // Of one entry: the state is looked at afterwards only.
      run({ op: 'delete', feed: 'f' })
      fill(1500, 'new')
    }
    hub.follow({ feed: 'f', partition: 0 }, { next: 0, sinceMs: 0 }, take, resolve)
  })
  expect(error).toMatchObject({ errorName: 'FEED_NOT_FOUND' })
  expect([...seen]).toEqual(['old'])
  expect(hub.followers).toBe(0)
})

test('from a time to come: nothing before it', async () => {
  const machine = new FeedMachine()
  const hub = new FeedHub(query => machine.query(query, 0))
  let rev = 0
  const publishAt = (timeMs: number) => {
    const context = { opNumber: ++rev, rev, timeMs, session: 's' }
    machine.apply({ op: 'publish', record: { feed: 'f', value: timeMs } }, context, [])
    hub.executed()
  }
  machine.apply({ op: 'create', feed: 'f' }, { opNumber: 0, rev: 0, timeMs: 0, session: 's' }, [])
  const seen: unknown[] = []
  const take = ({ records }: { records: readonly string[] }) => seen.push(...valuesOf(records))
  hub.follow({ feed: 'f', partition: 0 }, { next: 0, sinceMs: 100 }, take, () => {})
  await Promise.resolve()
  for (const timeMs of [10, 50, 100, 101]) publishAt(timeMs)
  expect(seen).toEqual([100, 101])
})

test('several partitions are read in the order of their log, however pages end', async () => {
  await start(1)
  await feeds('n1').create('f', { partitions: 2 }, {})
  const value = 'x'.repeat(2_000)
  for (let i = 0; i < 60; i++) {
    const records = Array.from({ length: 50 }, (_, j) => ({
      ...{ feed: 'f', value: `${i} ${value}`, n: 50 * i + j, partition: j % 10 === 0 ? 1 : 0 },
    }))
    await feeds('n1').publishBatch(records, {})
  }
  const revs: number[] = []
  const seen = new Set<string>()
  let from: FeedFrom = 'first'
  for (;;) {
    const page = await feeds('n1').read('f', { from, limit: 700, waitMs: 0 }, {})
    if (page.records.length === 0) break
    expect(page.records.join('').length).toBeLessThan(1.1 * 2 ** 20)
    for (const text of page.records) {
      const { rev, n } = JSON.parse(text) as { rev: number; n: number }
      revs.push(rev)
      seen.add(String(n))
    }
    from = page.next as FeedFrom
  }
  expect(seen.size).toBe(3_000)
  expect(revs).toEqual(revs.toSorted((a, b) => a - b))
  expect(revs).toHaveLength(3_000)
})

test('several partitions are truncated by time in one write of a session', async () => {
  await start(1)
  await feeds('n1').create('f', { partitions: 2 }, {})
  for (let i = 0; i < 10; i++) await publish('n1', 'f', i, { partition: i % 2 })
  const { result } = await cluster.node('n1').openSession(undefined, {})
  const { session } = result as { session: string }
  const meta = { session, seq: 1 }
  const cut = await feeds('n1').truncate('f', { beforeTimeMs: Date.now() + 60_000 }, meta)
  expect(cut.result).toEqual({ first: { 0: 5, 1: 5 } })
})

test('truncated by time: the first record of that time stays', async () => {
  await start(1)
  for (let i = 0; i < 20; i++) await publish('n1', 'f', i)
  const { records } = await read('n1', 'f')
  const { timeMs } = JSON.parse(records[12] ?? '') as { timeMs: number }
  const first = records.findIndex(text => JSON.parse(text).timeMs >= timeMs)
  const { result } = await feeds('n1').truncate('f', { beforeTimeMs: timeMs }, {})
  expect(result).toEqual({ first })
  expect((await read('n1', 'f')).records).toEqual(records.slice(first))
})

test('shards: feeds are spread, a batch over several is one commit of each', async () => {
  await start(3, {}, 4)
  const names = Array.from({ length: 12 }, (_, i) => `f${i}`)
  expect(new Set(names.map(name => shardOfKey(name, 4))).size).toBe(4)
  await feeds('n2').ensure(names, {})
  const records = names.map((feed, value) => ({ feed, value }))
  const { result } = await feeds('n2').publishBatch([...records, ...records], {})
  expect(result).toEqual({
    results: [...names.map(() => 0), ...names.map(() => 1)].map(offset =>
      expect.objectContaining({ partition: 0, offset }),
    ),
  })
  for (const [value, name] of names.entries()) {
    expect(valuesOf((await read('n3', name)).records)).toEqual([value, value])
  }
  const listed = (await feeds('n1').list('f', {})).result as { feeds: { feed: string }[] }
  expect(listed.feeds.map(({ feed }) => feed).sort()).toEqual([...names].sort())
  const info = (await feeds('n1').info('f0', {})).result as { partitions: JsonObject[] }
  const shard = cluster.node('n1').status().shards[shardOfKey('f0', 4)]?.shard
  expect(info.partitions).toMatchObject([{ shard, next: 2 }])
})
