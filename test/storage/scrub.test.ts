/** The scrubber in a time of its own: how fast, when, and what it finds. */
import { expect, test } from 'vitest'
import { createStore, openStore } from '../../src/storage/open.ts'
import type { Store } from '../../src/storage/port.ts'
import { StorageError } from '../../src/storage/port.ts'
import type { ScrubPorts } from '../../src/storage/scrub.ts'
import { Scrub } from '../../src/storage/scrub.ts'
import type { Entry } from '../../src/vr/entry.ts'
import type { ServiceRecord } from '../../src/vr/service.ts'
import { at, CLUSTER, chain, checkpointAt, directory } from './build.ts'

const EVERY = 3_600_000
const RATE = 1024 * 1024
const LOG = chain(200, { bytes: 10_000 })
const RECORDS: readonly ServiceRecord[] = Array.from({ length: 400 }, (_, i) => ({
  id: `skv/${String(i).padStart(4, '0')}`,
  value: 'v'.repeat(2_000),
}))

interface World {
  readonly scrub: Scrub
  /** Virtual time, all of it spent waiting. */
  nowMs: number
  readonly failures: unknown[]
  readonly entries: number[]
  readonly records: string[]
  busy: boolean
  /** Runs for so long. */
  run(ms: number): Promise<void>
}

/** A store in memory that tells what is read, and a clock that jumps from wait to wait. */
function world(change: Partial<ScrubPorts['store']> = {}): World {
  let until = 0
  let reached: () => void = () => {}
  let goOn: () => void = () => {}
  const store: ScrubPorts['store'] = {
    readEntries: async (_shard, first, last, bytesMax) => {
      const found: Entry[] = []
      let bytes = 0
      for (const entry of LOG.slice(first - 1, last)) {
        bytes += entry.bytes.length
        if (found.length > 0 && bytes > bytesMax) break
        found.push(entry)
      }
      of.entries.push(...found.map(each => each.opNumber))
      return found
    },
    readCold: async () => undefined,
    readRecords: async function* (_shard, after) {
      for (const record of RECORDS) {
        if (after !== undefined && record.id <= after) continue
        of.records.push(record.id)
        yield record
      }
    },
    ...change,
  }
  const scrub = new Scrub(
    {
      store,
      logs: () => [{ shard: 0, first: 1, last: LOG.length }],
      isBusy: () => of.busy,
      nowMs: () => of.nowMs,
      wait: async (ms, stopped) => {
        of.nowMs += ms
        while (of.nowMs >= until && !stopped.aborted) {
          reached()
          await new Promise<void>(resolve => {
            goOn = resolve
            stopped.addEventListener('abort', () => resolve())
          })
        }
      },
      failed: error => {
        of.failures.push(error)
        reached()
      },
    },
    { everyMs: EVERY, bytesPerSecond: RATE },
  )
  const of: World = {
    scrub,
    nowMs: 0,
    failures: [],
    entries: [],
    records: [],
    busy: false,
    run: ms =>
      new Promise(resolve => {
        until += ms
        reached = resolve
        goOn()
      }),
  }
  return of
}

test('reads all of the log and the checkpoint once in a while, no faster than asked', async () => {
  const w = world()
  w.scrub.start()
  await w.run(EVERY - 1)
  expect(w.scrub.figures).toEqual({ bytes: 0, passes: 0, lastPassMs: undefined })
  await w.run(EVERY / 2)
  expect(w.entries).toEqual(LOG.map(each => each.opNumber))
  expect(new Set(w.records).size).toBe(RECORDS.length)
  const { bytes, passes, lastPassMs } = w.scrub.figures
  expect(passes).toBe(1)
  expect(bytes).toBeGreaterThan(200 * 10_000 + 400 * 2_000)
  expect((lastPassMs ?? 0) - EVERY).toBeGreaterThanOrEqual((1000 * bytes) / RATE - 1)
  await w.run(EVERY)
  expect(w.scrub.figures.passes).toBe(2)
  await w.scrub.stop()
})

test('gives way to callers, and still gets on', async () => {
  const calm = world()
  const loaded = world()
  loaded.busy = true
  for (const w of [calm, loaded]) {
    w.scrub.start()
    await w.run(EVERY + 60_000)
  }
  expect(calm.scrub.figures.passes).toBe(1)
  expect(loaded.scrub.figures.passes).toBe(0)
  expect(loaded.scrub.figures.bytes).toBeGreaterThan(0)
  await Promise.all([calm.scrub.stop(), loaded.scrub.stop()])
})

test('damage ends it, and is told once', async () => {
  const damage = new StorageError('damaged', 'entry 7 is damaged')
  const w = world({ readEntries: () => Promise.reject(damage) })
  w.scrub.start()
  await w.run(10 * EVERY)
  expect(w.failures).toEqual([damage])
  await w.scrub.stop()
})

test('stopped, it reads no more', async () => {
  const w = world()
  w.scrub.start()
  await w.run(EVERY + 300)
  await w.scrub.stop()
  const { length } = w.entries
  expect(length).toBeGreaterThan(0)
  expect(length).toBeLessThan(LOG.length)
})

test('records are read from behind any of them on', async () => {
  const dir = await directory()
  await createStore(dir, CLUSTER)
  const store = await openStore(dir)
  const ids = ['ska', 'ska\0', 'ska\0b', 'skb', 'skä', 'sk\ud800', 't1'].sort()
  const records = ids.map(id => ({ id, value: id }))
  const log = chain(3)
  await store.commit([{ shard: 0, append: log }])
  for (const op of [2, 3]) {
    const checkpoint = checkpointAt(at(log, op - 1))
    await store.commit([{ shard: 0, records: { opNumber: op, records }, checkpoint }])
  }
  for (const [i, id] of ids.entries()) expect(await idsBehind(store, id)).toEqual(ids.slice(i + 1))
  await store.close()
})

async function idsBehind(store: Store, after: string): Promise<string[]> {
  const ids: string[] = []
  for await (const { id } of store.readRecords(0, after)) ids.push(id)
  return ids
}
