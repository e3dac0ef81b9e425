/** The index over a log: it follows the log, forgets the oldest, and begins where the log does. */
import { expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { TraceIndex } from '../../src/node/trace-index.ts'
import { traceIndex } from '../../src/node/trace-log.ts'
import type { Store } from '../../src/storage/port.ts'
import type { Command, Entry } from '../../src/vr/entry.ts'
import type { Replica } from '../../src/vr/state.ts'

const command = (meta: string, operation = '{}', kind: Command['kind'] = 'operation') =>
  ({ kind, meta, operation: utf8(operation) }) as Command
const of = (id: string) => command(JSON.stringify({ correlationId: id }))

function logOf(...entries: Command[][]) {
  const log = { first: 1, last: entries.length, reads: 0 }
  const index = (max = 100) =>
    new TraceIndex(
      {
        first: () => log.first,
        last: () => log.last,
        read: async first => {
          log.reads++
          if (first < log.first) return []
          const commands = entries[first - 1] ?? []
          return [{ opNumber: first, commands } as unknown as Entry]
        },
      },
      max,
    )
  return { log, index }
}

test('places in order, read once', async () => {
  const { log, index } = logOf([of('a'), of('b')], [command('')], [of('b'), of('a')])
  const traces = index()
  const both = await Promise.all([traces.find('a'), traces.find('a')])
  for (const { places, from } of both) {
    expect(places).toEqual([
      { op: 1, index: 0 },
      { op: 3, index: 1 },
    ])
    expect(from).toBe(1)
  }
  expect(log.reads).toBe(3)
})

test('what came since the last time', async () => {
  const { log, index } = logOf([of('a')], [of('a')])
  log.last = 1
  const traces = index()
  expect((await traces.find('a')).places).toHaveLength(1)
  log.last = 2
  expect((await traces.find('a')).places).toHaveLength(2)
  expect(log.reads).toBe(2)
})

test('beyond the bound the oldest are forgotten, and it says from where on it knows', async () => {
  const { index } = logOf(...Array.from({ length: 25 }, (_, i) => [of(i % 2 ? 'odd' : 'even')]))
  const traces = index(4)
  expect(await traces.find('odd')).toEqual({
    ...{ from: 22, places: [22, 24].map(op => ({ op, index: 0 })) },
  })
  expect((await traces.find('even')).places.map(({ op }) => op)).toEqual([23, 25])
})

test('what is forgotten of several is what a list of all would say', async () => {
  const ids = Array.from(
    { length: 200 },
    (_, i) => ['a', 'b', 'c', 'd'][(i * i + (i >> 3)) % 4] ?? '',
  )
  const { log, index } = logOf(...ids.map(id => [of(id)]))
  const traces = index(10)
  for (log.last = 1; log.last <= ids.length; log.last++) {
    const kept = ids
      .slice(0, log.last)
      .map((id, i) => ({ id, op: i + 1 }))
      .slice(-10)
    for (const asked of ['a', 'b', 'c', 'd']) {
      const places = kept.filter(({ id }) => id === asked).map(({ op }) => ({ op, index: 0 }))
      expect(await traces.find(asked)).toEqual({ from: kept[0]?.op, places })
    }
  }
})

test('a log that was cut, before it was read and after', async () => {
  const { log, index } = logOf([of('a')], [of('a')], [of('a')], [of('a')])
  const traces = index()
  log.last = 2
  log.first = 2
  expect(await traces.find('a')).toEqual({ from: 2, places: [{ op: 2, index: 0 }] })
  log.last = 4
  log.first = 4
  expect(await traces.find('a')).toEqual({ from: 4, places: [{ op: 4, index: 0 }] })
  log.first = 5
  expect(await traces.find('a')).toEqual({ from: 5, places: [] })
})

test('a read that fails is told, and tried again', async () => {
  let isBroken = true
  const traces = new TraceIndex(
    {
      first: () => 1,
      last: () => 1,
      read: async () => {
        if (isBroken) throw new Error('the disk')
        return [{ opNumber: 1, commands: [of('a')] } as unknown as Entry]
      },
    },
    10,
  )
  await expect(traces.find('a')).rejects.toThrow('the disk')
  isBroken = false
  expect((await traces.find('a')).places).toHaveLength(1)
})

test('what only looks like a correlation is none', async () => {
  const { index } = logOf([
    command('', '{"m":"kv","c":{"op":"put","key":"k","value":{"correlationId":"a"}}}'),
    command('', 'no JSON "correlationId":"a"'),
    command('{"correlationId":"a"}', '', 'register'),
    command(
      '',
      '{"m":"feed","c":{"op":"publish","record":{"feed":"f","value":{"correlationId":"a"}}}}',
    ),
    command('', '{"m":"feed","c":{"op":"publish","record":{"feed":"f","correlationId":"a"}}}'),
  ])
  expect((await index().find('a')).places).toEqual([{ op: 1, index: 4 }])
})

test('the bound is of a node: each shard has its share', async () => {
  const read = async (_shard: number, first: number) => [
    { opNumber: first, commands: [of('a')] } as unknown as Entry,
  ]
  const replica = { shard: 0, firstOp: 1, commitNumber: 9, durableOp: 9 } as unknown as Replica
  const store = { cluster: { shards: 50_000 }, readEntries: read } as unknown as Store
  expect(await traceIndex({ replica }, store).find('a')).toEqual({
    ...{ from: 8, places: [8, 9].map(op => ({ op, index: 0 })) },
  })
})
