/** What counts no longer is deleted in slices, and nothing else is. */
import { join } from 'node:path'
import { Level } from 'level'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openStore } from '../../src/storage/open.ts'
import type { Store } from '../../src/storage/port.ts'
import type { Entry } from '../../src/vr/entry.ts'
import type { ServiceRecord } from '../../src/vr/service.ts'
import { at, chain, checkpointAt, founded, records, vsr } from './build.ts'

const state = (count: number, value: string): ServiceRecord[] =>
  Array.from({ length: count }, (_, i) => ({ id: `key-${i}`, value: `${value}-${i}` }))

const byId = (all: readonly ServiceRecord[]): ServiceRecord[] =>
  [...all].sort((a, b) => (a.id < b.id ? -1 : 1))

/** Keys on disk by table. */
async function tables(dir: string): Promise<Record<string, number>> {
  const db = new Level<Buffer, Buffer>(join(dir, 'db'), { keyEncoding: 'buffer' })
  const counts: Record<string, number> = {}
  for await (const key of db.keys()) {
    const table = key.toString('latin1', 0, 1)
    counts[table] = (counts[table] ?? 0) + 1
  }
  await db.close()
  return counts
}

/** Commits of the other shard: what is to be deleted has its chance, as the disk takes its time. */
async function idle(store: Store, commits: number): Promise<void> {
  for (let i = 0; i < commits; i++) await store.commit([{ shard: 1, vsr: vsr(0) }])
}

async function checkpoint(
  store: Store,
  entry: Entry,
  all: readonly ServiceRecord[],
): Promise<void> {
  const { opNumber } = entry
  for (let i = 0; i < all.length; i += 2_000) {
    await store.commit([{ shard: 0, records: { opNumber, records: all.slice(i, i + 2_000) } }])
  }
  await store.commit([{ shard: 0, checkpoint: checkpointAt(entry) }])
}

describe('records', () => {
  test('a checkpoint of 20 000 is read back after a restart', async () => {
    const { dir, store } = await founded()
    const log = chain(2)
    await store.commit([{ shard: 0, append: log }])
    const all = state(20_000, 'v')
    await checkpoint(store, at(log, 0), all)
    expect(await records(store)).toEqual(byId(all))
    const some = all.filter((_, i) => i % 4 === 0).map(({ id }) => ({ id, value: undefined }))
    await checkpoint(store, at(log, 1), some)
    await store.close()
    const again = await openStore(dir)
    onTestFinished(() => again.close())
    expect(await records(again)).toEqual(byId(all.filter((_, i) => i % 4 !== 0)))
  })

  test('superseded versions and those that are gone leave the disk', async () => {
    const { dir, store } = await founded()
    const log = chain(6)
    await store.commit([{ shard: 0, append: log }])
    for (const [i, entry] of log.entries()) await checkpoint(store, entry, state(2_000, `v${i}`))
    await idle(store, 80)
    const more = chain(1, { after: at(log, -1) })
    await store.commit([{ shard: 0, append: more }])
    const gone = state(2_000, '').map(({ id }, i) => ({
      id,
      value: i < 1_500 ? undefined : 'last',
    }))
    await checkpoint(store, at(more, 0), gone)
    await idle(store, 80)
    expect(await records(store)).toEqual(byId(gone.slice(1_500)))
    await store.close()
    expect(await tables(dir)).toEqual({ C: 3, L: 7, S: 500, V: 3 })
    const again = await openStore(dir)
    onTestFinished(() => again.close())
    expect(await records(again)).toEqual(byId(gone.slice(1_500)))
  })

  test('an old generation leaves the disk, also after a restart', async () => {
    const { dir, store } = await founded()
    const log = chain(30)
    await store.commit([{ shard: 0, append: log.slice(0, 10) }])
    await checkpoint(store, at(log, 9), state(1_000, 'old'))
    await store.commit([{ shard: 0, installRecords: { opNumber: 30, records: state(7, 'new') } }])
    await store.commit([{ shard: 0, install: checkpointAt(at(log, 29)) }])
    await store.close()
    const again = await openStore(dir)
    await idle(again, 20)
    expect(await records(again)).toEqual(state(7, 'new'))
    await again.close()
    expect(await tables(dir)).toEqual({ C: 3, S: 7, V: 3 })
  })

  test('nothing is swept from under a reader', async () => {
    const { dir, store } = await founded()
    const log = chain(3)
    await store.commit([{ shard: 0, append: log }])
    const first = state(3_000, 'first')
    await checkpoint(store, at(log, 0), first)
    const reading = store.readRecords(0)[Symbol.asyncIterator]()
    const read = [await reading.next()]
    await checkpoint(store, at(log, 1), state(3_000, 'second'))
    await idle(store, 40)
    for (let i = 0; i < 3_000; i++) read.push(await reading.next())
    expect(read.map(r => r.value)).toEqual([...byId(first), undefined])
    await idle(store, 40)
    await store.close()
    expect(await tables(dir)).toMatchObject({ S: 3_000 })
  })
})

test('a long log is trimmed in slices; those that are left are gone for readers at once', async () => {
  const { dir, store } = await founded()
  const log = chain(600)
  const changes = log.map(({ opNumber }) => ({ opNumber, text: 'x' }))
  await store.commit([{ shard: 0, append: log, changes }])
  await store.commit([{ shard: 0, checkpoint: checkpointAt(at(log, 589)), trimBelow: 581 }])
  expect(await store.readEntries(0, 580, 590, 1e9)).toEqual([])
  expect(await store.readChanges(0, 1, 581)).toEqual([{ opNumber: 581, text: 'x' }])
  await store.close()
  const left = await tables(dir)
  expect(left['L']).toBeGreaterThan(20)
  const again = await openStore(dir)
  // What was not deleted yet is the log's again: longer than need be, and whole.
  const { first, head } = at(again.shards, 0)
  expect(head).toBe(600)
  expect(head - first + 1).toBe(left['L'])
  expect(await again.readEntries(0, first, 600, 1e9)).toEqual(log.slice(first - 1))
  await again.commit([{ shard: 0, trimBelow: 581 }])
  await idle(again, 30)
  await again.close()
  expect(await tables(dir)).toMatchObject({ L: 20, D: 20 })
})
