/** Snapshot files: what is written is read again; whatever else is there is refused, by name. */
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { StateHash } from '../../src/machine/state-hash.ts'
import { createStore, openStore } from '../../src/storage/open.ts'
import { StorageError } from '../../src/storage/port.ts'
import { startingState } from '../../src/storage/restore.ts'
import type { SnapshotManifest } from '../../src/storage/snapshot-format.ts'
import { encodeRecords } from '../../src/storage/snapshot-format.ts'
import { readSnapshot, verifySnapshot } from '../../src/storage/snapshot-reader.ts'
import { SNAPSHOTS_KEPT, SnapshotShelf } from '../../src/storage/snapshot-shelf.ts'
import { writeSnapshot } from '../../src/storage/snapshot-writer.ts'
import type { ServiceRecord } from '../../src/vr/service.ts'
import { at, CLUSTER, directory, records } from './build.ts'

const HEX = '0123456789abcdef0123456789abcdef'
const admit = async (): Promise<void> => {}

function hashOf(state: readonly ServiceRecord[]): string {
  const sum = new StateHash()
  for (const { id, value = '' } of state) sum.add(id, value)
  return sum.hex()
}

function manifestOf(states: readonly (readonly ServiceRecord[])[], op = 17): SnapshotManifest {
  return {
    cluster: 'bank',
    founding: '5f1d0c',
    epoch: 0,
    node: 'n1',
    version: '0.1.0',
    createdMs: 1_000,
    members: [{ name: 'n1', peerId: '12D3KooWone' }],
    machines: [{ name: 'kv', version: 1 }],
    shards: states.map((state, shard) => ({
      shard,
      name: shard === 0 ? 'main' : `s${shard}`,
      view: 3,
      op: op + shard,
      rev: 40,
      timeMs: 5_000,
      checksum: HEX,
      stateHash: hashOf(state),
    })),
  }
}

const SMALL: readonly ServiceRecord[][] = [
  [
    { id: 'kv/a', value: '1;1;1;1;0;"x"' },
    { id: 'kv/\ud800odd\0id', value: 'half \udfff' },
    { id: 'kv/ä', value: '' },
  ],
  [{ id: 'kv/z', value: '1;2;2;1;0;{}' }],
]

async function written(
  states: readonly (readonly ServiceRecord[])[] = SMALL,
): Promise<{ path: string; hash: string; bytes: number }> {
  const dir = await directory()
  await mkdir(dir)
  const path = join(dir, 'a.snapshot')
  return writeSnapshot(join(dir, 'partial'), manifestOf(states), states, {
    pathOf: () => path,
    admit,
  })
}

async function refusalOf(path: string): Promise<StorageError> {
  const error = await verifySnapshot(path).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(StorageError)
  return error as StorageError
}

test('what is written is read again, strange ids and texts included', async () => {
  const { path, hash, bytes } = await written()
  const read: ServiceRecord[][] = [[], []]
  for await (const part of readSnapshot(path)) {
    if (part.type === 'records') read[part.shard]?.push(...part.records)
  }
  expect(read).toEqual(SMALL)
  const report = await verifySnapshot(path)
  expect(report).toMatchObject({ hash, bytes, totals: { chunks: 2, records: [3, 1] } })
  expect(report.manifest).toEqual(manifestOf(SMALL))
})

test('a large state is many chunks', async () => {
  const state = Array.from({ length: 3_000 }, (_, i) => ({
    id: `kv/${String(i).padStart(6, '0')}`,
    value: `${i}`.repeat(100),
  }))
  const { path } = await written([state])
  const { totals } = await verifySnapshot(path)
  expect(totals.records).toEqual([3_000])
  expect(totals.chunks).toBeGreaterThan(2)
})

test('any flipped bit is found', async () => {
  const { path } = await written()
  const whole = await readFile(path)
  const bits = fc.integer({ min: 0, max: 8 * whole.length - 1 })
  await fc.assert(
    fc.asyncProperty(bits, async bit => {
      const bytes = Buffer.from(whole)
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      await writeFile(path, bytes)
      expect(['damaged', 'version']).toContain((await refusalOf(path)).reason)
    }),
    { numRuns: 200 },
  )
})

test('a file that ends too early is refused, wherever it ends', async () => {
  const { path, bytes } = await written()
  const whole = await readFile(path)
  for (let length = 0; length < bytes; length += 7) {
    await writeFile(path, whole)
    await truncate(path, length)
    expect((await refusalOf(path)).message).toMatch(/cut short|does not begin as one/)
  }
})

test('the damaged chunk is named', async () => {
  const { path } = await written()
  const bytes = await readFile(path)
  const inSecond = bytes.indexOf('kv/z')
  bytes[inSecond] = (bytes[inSecond] ?? 0) ^ 1
  await writeFile(path, bytes)
  expect((await refusalOf(path)).message).toMatch(/chunk 2 \(at byte \d+\) does not match its hash/)
})

test('a chunk that is left out is missed', async () => {
  const { path } = await written()
  const bytes = await readFile(path)
  const length = encodeRecords(1, at(SMALL, 1)).length + 5 + 16
  const start = bytes.indexOf('kv/z') - 10 - 5
  await writeFile(path, Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + length)]))
  expect((await refusalOf(path)).message).toContain('chunks are missing')
})

test('a state that does not hash to what the manifest names is refused', async () => {
  const dir = await directory()
  await mkdir(dir)
  const path = join(dir, 'a.snapshot')
  const other = [[{ id: 'kv/a', value: 'another' }], at(SMALL, 1)]
  await writeSnapshot(join(dir, 'partial'), manifestOf(SMALL), other, { pathOf: () => path, admit })
  expect((await refusalOf(path)).message).toContain('the state of shard main hashes to')
})

test('other files, later formats and bytes behind the end are refused', async () => {
  const { path } = await written()
  const bytes = await readFile(path)
  await writeFile(path, Buffer.concat([bytes, Buffer.from('more')]))
  expect((await refusalOf(path)).message).toContain('4 bytes stand behind its end')
  bytes.writeUInt16LE(3, 8)
  await writeFile(path, bytes)
  expect(await refusalOf(path)).toMatchObject({ reason: 'version' })
  await writeFile(path, 'version: 1\nnode: { name: n1 }\n')
  expect((await refusalOf(path)).message).toContain('is not a snapshot of viewstamp')
  expect((await refusalOf(join(path, '..'))).message).toContain('is not a file')
  expect(await refusalOf(`${path}.not-there`)).toMatchObject({ reason: 'missing' })
})

test('a snapshot that is stopped leaves nothing behind', async () => {
  const dir = await directory()
  const shelf = new SnapshotShelf(dir)
  const stop = new Error('no room')
  const full = async (bytes: number): Promise<void> => {
    if (bytes > 0) throw stop
  }
  await expect(shelf.add(manifestOf(SMALL), SMALL, { admit: full })).rejects.toBe(stop)
  expect(await readdir(dir)).toEqual([])
  expect(await shelf.list()).toEqual([])
})

test('the shelf keeps a few, the newest, and knows no other names', async () => {
  const dir = await directory()
  const shelf = new SnapshotShelf(dir)
  expect(await shelf.list()).toEqual([])
  for (let op = 1; op <= SNAPSHOTS_KEPT + 2; op++)
    await shelf.add(manifestOf(SMALL, op), SMALL, { admit })
  const kept = await shelf.list()
  expect(kept).toHaveLength(SNAPSHOTS_KEPT)
  const { snapshot, bytes, hash, op } = at(kept, 0)
  expect(snapshot).toBe(`op${op}-${hash.slice(0, 8)}`)
  const found = await shelf.open(snapshot)
  expect(found?.bytes).toBe(bytes)
  found?.content.destroy()
  await writeFile(join(dir, 'secret'), 'no')
  for (const id of ['secret', '../secret', `${snapshot}/../secret`, `./${snapshot}`, '']) {
    expect(await shelf.open(id)).toBeUndefined()
  }
})

test('a store founded from a snapshot begins with its state, op and time', async () => {
  const { path } = await written()
  const report = await verifySnapshot(path)
  const dir = await directory()
  const cluster = { ...CLUSTER, foundingId: 'another', restoredFrom: report.hash }
  await createStore(dir, cluster, startingState(path, report, cluster))
  const store = await openStore(dir)
  expect(store.cluster.restoredFrom).toBe(report.hash)
  const image = at(store.shards, 1)
  expect(image).toMatchObject({ first: 19, head: 18 })
  expect(image.checkpoint).toMatchObject({ opNumber: 18, rev: 40, timeMs: 5_000 })
  expect(await records(store, 0)).toEqual(
    [...at(SMALL, 0)]
      .map(({ id, value }) => ({ id: `s${id}`, value }))
      .sort((a, b) => Buffer.compare(Buffer.from(a.id), Buffer.from(b.id))),
  )
  expect(await records(store, 1)).toEqual([{ id: 'skv/z', value: '1;2;2;1;0;{}' }])
  await store.close()
  await (await openStore(dir)).close()
})
