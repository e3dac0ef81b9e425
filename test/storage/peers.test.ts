/** What is remembered of the peers, over both stores: their lives, and what they promised. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { MemoryDisk } from '../../src/storage/memory.ts'
import { createStore, openStore } from '../../src/storage/open.ts'
import { PeersFile } from '../../src/storage/peers-file.ts'
import { decodePeersFile } from '../../src/storage/peers-format.ts'
import type { Store } from '../../src/storage/port.ts'
import type { Promised } from '../../src/wire/promised.ts'
import { CLUSTER, directory } from './build.ts'

const promise = (viewNumber: number, opNumber: number): Promised => ({
  viewNumber,
  lastNormalView: viewNumber,
  opNumber,
})

async function levelStores(): Promise<() => Promise<Store>> {
  const dir = await directory()
  await createStore(dir, CLUSTER)
  let store: Store | undefined
  onTestFinished(() => store?.close())
  return async () => {
    await store?.close()
    store = await openStore(dir)
    return store
  }
}

async function memoryStores(): Promise<() => Promise<Store>> {
  const disk = new MemoryDisk(CLUSTER)
  return () => disk.open()
}

test.each([
  ['memory', memoryStores],
  ['level', levelStores],
] as const)(
  '%s: promises are known at once, kept, and end with the incarnation',
  async (_, stores) => {
    const open = await stores()
    const first = await open()
    first.notePromise('p2', 0, promise(1, 1))
    expect(first.peerSeen('p2')).toBeUndefined()
    await first.notePeer('p2', { incarnation: 'b', boot: 3, nonce: 'x' })
    first.notePromise('p2', 1, promise(2, 7))
    first.notePromise('p2', 1, promise(2, 6))
    const life = { incarnation: 'b', boot: 3, nonce: 'x' }
    const promised = [undefined, promise(2, 7)]
    expect(first.peerSeen('p2')).toEqual({ ...life, promised })
    await first.notePeer('p2', { incarnation: 'b', boot: 4 })
    const again = await open()
    expect(again.peerSeen('p2')).toEqual({ incarnation: 'b', boot: 4, promised })
    await again.notePeer('p2', { incarnation: 'c', boot: 1 })
    expect(again.peerSeen('p2')?.promised).toBeUndefined()
  },
)

test('a promise waits for no write; the next one takes it along', async () => {
  const dir = await directory()
  const path = join(dir, '..', 'peers')
  await PeersFile.create(path)
  const peers = await PeersFile.open(path)
  await peers.note('p2', { incarnation: 'b', boot: 1 })
  const before = await readFile(path, 'utf8')
  peers.raise('p2', 0, promise(1, 5))
  expect(peers.get('p2')?.promised).toEqual([promise(1, 5)])
  expect(await readFile(path, 'utf8')).toBe(before)
  await peers.note('p3', { incarnation: 'c', boot: 1 })
  const onDisk = decodePeersFile(await readFile(path, 'utf8'))
  expect(onDisk.get('p2')?.promised).toEqual([promise(1, 5)])
  peers.raise('p2', 0, promise(1, 6))
  await peers.settled()
  const atEnd = decodePeersFile(await readFile(path, 'utf8'))
  expect(atEnd.get('p2')?.promised).toEqual([promise(1, 6)])
})
