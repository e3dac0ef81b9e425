/** `log.read` with changes shows the records that an operation published. */
import { expect, test } from 'vitest'
import type { Json } from '../../src/base/json.ts'
import { cluster, feeds, publish, start, stopAfterEach } from './feed-cluster.ts'

stopAfterEach()

interface Shown {
  readonly rev: number
  readonly machine: string
  readonly key: string
  readonly value: { readonly value?: Json } & Json
}

async function changes(node: string, limit = 100): Promise<Shown[]> {
  const options = { from: 1, limit, as: 'changes', records: true } as const
  const entries = await cluster.node(node).logRead(options)
  return entries.flatMap(entry => entry.changes as unknown as Shown[])
}

test('records with their places, keys beside them, in order of rev; what was refused or is a repeat is not', async () => {
  await start(1)
  await feeds('n1').create('f', { partitions: 2 }, {})
  await publish('n1', 'f', 1, { partition: 1, id: 'a' })
  await publish('n1', 'f', 1, { partition: 1, id: 'a' })
  await cluster.put('n1', 'f/1/0', 'a key')
  const records = [1, 0, 1].map((partition, n) => ({ feed: 'f', value: n, partition }))
  await feeds('n1').publishBatch(records, {})
  const bad = { feed: 'f', value: 9, partition: 7 }
  await expect(feeds('n1').publishBatch([bad], {})).rejects.toThrow('has no partition 7')
  const txn = {
    then: [
      { op: 'put', key: 'x', value: 1 },
      { op: 'publish', feed: 'f', value: 5 },
    ],
  }
  const body = { op: 'txn', compare: [], else: [], ...txn }
  await cluster.node('n1').write({ machine: 'kv', keys: ['x'], body, meta: {} })
  const [made, ...shown] = await changes('n1')
  expect(made).toMatchObject({ rev: 1, machine: 'feed', key: 'f', value: { partitions: 2 } })
  expect(shown.map(({ machine, key, value }) => [machine, key, value.value ?? value])).toEqual([
    ['feed', 'f/1/0', 1],
    ['kv', 'f/1/0', 'a key'],
    ['feed', 'f/0/0', 1],
    ['feed', 'f/1/1', 0],
    ['feed', 'f/1/2', 2],
    ['kv', 'x', 1],
    ['feed', shown.at(-1)?.key, 5],
  ])
  expect(shown[0]?.value).toMatchObject({ feed: 'f', partition: 1, offset: 0, id: 'a', rev: 2 })
  const revs = shown.map(({ rev }) => rev)
  expect(revs).toEqual([...revs].sort((a, b) => a - b))
})

test('what is gone is not shown, and a page of the log shows what it published, however much lies around it', async () => {
  await start(1)
  await feeds('n1').create('f', {}, {})
  for (let i = 0; i < 4; i++) {
    const records = Array.from({ length: 600 }, (_, n) => ({ feed: 'f', value: [i, n] }))
    await feeds('n1').publishBatch(records, {})
  }
  await feeds('n1').write('f', { op: 'truncate', feed: 'f', beforeOffset: 1195 }, {})
  const all = await changes('n1')
  const records = Array.from({ length: 1205 }, (_, n) => `f/0/${1195 + n}`)
  expect(all.map(({ key }) => key)).toEqual(['f', ...records, 'f/0'])
  expect(all.at(-1)).toMatchObject({ key: 'f/0', value: { first: 1195, next: 2400 } })
  const third = all.find(({ key }) => key === 'f/0/1200')?.rev
  const ops = await cluster.node('n1').logRead({ from: 1, limit: 100, as: 'commands' })
  const op = ops.findLast(({ revBefore }) => revBefore < (third ?? 0))?.op ?? 0
  const one = { from: op, limit: 1, as: 'both', records: true } as const
  const [entry] = await cluster.node('n1').logRead(one)
  expect(entry?.changes).toHaveLength(600)
})

test('what retention took is shown once for an entry, behind the records that drove it out; groups by what is done', async () => {
  await start(1)
  await feeds('n1').create('f', { retention: { records: 2 } }, {})
  await Promise.all([1, 2, 3, 4, 5].map(value => publish('n1', 'f', value)))
  const group = { feed: 'f', group: 'g' }
  await feeds('n1').write('f', { op: 'group.create', ...group, mode: 'cursor', offsets: {} }, {})
  await feeds('n1').write('f', { op: 'group.commit', ...group, offsets: { 0: 5 } }, {})
  await feeds('n1').write('f', { op: 'update', feed: 'f', retention: { records: 1 } }, {})
  await feeds('n1').write('f', { op: 'delete', feed: 'f' }, {})
  const options = { from: 1, limit: 100, as: 'both', records: true } as const
  const entries = await cluster.node('n1').logRead(options)
  for (const { changes: all = [] } of entries) {
    const bounds = (all as unknown as Shown[]).filter(({ key }) => key === 'f/0')
    expect(bounds.length).toBeLessThanOrEqual(1)
    if (bounds.length > 0) expect(all.at(-1)).toBe(bounds[0])
  }
  const shown = entries.flatMap(entry => entry.changes as unknown as Shown[])
  const last = shown.map(({ key, value }) => [key, value]).slice(-5)
  expect(last).toEqual([
    ['f/group/g', { mode: 'cursor', offsets: { 0: 3 } }],
    ['f/group/g', { mode: 'cursor', offsets: { 0: 5 } }],
    ['f', expect.objectContaining({ retention: { records: 1 } })],
    ['f/0', { first: 4, next: 5 }],
    ['f', undefined],
  ])
})

test('a watch of keys does not hear of feeds, whatever their names', async () => {
  await start(1)
  const seen: string[] = []
  const heard = new Promise<void>(resolve => {
    cluster.node('n1').watchKeys({ prefix: '' }, 'first', ({ changes: all }) => {
      seen.push(...all.map(({ key }) => key))
      resolve()
    })
  })
  await feeds('n1').create('f', {}, {})
  await feeds('n1').write('f', { op: 'delete', feed: 'f' }, {})
  await cluster.put('n1', 'f', 'a key')
  await heard
  expect(seen).toEqual(['f'])
})
