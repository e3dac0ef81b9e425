/** Founding, opening, and every refusal that is not about damage. */
import { once } from 'node:events'
import { chmod, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { digest } from '../../src/base/hash.ts'
import { createStore, openStore, storeExists } from '../../src/storage/open.ts'
import type { StorageError, Store } from '../../src/storage/port.ts'
import { openingRefusal, writeRefusal } from '../../src/storage/refusal.ts'
import { CLUSTER, chain, directory } from './build.ts'
import { runProcess } from './child.ts'

async function opened(dir: string): Promise<Store> {
  const store = await openStore(dir)
  onTestFinished(() => store.close())
  return store
}

describe('founding', () => {
  test('makes a directory for its owner alone, and nothing half', async () => {
    const dir = await directory()
    expect((await storeExists(dir)).state).toBe('none')
    await createStore(dir, CLUSTER)
    expect((await readdir(dir)).sort()).toEqual(['db', 'peers', 'superblock'])
    const mode = async (name: string): Promise<number> => (await stat(join(dir, name))).mode & 0o777
    expect(await mode('.')).toBe(0o700)
    expect(await mode('db')).toBe(0o700)
    expect(await mode('superblock')).toBe(0o600)
    expect(await mode('peers')).toBe(0o600)
    expect((await storeExists(dir)).state).toBe('complete')
  })

  test('leaves identity and configuration alone, and tightens the directory', async () => {
    const dir = await directory()
    await mkdir(dir, { mode: 0o755 })
    await writeFile(join(dir, 'identity.key'), 'secret')
    expect((await storeExists(dir)).state).toBe('none')
    await createStore(dir, CLUSTER)
    expect(await readdir(dir)).toContain('identity.key')
    expect((await stat(dir)).mode & 0o777).toBe(0o700)
    await opened(dir)
  })

  test('happens once', async () => {
    const dir = await directory()
    await createStore(dir, CLUSTER)
    await expect(createStore(dir, CLUSTER)).rejects.toMatchObject({
      reason: 'foreign',
      message: expect.stringContaining('holds the data of a replica already'),
    })
    await rm(join(dir, 'superblock'))
    await expect(createStore(dir, CLUSTER)).rejects.toMatchObject({ reason: 'foreign' })
    await expect(openStore(dir)).rejects.toMatchObject({ reason: 'missing' })
  })

  // In the order in which founding makes them; each is there when the next is begun.
  test.each([1, 2, 3, 4])('interrupted at step %i is done again', async step => {
    const dir = await directory()
    await createStore(dir, CLUSTER)
    await writeFile(join(dir, 'forming'), '')
    await rm(join(dir, 'superblock'))
    if (step === 4) await writeFile(join(dir, 'superblock.new'), 'half')
    if (step < 3) await rm(join(dir, 'peers'))
    if (step < 2) await rm(join(dir, 'db'), { recursive: true })
    expect((await storeExists(dir)).state).toBe('none')
    await expect(openStore(dir)).rejects.toMatchObject({
      reason: 'missing',
      message: expect.stringContaining('Founding was interrupted'),
    })
    await createStore(dir, CLUSTER)
    expect((await readdir(dir)).sort()).toEqual(['db', 'peers', 'superblock'])
    await opened(dir)
  })

  test('interrupted after the superblock stands', async () => {
    const dir = await directory()
    await createStore(dir, CLUSTER)
    await writeFile(join(dir, 'forming'), '')
    expect((await storeExists(dir)).state).toBe('complete')
    await opened(dir)
    expect(await readdir(dir)).not.toContain('forming')
  })

  test('a file where the directory should be', async () => {
    const dir = await directory()
    await writeFile(dir, '')
    const refusal = { reason: 'unwritable', message: expect.stringContaining('a file stands') }
    await expect(createStore(dir, CLUSTER)).rejects.toMatchObject(refusal)
    await expect(openStore(dir)).rejects.toMatchObject(refusal)
    await expect(storeExists(dir)).rejects.toMatchObject(refusal)
  })
})

describe('opening', () => {
  test('a directory that was never founded makes nothing', async () => {
    const dir = await directory()
    await expect(openStore(dir)).rejects.toMatchObject({
      reason: 'missing',
      message: expect.stringContaining('viewstamp recover'),
    })
    await mkdir(dir)
    await expect(openStore(dir)).rejects.toMatchObject({ reason: 'missing' })
    expect(await readdir(dir)).toEqual([])
  })

  test('a second time in one process', async () => {
    const dir = await directory()
    await createStore(dir, CLUSTER)
    const store = await opened(dir)
    await store.commit([{ shard: 0, append: chain(1) }])
    await expect(openStore(dir)).rejects.toMatchObject({
      reason: 'locked',
      message: expect.stringContaining('Another daemon is using'),
    })
    // The first is none the worse for it.
    await store.commit([{ shard: 1, append: chain(1, { shard: 1 }) }])
    await store.close()
    expect((await opened(dir)).shards.map(s => s.head)).toEqual([1, 1])
  })

  test('while another process has it, and after that was killed', async () => {
    const dir = await directory()
    await createStore(dir, CLUSTER)
    const child = await runProcess(`
      import { openStore } from '../../src/storage/open.ts'
      const store = await openStore(${JSON.stringify(dir)})
      console.log(store.bootCounter)
      setInterval(() => store, 1_000)`)
    await once(child.stdout, 'data')
    await expect(openStore(dir)).rejects.toMatchObject({ reason: 'locked' })
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
    expect((await opened(dir)).bootCounter).toBe(2)
  })

  test.each([
    ['cluster', { clusterId: 'other' }],
    ['peer', { peerId: '12D3KooWother' }],
  ])('as another %s changes nothing', async (what, expected) => {
    const dir = await directory()
    await createStore(dir, CLUSTER)
    await expect(openStore(dir, expected)).rejects.toMatchObject({
      reason: 'foreign',
      message: expect.stringContaining(`belongs to ${what}`),
    })
    const { clusterId, peerId } = CLUSTER
    const store = await openStore(dir, { clusterId, peerId })
    onTestFinished(() => store.close())
    expect(store.bootCounter).toBe(1)
  })

  test('a peers file of a later format', async () => {
    const dir = await directory()
    await createStore(dir, CLUSTER)
    const line = JSON.stringify({ format: 3, peers: [] })
    const check = digest(new TextEncoder().encode(line))
    await writeFile(join(dir, 'peers'), `${line}\n${check}\n`)
    await expect(openStore(dir)).rejects.toMatchObject({
      reason: 'version',
      message: expect.stringContaining('format 3'),
    })
  })

  test.skipIf(process.getuid?.() === 0)('a directory that may not be written', async () => {
    const dir = await directory()
    await createStore(dir, CLUSTER)
    onTestFinished(() => chmod(join(dir, 'db'), 0o700))
    await chmod(join(dir, 'db'), 0o500)
    await expect(openStore(dir)).rejects.toMatchObject({ reason: 'unwritable' })
  })
})

describe('what the operating system says becomes a sentence', () => {
  const level = (code: string, message: string): Error =>
    new Error('Database failed to open', { cause: Object.assign(new Error(message), { code }) })
  const cases: readonly [string, StorageError['reason'], string, Error][] = [
    [
      'a full disk',
      'unwritable',
      'the disk is full',
      level('LEVEL_IO_ERROR', 'IO error: /d/000003.log: No space left on device'),
    ],
    [
      'ENOSPC',
      'unwritable',
      'the disk is full',
      Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }),
    ],
    [
      'a read-only file system',
      'unwritable',
      'read-only',
      level('LEVEL_IO_ERROR', 'IO error: /d/LOCK: Read-only file system'),
    ],
    [
      'no permission',
      'unwritable',
      'permission is denied',
      level('LEVEL_IO_ERROR', 'IO error: /d/LOCK: Permission denied'),
    ],
    [
      'too many files',
      'unwritable',
      'too many files',
      level('LEVEL_IO_ERROR', 'IO error: /d/000005.ldb: Too many open files'),
    ],
    [
      'a lock held',
      'locked',
      'Another daemon',
      level('LEVEL_LOCKED', 'IO error: lock /d/LOCK: Resource temporarily unavailable'),
    ],
    [
      'corruption',
      'damaged',
      'checksum mismatch',
      level('LEVEL_CORRUPTION', 'Corruption: checksum mismatch'),
    ],
  ]
  test.each(cases)('%s, when opening', (_name, reason, part, error) => {
    const refusal = openingRefusal('/data', error)
    expect(refusal).toMatchObject({ name: 'StorageError', reason, cause: error })
    expect(refusal.message).toContain(part)
    expect(refusal.message).toContain('/data')
  })

  test('when writing: whatever it is, the disk is not written to any more', () => {
    const full = writeRefusal('/data', level('LEVEL_IO_ERROR', 'No space left on device'))
    expect(full).toMatchObject({ reason: 'unwritable' })
    expect(full.message).toContain('the disk is full')
    const other = writeRefusal('/data', level('LEVEL_IO_ERROR', 'Input/output error'))
    expect(other).toMatchObject({ reason: 'unwritable' })
    expect(other.message).toContain('Input/output error')
    const merging = writeRefusal('/data', level('LEVEL_CORRUPTION', 'Corruption: bad block type'))
    expect(merging).toMatchObject({ reason: 'damaged' })
    expect(merging.message).toContain('bad block type", and takes no more writes')
  })
})
