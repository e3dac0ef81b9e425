/** The node's Lamport clock: over shards, over nodes, and with what callers say. */
import { afterEach, expect, test } from 'vitest'
import type { Meta } from '../../src/node/api.ts'
import { shardOfKey } from '../../src/node/route.ts'
import { LAMPORT_GIVEN_MAX } from '../../src/vr/lamport.ts'
import { TestCluster } from '../support/cluster.ts'

let cluster: TestCluster

afterEach(async () => {
  const { failures } = cluster
  await cluster.stop()
  expect(failures).toEqual([])
})

/** A key of each shard. */
const keysOf = (shards: number): string[] =>
  Array.from({ length: shards }, (_, shard) => {
    for (let i = 0; ; i++) if (shardOfKey(`k${i}`, shards) === shard) return `k${i}`
  })

const time = async (node: string, key: string, meta?: Meta): Promise<number> =>
  (await cluster.put(node, key, 1, meta)).lamport ?? 0

test('what one node was told in one shard is before all that it writes in another', async () => {
  cluster = new TestCluster(3, {}, 3)
  await cluster.start()
  const [a = '', b = '', c = ''] = keysOf(3)
  for (let i = 0; i < 20; i++) await time('n1', a)
  const first = await time('n1', a)
  const second = await time('n1', b)
  const third = await time('n2', c, { lamport: second })
  expect(second).toBeGreaterThan(first)
  expect(third).toBeGreaterThan(second)
})

test('what a caller has seen elsewhere, said with any call', async () => {
  cluster = new TestCluster(3)
  await cluster.start()
  cluster.node('n3').hear(5_000)
  const times = [await time('n3', 'a'), await time('n1', 'a'), await time('n2', 'a')]
  expect(times[0]).toBeGreaterThan(5_000)
  expect(times).toEqual([...times].sort((a, b) => a - b))
})

test('more than there is to be seen is refused, what was seen is not', async () => {
  cluster = new TestCluster(1)
  await cluster.start()
  const node = cluster.node('n1')
  expect(() => node.hear(LAMPORT_GIVEN_MAX + 1)).toThrow('meta.lamport must be')
  expect(await time('n1', 'a')).toBeLessThan(100)
  node.hear(LAMPORT_GIVEN_MAX)
  const reached = await time('n1', 'a')
  expect(reached).toBeGreaterThan(LAMPORT_GIVEN_MAX)
  node.hear(reached)
  expect(() => node.hear(reached + 1)).toThrow('meta.lamport must be')
  expect(await time('n1', 'a')).toBeGreaterThan(reached)
})

test('after a restart of all, times go on', async () => {
  cluster = new TestCluster(3)
  await cluster.start()
  cluster.node('n1').hear(900)
  const before = await time('n1', 'a')
  await cluster.stop()
  await cluster.start()
  expect(await time('n2', 'a')).toBeGreaterThan(before)
})

test('events, versions and the log tell the time of a command', async () => {
  cluster = new TestCluster(1)
  await cluster.start()
  const node = cluster.node('n1')
  const lamport = await time('n1', 'a')
  const { events } = await node.pollKeys({ key: 'a' }, 'first', { waitMs: 0, limit: 5 })
  expect(events).toMatchObject([{ lamport }])
  const { result } = await node.keyHistory('a', { limit: 5 }, {})
  expect(result).toMatchObject({ versions: [{ lamport }] })
  const log = await node.logRead({ from: 1, limit: 10, as: 'commands' })
  const commands = log.flatMap(entry => entry.commands ?? [])
  expect(commands).toContainEqual(expect.objectContaining({ rev: 1, lamport }))
})

test('a record has the time of its command', async () => {
  cluster = new TestCluster(1)
  await cluster.start()
  const { feeds } = cluster.node('n1')
  const { result, lamport } = await (feeds.ensure(['f'], {}) ?? Promise.resolve()).then(() =>
    feeds.write('f', { op: 'publish', record: { feed: 'f', value: 1 } }, {}),
  )
  expect(result).toMatchObject({ lamport })
  const { records } = await feeds.read('f', { from: 'first', limit: 1 } as never, {})
  expect(JSON.parse(records[0] ?? '')).toMatchObject({ lamport })
})
