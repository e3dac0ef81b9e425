/** A data directory with everything in it, and what may be done to its files. For the tests of damage. */
import { cp, open, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest'
import { digest } from '../../src/base/hash.ts'
import { createStore, openStore } from '../../src/storage/open.ts'
import type { Store } from '../../src/storage/port.ts'
import { StorageError } from '../../src/storage/port.ts'
import type { Entry } from '../../src/vr/entry.ts'
import type { Damage } from '../../src/vr/repair.ts'
import { at, CLUSTER, chain, checkpointAt, directory, vsr } from './build.ts'

export async function opened(dir: string): Promise<Store> {
  const store = await openStore(dir)
  onTestFinished(() => store.close())
  return store
}

export const LOG = chain(60, { bytes: 1_500 })
export const THREE = {
  ...CLUSTER,
  members: ['one', 'two', 'three'].map(name => ({
    name,
    peerId: `12D3KooW${name}`,
    addresses: [],
  })),
}
const templates = join(tmpdir(), `viewstamp-damage-${process.pid}-${process.hrtime.bigint()}`)

/** 60 entries of which 20 are checkpointed, view 3, ten records; one commit each, so many LevelDB records. */
export function makeTemplates(): void {
  beforeAll(async () => {
    const dir = join(templates, 'closed')
    await createStore(dir, THREE)
    const store = await openStore(dir)
    await store.commit([{ shard: 0, vsr: vsr(3) }])
    for (const [i, entry] of LOG.entries()) {
      await store.commit([{ shard: 0, append: [entry] }])
      if (i === 20) await store.commit([{ shard: 0, ...checkpointed(LOG) }])
    }
    await cp(dir, join(templates, 'killed'), { recursive: true })
    await store.close()
  })
  afterAll(() => rm(templates, { recursive: true, force: true }))
}

export async function filled(
  end: 'closed' | 'killed' = 'closed',
): Promise<{ dir: string; log: Entry[] }> {
  const dir = await directory()
  await cp(join(templates, end), dir, { recursive: true })
  return { dir, log: LOG }
}

const checkpointed = (log: readonly Entry[]) => ({
  records: {
    opNumber: 20,
    records: Array.from({ length: 10 }, (_, i) => ({ id: `k${i}`, value: `v${i}` })),
  },
  checkpoint: checkpointAt(at(log, 19)),
})

export async function fileIn(dir: string, ending: RegExp): Promise<string> {
  const names = (await readdir(join(dir, 'db'))).filter(name => ending.test(name)).sort()
  return join(dir, 'db', at(names, -1))
}

export async function flip(path: string, byte: number, bit = 0): Promise<void> {
  const file = await open(path, 'r+')
  const [value = 0] = (await file.read(new Uint8Array(1), 0, 1, byte)).buffer
  await file.write(new Uint8Array([value ^ (1 << bit)]), 0, 1, byte)
  await file.close()
}

export const refused = (
  dir: string,
  reason: StorageError['reason'],
  ...parts: string[]
): Promise<void> =>
  expect(openStore(dir)).rejects.toSatisfy(error => {
    expect(error).toBeInstanceOf(StorageError)
    expect(error).toMatchObject({ reason })
    for (const part of [dir, ...parts]) expect((error as StorageError).message).toContain(part)
    return true
  })

export const damageOf = (store: Store): Damage | undefined => store.shards[0]?.damage

/** Each run ends with an entry of this checksum; with them back, everything is as it was, for the next opening too. */
export async function repaired(store: Store, log: readonly Entry[] = LOG): Promise<void> {
  const damage = damageOf(store)
  for (const { first, last, checksum } of damage?.runs ?? []) {
    expect(at(log, last - 1).checksum).toBe(checksum)
    const behind = Math.min(last + 1, log.length)
    const damaged = { reason: 'damaged' }
    await expect(store.readEntries(0, first, behind, 1e9)).rejects.toMatchObject(damaged)
    // From the end of the run down, as they are fetched.
    const middle = Math.ceil((first + last) / 2)
    await store.commit([{ shard: 0, repair: log.slice(middle - 1, last) }])
    if (middle > first) await store.commit([{ shard: 0, repair: log.slice(first - 1, middle - 1) }])
  }
  const from = store.shards[0]?.first ?? 1
  const entries = await store.readEntries(0, from, log.length, 1e9)
  const checksums = log.slice(from - 1).map(entry => entry.checksum)
  expect(entries.map(entry => digest(entry.bytes))).toEqual(checksums)
}

export async function tamper(
  dir: string,
  change: (db: Level<Buffer, Buffer>) => Promise<void>,
): Promise<void> {
  const options = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const
  const db = new Level<Buffer, Buffer>(join(dir, 'db'), options)
  await change(db)
  await db.close()
}
export const stored = async (db: Level<Buffer, Buffer>, key: Buffer): Promise<Buffer> =>
  Buffer.from((await db.get(key)) ?? Buffer.alloc(0))
