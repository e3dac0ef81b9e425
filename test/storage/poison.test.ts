/** The first write that fails is the last one tried: after it LevelDB loses what it acknowledges. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { MemoryDisk } from '../../src/storage/memory.ts'
import { openStore } from '../../src/storage/open.ts'
import type { Store } from '../../src/storage/port.ts'
import { SuperblockFile } from '../../src/storage/superblock-file.ts'
import { at, CLUSTER, chain, checkpointAt, founded, vsr } from './build.ts'
import { interceptWrites } from './intercept.ts'

const full = (): Error =>
  Object.assign(new Error('IO error: /d/000003.log: No space left on device'), {
    code: 'LEVEL_IO_ERROR',
  })

async function headsAfter(dir: string, store: Store): Promise<number[]> {
  await store.close()
  const again = await openStore(dir)
  onTestFinished(() => again.close())
  return again.shards.map(shard => shard.head)
}

describe('after a write that failed', () => {
  test('all later ones are refused without being tried, and what was acknowledged is there', async () => {
    const { dir, store } = await founded()
    const log = chain(3)
    await store.commit([{ shard: 0, append: log.slice(0, 1) }])
    let tried = 0
    const restore = interceptWrites(() => {
      tried++
      return Promise.reject(full())
    })
    const refusal = {
      name: 'StorageError',
      reason: 'unwritable',
      message: expect.stringContaining('the disk is full'),
    }
    await expect(store.commit([{ shard: 0, append: log.slice(1, 2) }])).rejects.toMatchObject(
      refusal,
    )
    restore()
    await expect(store.commit([{ shard: 0, append: log.slice(1, 2) }])).rejects.toMatchObject(
      refusal,
    )
    await expect(store.commit([])).rejects.toMatchObject(refusal)
    await expect(store.notePeer('p', { incarnation: 'a', boot: 1 })).rejects.toMatchObject(refusal)
    expect(tried).toBe(1)
    expect(await headsAfter(dir, store)).toEqual([1, 0])
  })

  test('the same when LevelDB is closed under the store', async () => {
    const open = vi.spyOn(Level.prototype, 'open')
    const { dir, store } = await founded()
    const db = at(open.mock.contexts, -1) as Level
    open.mockRestore()
    await store.commit([{ shard: 0, append: chain(1) }])
    await db.close()
    const more = { shard: 0, append: chain(2).slice(1) }
    await expect(store.commit([more])).rejects.toMatchObject({ reason: 'unwritable' })
    await expect(store.commit([])).rejects.toMatchObject({ reason: 'unwritable' })
    expect(await headsAfter(dir, store)).toEqual([1, 0])
  })

  test('the same when the superblock cannot be written: the view is not promised', async () => {
    const { dir, store } = await founded()
    const spy = vi.spyOn(SuperblockFile.prototype, 'write').mockRejectedValueOnce(full())
    await expect(store.commit([{ shard: 0, vsr: vsr(1) }])).rejects.toMatchObject({
      reason: 'unwritable',
    })
    spy.mockRestore()
    await expect(store.commit([])).rejects.toMatchObject({ reason: 'unwritable' })
    expect(await headsAfter(dir, store)).toEqual([0, 0])
  })

  test('the same when the peers cannot be written', async () => {
    const { dir, store } = await founded()
    const { chmod, mkdir } = await import('node:fs/promises')
    await mkdir(join(dir, 'peers.new'))
    await chmod(join(dir, 'peers.new'), 0o700)
    await writeFile(join(dir, 'peers.new', 'in the way'), '')
    const refusal = { reason: 'unwritable' }
    await expect(store.notePeer('p', { incarnation: 'a', boot: 1 })).rejects.toMatchObject(refusal)
    await expect(store.notePeer('q', { incarnation: 'a', boot: 1 })).rejects.toMatchObject(refusal)
    await expect(store.commit([{ shard: 0, append: chain(1) }])).rejects.toMatchObject(refusal)
  })

  test('a store that failed is not marked as closed in order', async () => {
    const { dir, store } = await founded()
    const log = chain(3)
    await store.commit([{ shard: 0, append: log.slice(0, 2) }])
    // The batch reaches the disk and the answer is an error: nobody knows, and both are allowed.
    const restore = interceptWrites(async write => {
      await write()
      throw full()
    })
    await expect(store.commit([{ shard: 0, append: log.slice(2) }])).rejects.toThrow()
    restore()
    expect(await headsAfter(dir, store)).toEqual([3, 0])
  })

  test('the memory store does the same', async () => {
    const disk = new MemoryDisk(CLUSTER)
    const store = await disk.open()
    disk.failure = full()
    await expect(store.commit([{ shard: 0, append: chain(1) }])).rejects.toThrow('No space')
    disk.failure = undefined
    await expect(store.commit([])).rejects.toThrow('No space')
    await expect(store.notePeer('p', { incarnation: 'a', boot: 1 })).rejects.toThrow('No space')
    expect((await disk.open()).shards.map(s => s.head)).toEqual([0, 0])
  })
})

test('closing waits for the commit in flight', async () => {
  const { dir, store } = await founded()
  const log = chain(1)
  const commit = store.commit([{ shard: 0, append: log, checkpoint: checkpointAt(at(log, 0)) }])
  const heads = headsAfter(dir, store)
  await commit
  expect(await heads).toEqual([1, 0])
})
