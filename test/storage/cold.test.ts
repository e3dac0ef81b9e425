/** Cold records: the checkpoint holds references, a table of its own the texts, as long as anything refers to them. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { describe, expect, onTestFinished, test } from 'vitest'
import { StateHash } from '../../src/machine/state-hash.ts'
import { seal } from '../../src/storage/envelope.ts'
import { inspectStore } from '../../src/storage/inspect.ts'
import { textKey } from '../../src/storage/keys.ts'
import { createStore, openStore } from '../../src/storage/open.ts'
import type { Store } from '../../src/storage/port.ts'
import { type StorageError, TextDamage } from '../../src/storage/port.ts'
import { startingState } from '../../src/storage/restore.ts'
import { readSnapshot, verifySnapshot } from '../../src/storage/snapshot-reader.ts'
import { writeSnapshot } from '../../src/storage/snapshot-writer.ts'
import { encodeText } from '../../src/storage/values.ts'
import { coldReference } from '../../src/vr/cold.ts'
import type { Entry } from '../../src/vr/entry.ts'
import type { ServiceRecord } from '../../src/vr/service.ts'
import { levelBench, memoryBench } from './bench.ts'
import { at, CLUSTER, chain, checkpointAt, directory, records, vsr } from './build.ts'

const textOf = (n: number): string => `page ${n} ${'é'.repeat(500)}`
const idOf = (n: number): string => `sdiary/p/${String(n).padStart(4, '0')}`
/** As a checkpoint writes it for the first time. */
const made = (n: number): ServiceRecord => ({
  id: idOf(n),
  value: coldReference(textOf(n)),
  cold: { text: textOf(n) },
})
/** As an install repeats it: the disk has the text. */
const held = (n: number): ServiceRecord => ({ ...made(n), cold: {} })
const gone = (n: number): ServiceRecord => ({ id: idOf(n), value: undefined, cold: {} })
const ns = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i)
const read = (store: Store, n: number): Promise<string | undefined> =>
  store.readCold(0, idOf(n), coldReference(textOf(n)))

async function checkpoint(
  store: Store,
  entry: Entry,
  all: readonly ServiceRecord[],
): Promise<void> {
  await store.commit([{ shard: 0, records: { opNumber: entry.opNumber, records: all } }])
  await store.commit([{ shard: 0, checkpoint: checkpointAt(entry) }])
}

/** Commits of the other shard: what is to be deleted has its chance, as the disk takes its time. */
async function idle(store: Store): Promise<void> {
  for (let i = 0; i < 80; i++) await store.commit([{ shard: 1, vsr: vsr(0) }])
}

describe.each([
  ['memory', memoryBench],
  ['level', levelBench],
] as const)('Store: %s', (_, open) => {
  test('a checkpoint has the references; the texts are read one at a time, also after a restart', async () => {
    const bench = await open()
    const log = chain(2)
    await bench.store.commit([{ shard: 0, append: log }])
    await checkpoint(bench.store, at(log, 0), [made(1), made(2), { id: 'skv/a', value: '1' }])
    expect(await records(bench.store)).toEqual([held(1), held(2), { id: 'skv/a', value: '1' }])
    expect(await read(bench.store, 2)).toBe(textOf(2))
    expect(await read(bench.store, 3)).toBeUndefined()
    const again = await bench.reopen()
    expect(await records(again)).toEqual([held(1), held(2), { id: 'skv/a', value: '1' }])
    expect(await read(again, 1)).toBe(textOf(1))
  })

  test('texts of a checkpoint that a crash cut short go, and may be written again', async () => {
    const bench = await open()
    const log = chain(2)
    await bench.store.commit([{ shard: 0, append: log }])
    await checkpoint(bench.store, at(log, 0), [made(1)])
    await bench.store.commit([{ shard: 0, records: { opNumber: 2, records: [made(2), gone(1)] } }])
    const again = await bench.reopen()
    expect(await records(again)).toEqual([held(1)])
    expect(await read(again, 1)).toBe(textOf(1))
    expect(await read(again, 2)).toBeUndefined()
    await checkpoint(again, at(log, 1), [made(2)])
    expect(await read(again, 2)).toBe(textOf(2))
  })

  test('an install takes over the texts that are there, and those that were fetched for it', async () => {
    const bench = await open()
    const log = chain(30)
    await bench.store.commit([{ shard: 0, append: log.slice(0, 10) }])
    await checkpoint(bench.store, at(log, 4), ns(1, 4).map(made))
    await bench.store.commit([{ shard: 0, installTexts: [made(5), made(6)] }])
    await bench.store.commit([{ shard: 0, installTexts: [made(7)] }])
    // The fetch was given up, and another begun; meanwhile there is a checkpoint of our own.
    await checkpoint(bench.store, at(log, 9), [gone(1)])
    await idle(bench.store)
    expect(await records(bench.store)).toEqual(ns(2, 4).map(held))
    await bench.store.commit([{ shard: 0, installTexts: [made(8)] }])
    const state = [3, 4, 6, 7, 8].map(held)
    await bench.store.commit([
      { shard: 0, installRecords: { opNumber: 30, records: state } },
      { shard: 0, install: checkpointAt(at(log, 29)) },
    ])
    await idle(bench.store)
    const expectState = async (store: Store): Promise<void> => {
      expect(await records(store)).toEqual(state)
      for (const n of [3, 4, 6, 7, 8]) expect(await read(store, n)).toBe(textOf(n))
      for (const n of [1, 2, 5]) expect(await read(store, n)).toBeUndefined()
    }
    await expectState(bench.store)
    await expectState(await bench.reopen())
  })

  test('a text that was to go, and is fetched again before it went, stays', async () => {
    const { store } = await open()
    const log = chain(40)
    await store.commit([{ shard: 0, installTexts: ns(1, 400).map(made) }])
    // Of an earlier state than that for which they were fetched: nothing refers to them any more.
    await store.commit([
      { shard: 0, installRecords: { opNumber: 20, records: [] } },
      { shard: 0, install: checkpointAt(at(log, 19)) },
    ])
    await store.commit([{ shard: 1, vsr: vsr(0) }])
    await store.commit([{ shard: 0, installTexts: [made(400)] }])
    await idle(store)
    await store.commit([
      { shard: 0, installRecords: { opNumber: 30, records: [held(400)] } },
      { shard: 0, install: checkpointAt(at(log, 29)) },
    ])
    await idle(store)
    expect(await read(store, 400)).toBe(textOf(400))
    expect(await read(store, 399)).toBeUndefined()
  })

  test('texts fetched for an install that did not come before the restart go', async () => {
    const bench = await open()
    const log = chain(3)
    await bench.store.commit([{ shard: 0, append: log }])
    await checkpoint(bench.store, at(log, 0), [made(1)])
    // One of them is in the checkpoint, too: as if it had been damaged in memory, and fetched.
    await bench.store.commit([{ shard: 0, installTexts: [made(1), made(2)] }])
    await checkpoint(bench.store, at(log, 1), [{ id: 'skv/a', value: '1' }])
    const again = await bench.reopen()
    expect(await read(again, 1)).toBe(textOf(1))
    expect(await read(again, 2)).toBeUndefined()
  })

  test('who reads a frozen state finds its texts', async () => {
    const { store } = await open()
    const log = chain(3)
    await store.commit([{ shard: 0, append: log }])
    await checkpoint(store, at(log, 0), ns(1, 40).map(made))
    const release = store.keepTexts(0)
    await checkpoint(store, at(log, 1), ns(1, 40).map(gone))
    await idle(store)
    expect(await read(store, 17)).toBe(textOf(17))
    release()
    await idle(store)
    expect(await read(store, 17)).toBeUndefined()
  })
})

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

describe('on disk', () => {
  test('twenty removed records are worth a sweep: their texts and all their versions leave it', async () => {
    const bench = await levelBench()
    const log = chain(2)
    await bench.store.commit([{ shard: 0, append: log }])
    await checkpoint(bench.store, at(log, 0), ns(1, 100).map(made))
    await checkpoint(bench.store, at(log, 1), ns(1, 20).map(gone))
    await idle(bench.store)
    await bench.store.close()
    expect(await tables(bench.dir)).toMatchObject({ S: 80, T: 80 })
    const again = await bench.reopen()
    expect(await read(again, 21)).toBe(textOf(21))
  })

  test('nothing is left of a fetch, whether it was for nothing or not', async () => {
    const bench = await levelBench()
    const log = chain(20)
    await bench.store.commit([{ shard: 0, installTexts: ns(1, 5).map(made) }])
    await bench.reopen()
    await bench.store.commit([{ shard: 0, installTexts: ns(3, 9).map(made) }])
    await bench.store.commit([
      { shard: 0, installRecords: { opNumber: 20, records: ns(4, 6).map(held) } },
      { shard: 0, install: checkpointAt(at(log, 19)) },
    ])
    await idle(bench.store)
    await bench.store.close()
    expect(await tables(bench.dir)).toMatchObject({ S: 3, T: 3 })
    await bench.reopen()
  })

  async function damagedStore(
    damage: (db: Level<Buffer, Buffer>, key: Buffer) => Promise<void>,
  ): Promise<{ store: Store; dir: string }> {
    const bench = await levelBench()
    const log = chain(1)
    await bench.store.commit([{ shard: 0, append: log }])
    await checkpoint(bench.store, at(log, 0), [made(1), made(2)])
    await bench.store.close()
    const db = new Level<Buffer, Buffer>(join(bench.dir, 'db'), {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
    })
    await damage(db, textKey(0, idOf(1)))
    await db.close()
    return { store: await bench.reopen(), dir: bench.dir }
  }

  test.each([
    ['is missing', (db: Level<Buffer, Buffer>, key: Buffer) => db.del(key)],
    ['does not check', (db: Level<Buffer, Buffer>, key: Buffer) => db.put(key, Buffer.from('??'))],
    [
      'is another',
      (db: Level<Buffer, Buffer>, key: Buffer) => db.put(key, seal(key, ...encodeText(textOf(2)))),
    ],
  ])(
    'a text that %s is damage when it is read, and when the directory is looked at',
    async (_, damage) => {
      const { store, dir } = await damagedStore(damage)
      const error = await read(store, 1).catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(TextDamage)
      expect(error).toMatchObject({ reason: 'damaged' })
      expect((error as StorageError).message).toContain('viewstamp recover')
      expect(await read(store, 2)).toBe(textOf(2))
      await store.close()
      const seen = await inspectStore(dir, { verify: true })
      expect(seen.problems.length).toBeGreaterThan(0)
      expect((await inspectStore(dir, { verify: false })).problems).toEqual([])
    },
  )
})

describe('a snapshot', () => {
  const state: readonly ServiceRecord[] = [
    { id: 'diary/open', value: '[7]' },
    ...ns(1, 300).map(n => ({ ...held(n), id: idOf(n).slice(1) })),
    { id: 'kv/a', value: '1;1;1;1;0;"x"' },
  ]

  async function written(lie: (n: number, text: string) => string = (_, text) => text) {
    const dir = await directory()
    await mkdir(dir)
    const sum = new StateHash()
    for (const { id, value = '' } of state) sum.add(id, value)
    const path = join(dir, 'a.snapshot')
    let most = 0
    const manifest = {
      cluster: 'bank',
      founding: '5f1d0c',
      epoch: 0,
      node: 'n1',
      version: '0.1.0',
      createdMs: 1_000,
      members: [{ name: 'n1', peerId: '12D3KooWone' }],
      machines: [{ name: 'diary', version: 1 }],
      shards: [
        {
          shard: 0,
          name: 'main',
          view: 3,
          op: 17,
          rev: 40,
          timeMs: 5_000,
          checksum: '0123456789abcdef0123456789abcdef',
          stateHash: sum.hex(),
        },
      ],
    }
    let before = 0
    await writeSnapshot(join(dir, 'partial'), manifest, [state], {
      pathOf: () => path,
      admit: async bytes => {
        most = Math.max(most, bytes - before)
        before = bytes
      },
      textOf: async (_, { id }) => {
        const n = Number(id.slice(-4))
        return lie(n, textOf(n))
      },
    })
    return { path, most }
  }

  test('has the texts of cold records, in chunks like all others', async () => {
    const { path, most } = await written()
    expect((await verifySnapshot(path)).totals.records).toEqual([state.length])
    expect(most).toBeLessThan(300 * 1024)
    const found: ServiceRecord[] = []
    for await (const part of readSnapshot(path)) {
      if (part.type === 'records') found.push(...part.records)
    }
    expect(found).toEqual(
      state.map(record => {
        const n = Number(record.id.slice(-4))
        return record.cold === undefined ? record : { ...record, cold: { text: textOf(n) } }
      }),
    )
  })

  test('founds a cluster that has them', async () => {
    const { path } = await written()
    const report = await verifySnapshot(path)
    const dir = await directory()
    await createStore(dir, CLUSTER, {
      ...startingState(path, report, CLUSTER),
      checkpoints: [0, 1].map(() => at(startingState(path, report, CLUSTER).checkpoints, 0)),
    })
    const store = await openStore(dir)
    onTestFinished(() => store.close())
    expect((await records(store)).filter(record => record.cold !== undefined)).toHaveLength(300)
    for (const n of [1, 150, 300]) expect(await read(store, n)).toBe(textOf(n))
  })

  test('with another text in it is refused, by the name of the record', async () => {
    const { path } = await written((n, text) => (n === 200 ? `${text}?` : text))
    const error = await verifySnapshot(path).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ reason: 'damaged' })
    expect((error as StorageError).message).toContain('diary/p/0200')
  })
})
