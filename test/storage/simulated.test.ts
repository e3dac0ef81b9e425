/** The real storage code under the simulator's seeds; and that what they run on is as unkind as it should be. */
import { expect, test } from 'vitest'
import { Prng } from '../../src/base/prng.ts'
import type { Store } from '../../src/storage/port.ts'
import { Directory, FileNode, SimDisk } from '../../src/testing/storage/disk.ts'
import type * as Storage from '../../src/testing/storage/main.ts'
import { compareRead } from '../../src/testing/storage/reads.ts'
import { Table } from '../../src/testing/storage/table.ts'
import type { Entry } from '../../src/vr/entry.ts'
import { opNumber } from '../../src/vr/terms.ts'
import { chainOf, lines } from '../sim/fixtures.ts'

const { loadWithStorage } = await import('../../scripts/bundle-sim.mjs' as string)
const { patchesOf } = await import('../../scripts/mutants/table.mjs' as string)
const load = (patches?: unknown): Promise<typeof Storage> => loadWithStorage(patches)

test('what the store says at every start is what the simulated replica was told', async () => {
  const { simulateWithStorage, emptyStorageTally, addStorageTally } = await load()
  const total = emptyStorageTally()
  for (const seed of [2, 12, 20]) {
    const { failure, storage } = await simulateWithStorage(seed)
    expect(failure).toBeUndefined()
    addStorageTally(total, storage)
  }
  expect(total.commits).toBeGreaterThan(1000)
  for (const name of ['commitsCut', 'openingsCut', 'powerCuts', 'hurts', 'repairs'] as const) {
    expect(total[name], name).toBeGreaterThan(0)
  }
})

test('seed 27: what a process did not live to sync is not taken for durable by the next one', async () => {
  const { simulateWithStorage } = await load()
  expect((await simulateWithStorage(27)).failure).toBeUndefined()
  const { simulateWithStorage: mutated } = await load(patchesOf('superblock-unsynced-at-start'))
  expect((await mutated(27)).failure).toMatchObject({ property: 'store-opens' })
})

test('the run is the one that it is without storage, and the storage is the same twice', async () => {
  const { simulate, simulateWithStorage } = await load()
  const first = await simulateWithStorage(12)
  expect(first.digest).toBe(simulate(12).digest)
  expect((await simulateWithStorage(12)).storage).toEqual(first.storage)
})

test('a bug of the storage code is told as the failure of its seed', async () => {
  const { simulateWithStorage } = await load(patchesOf('trims-one-too-many'))
  const { failure } = await simulateWithStorage(2)
  expect(failure).toMatchObject({ kind: 'property', property: 'store-restores', isStorage: true })
  expect(failure?.message).toMatch(/^store-restores: .+ \(disk \d at \d+ ms\)$/)
})

test('a failure of the storage code is made smaller, and fails again as it is told', async () => {
  const { minimising, optionsWith, signatureOf, simulateWithStorage } = await load(
    patchesOf('trims-one-too-many'),
  )
  const seed = 2
  const first = await simulateWithStorage(seed)
  let left = 30
  const options = (overrides: Storage.Run): ReturnType<typeof optionsWith> =>
    optionsWith(seed, overrides)
  const tries = minimising(first, {}, { options, isOver: () => left-- <= 0 })
  let step = tries.next()
  while (!step.done) step = tries.next(await simulateWithStorage(seed, step.value))
  const { overrides, outcome, failure } = step.value
  expect(outcome.coverage.events).toBeLessThan(0.5 * first.coverage.events)
  expect(signatureOf(failure)).toBe(first.failure && signatureOf(first.failure))
  expect((await simulateWithStorage(seed, overrides)).failure).toEqual(failure)
})

test('a read may end before what is damaged; one that goes on as if nothing were is told', async () => {
  const log = chainOf(lines('a', 'b', 'c'))
  const ends = { first: opNumber(1), last: opNumber(3) }
  const effect = { type: 'load', token: 1, bytesMax: 1, ...ends } as const
  const known = { isHurt: true, archive: new Map(log.map(each => [each.opNumber, each.checksum])) }
  const read = (found: readonly Entry[]): Promise<void> => {
    const store = { readEntries: async () => found } as unknown as Store
    return compareRead(store, { type: 'read', effect, answer: undefined }, known)
  }
  await read(log.slice(0, 2))
  const bytes = new Uint8Array(log[1]?.bytes ?? []).fill(7, 50, 51)
  const damaged = log.map((each, i) => (i === 1 ? { ...each, bytes } : each))
  for (const found of [damaged, log.slice(1), []]) {
    await expect(read(found)).rejects.toMatchObject({ property: 'store-notices' })
  }
})

test('a power cut leaves each sector as it was at some moment since the last sync', () => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= 40; seed++) {
    const file = new FileNode()
    file.write(Buffer.alloc(1024, 'a'), 0)
    file.sync()
    file.write(Buffer.alloc(1024, 'b'), 0)
    file.write(Buffer.alloc(1024, 'c'), 0)
    file.cutPower(new Prng(seed))
    const sectors = [file.bytes.subarray(0, 512), file.bytes.subarray(512)]
    for (const sector of sectors) expect(new Set(sector).size).toBe(1)
    seen.add(sectors.map(sector => String.fromCharCode(sector[0] ?? 0)).join(''))
  }
  expect([...seen].sort()).toEqual(['aa', 'ab', 'ac', 'ba', 'bb', 'bc', 'ca', 'cb', 'cc'])
})

test('names come undone from some moment on, but for those before a sync of their directory', () => {
  const left = new Set<string>()
  for (let seed = 1; seed <= 20; seed++) {
    const disk = new SimDisk(new Prng(seed))
    for (const name of ['x', 'y', 'z']) {
      if (name === 'y') disk.syncNames(disk.root)
      disk.change({ directory: disk.root, name, entry: new Directory() })
    }
    disk.crash('power')
    left.add([...disk.root.names.keys()].join(''))
  }
  expect([...left].sort()).toEqual(['x', 'xy', 'xyz'])
})

test('batches that were not synced are lost from some batch on', () => {
  const left = new Set<string>()
  for (let seed = 1; seed <= 20; seed++) {
    const table = new Table()
    for (const key of ['a', 'b', 'c']) table.write([{ key, value: Buffer.from(key) }], key === 'a')
    table.cutPower(new Prng(seed))
    left.add(table.range('a', 'z').join(''))
  }
  expect([...left].sort()).toEqual(['a', 'ab', 'abc'])
})
