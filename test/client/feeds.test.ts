/** c.feed against real nodes: publishing once, reading to the end, following over killed nodes. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connect } from '../../src/client/client.ts'
import type { Client, ClientOptions } from '../../src/client/connect.ts'
import { Served } from './served.ts'

let served: Served
const clients: Client[] = []

beforeEach(async () => {
  served = await Served.start()
})
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
  await served.stop()
})

function client(options: ClientOptions = {}): Client {
  const made = connect(served.urls, { timeoutMs: 30_000, ...options })
  clients.push(made)
  return made
}

const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const taken: T[] = []
  for await (const item of items) taken.push(item)
  return taken
}

test('every call of c.feed, and what its results hold', async () => {
  const { feed, kv } = client()
  expect((await feed.create('f', { partitions: 2, dedupeMs: 60_000 })).config).toMatchObject({
    partitions: 2,
    dedupeMs: 60_000,
  })
  const first = await feed.publish('f', { n: 1 }, { partition: 0, id: 'a', source: 'test' })
  expect(first).toMatchObject({ partition: 0, offset: 0, duplicate: false })
  expect(await feed.publish('f', { n: 1 }, { partition: 0, id: 'a' })).toMatchObject({
    offset: 0,
    duplicate: true,
  })
  await feed.publishBatch([
    { feed: 'f', value: 2, partition: 0, headers: { h: 1 } },
    { feed: 'f', value: 3, partition: 1, key: 'k' },
  ])
  const records = await all(feed.read('f', { page: 1 }))
  expect(records.map(({ partition, offset, value }) => [partition, offset, value])).toEqual([
    [0, 0, { n: 1 }],
    [0, 1, 2],
    [1, 0, 3],
  ])
  expect(records[0]).toMatchObject({ id: 'a', source: 'test' })
  expect(await all(feed.read('f', { partition: 0, from: 1 }))).toMatchObject([{ value: 2 }])
  expect(await all(feed.read('f', { limit: 2 }))).toHaveLength(2)
  expect((await feed.info('f')).partitions.map(({ next }) => next)).toEqual([2, 1])
  await feed.truncate('f', { partition: 0, beforeOffset: 1 })
  await expect(all(feed.read('f', { partition: 0, from: 0 }))).rejects.toMatchObject({
    name: 'OFFSET_OUT_OF_RANGE',
    code: 1015,
    outcome: 'none',
  })
  await feed.update('f', { retention: { records: 10 } })
  const { succeeded } = await kv.txn({
    then: [
      { op: 'put', key: 'x', value: 1 },
      { op: 'publish', feed: 'f', value: 'in the same commit' },
    ],
  })
  expect(succeeded).toBe(true)
  await expect(feed.publish('f', 1, { expectOffset: 9, partition: 0 })).rejects.toMatchObject({
    name: 'WRONG_OFFSET',
  })
  expect((await feed.list()).feeds.map(each => each.feed)).toEqual(['f'])
  expect(await feed.delete('f')).toMatchObject({ deleted: true })
})

test('a feed that is not there yet is made by who publishes to it, in a session too', async () => {
  const { feed } = client()
  const answers = await Promise.all([1, 2, 3].map(n => feed.publish('new', n)))
  expect(answers.map(({ offset }) => offset).sort()).toEqual([0, 1, 2])
  expect(await feed.publishBatch([{ feed: 'other', value: 1 }])).toMatchObject({
    results: [{ offset: 0 }],
  })
})

test('what is published while nodes die is there once, and followed once, in order', async () => {
  const [writer, reader] = [client(), client()]
  await writer.feed.create('f')
  const followed = (async () => {
    const values: unknown[] = []
    for await (const { value } of reader.feed.subscribe('f', { from: 'first' })) {
      values.push(value)
      if (value === 300) return values
    }
    return values
  })()
  for (let n = 1; n <= 300; n++) {
    await writer.feed.publish('f', n)
    if (n === 100) await served.kill('n1')
    if (n === 150) await served.restart('n1')
    if (n === 200) await served.kill('n2')
  }
  const expected = Array.from({ length: 300 }, (_, i) => i + 1)
  expect(await followed).toEqual(expected)
  expect((await all(reader.feed.read('f'))).map(({ value }) => value)).toEqual(expected)
})

test('a pattern follows several feeds', async () => {
  const c = client()
  for (const feed of ['orders.eu', 'orders.us', 'other']) await c.feed.publish(feed, feed)
  const values: unknown[] = []
  for await (const { value } of c.feed.subscribe('orders.*', { from: 'first' })) {
    values.push(value)
    if (values.length === 2) break
  }
  expect(values.sort()).toEqual(['orders.eu', 'orders.us'])
})

test('a feed that is not there is told', async () => {
  const { feed } = client()
  const missing = { name: 'FEED_NOT_FOUND', code: 1011, outcome: 'none' }
  await expect(all(feed.subscribe('none'))).rejects.toMatchObject(missing)
  await expect(all(feed.read('none'))).rejects.toMatchObject(missing)
})

test('a cursor is followed from where it is, and goes on behind what was committed', async () => {
  const { feed, group } = client()
  await feed.create('f', { partitions: 2 })
  await group.create('f', 'readers')
  for (let n = 0; n < 6; n++) await feed.publish('f', n, { partition: n % 2 })
  const take = async (count: number): Promise<unknown[]> => {
    const values: unknown[] = []
    for await (const { value, commit } of group.follow('f', 'readers')) {
      values.push(value)
      await commit()
      if (values.length === count) return values
    }
    return values
  }
  const taken = [...(await take(4)), ...(await take(2))].map(Number)
  // In order within a partition, each once.
  expect(taken.filter(n => n % 2 === 0)).toEqual([0, 2, 4])
  expect(taken.filter(n => n % 2 === 1)).toEqual([1, 3, 5])
  expect(await group.info('f', 'readers')).toMatchObject({ lag: 0, offsets: { 0: 3, 1: 3 } })
  await group.seek('f', 'readers', 'first')
  expect((await group.offsets('f', 'readers')).offsets).toEqual({ 0: 0, 1: 0 })
  await group.commit('f', 'readers', { 0: 2, 1: 2 })
  expect((await take(2)).sort()).toEqual([4, 5])
  expect((await group.list('f')).groups.map(each => each.group)).toEqual(['readers'])
  expect(await group.delete('f', 'readers')).toMatchObject({ deleted: true })
})

test('a queue is consumed over a killed node: every record is done, none is left', async () => {
  const [c, other] = [client(), client()]
  await c.feed.create('jobs')
  await c.group.create('jobs', 'workers', { mode: 'queue', ackWaitMs: 2_000 })
  await c.feed.publishBatch(Array.from({ length: 100 }, (_, n) => ({ feed: 'jobs', value: n })))
  const stop = new AbortController()
  const done = new Set<unknown>()
  let refused = false
  const worker = async (member: string, { group }: Client): Promise<void> => {
    const how = { member, limit: 5, signal: stop.signal }
    for await (const { value, attempt, ack, nack } of group.consume('jobs', 'workers', how)) {
      if (value === 50 && attempt === 1) {
        await nack({ delayMs: 10, reason: 'not yet' })
        refused = true
        continue
      }
      await ack().then(
        () => done.add(value),
        // Its lease ended while nodes died: it comes again.
        (error: unknown) => expect(error).toMatchObject({ name: 'NOT_OWNER' }),
      )
      if (done.size === 30 && served.cluster.names.every(name => alive.has(name))) {
        alive.delete('n1')
        await served.kill('n1')
      }
      if (done.size === 100) stop.abort()
    }
  }
  const alive = new Set(served.cluster.names)
  await Promise.all([worker('a', c), worker('b', other)])
  expect([...done].map(Number).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 100 }, (_, n) => n),
  )
  expect(refused).toBe(true)
  expect(await c.group.info('jobs', 'workers')).toMatchObject({ lag: 0 })
  const missing = c.group.consume('jobs', 'none', { member: 'a' }).next()
  await expect(missing).rejects.toMatchObject({ name: 'GROUP_NOT_FOUND', code: 1016 })
})
