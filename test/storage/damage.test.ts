/** Whatever happens to the files: what is opened is what was written, or it is not opened. */
import { cp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Level } from 'level'
import { describe, expect, test } from 'vitest'
import { Prng } from '../../src/base/prng.ts'
import * as keys from '../../src/storage/keys.ts'
import { createStore, openStore, storeExists } from '../../src/storage/open.ts'
import type { Store } from '../../src/storage/port.ts'
import { StorageError } from '../../src/storage/port.ts'
import { SUPERBLOCK_BYTES } from '../../src/storage/superblock.ts'
import type { Entry } from '../../src/vr/entry.ts'
import { at, chain, checkpointAt, directory, records, vsr } from './build.ts'
import {
  fileIn,
  filled,
  flip,
  makeTemplates,
  opened,
  refused,
  repaired,
  stored,
  THREE,
  tamper,
} from './filled.ts'
import { interceptReads } from './intercept.ts'

makeTemplates()

describe('files', () => {
  test('CURRENT deleted', async () => {
    const { dir } = await filled()
    await rm(join(dir, 'db', 'CURRENT'))
    expect((await storeExists(dir)).state).toBe('partial')
    await refused(dir, 'damaged', 'CURRENT is missing', 'viewstamp recover')
    expect(await readdir(join(dir, 'db'))).not.toContain('CURRENT')
  })

  test('the database deleted', async () => {
    const { dir } = await filled()
    await rm(join(dir, 'db'), { recursive: true })
    expect((await storeExists(dir)).state).toBe('partial')
    await refused(dir, 'damaged', join(dir, 'db'), 'viewstamp recover')
    expect(await readdir(dir)).not.toContain('db')
  })

  test('the superblock deleted', async () => {
    const { dir } = await filled()
    await rm(join(dir, 'superblock'))
    expect((await storeExists(dir)).state).toBe('partial')
    await refused(dir, 'missing', 'superblock is missing', 'viewstamp recover')
  })

  test.each([
    ['deleted', (path: string) => rm(path), 'is missing'],
    ['changed', (path: string) => flip(path, 5), 'is damaged'],
    ['emptied', (path: string) => writeFile(path, ''), 'is damaged'],
  ])('the peers file %s: it opens without, and says so', async (_name, harm, what) => {
    const { dir } = await filled()
    const path = join(dir, 'peers')
    await harm(path)
    const store = await opened(dir)
    expect(store.notes).toEqual([expect.stringContaining(`${path} ${what}`)])
    await store.notePeer('12D3KooWtwo', { incarnation: 'b', boot: 2 })
    await store.close()
    const again = await opened(dir)
    expect(again.notes).toEqual([])
    expect(again.peerSeen('12D3KooWtwo')).toMatchObject({ boot: 2 })
    expect((await readdir(dir)).includes('peers.damaged')).toBe(what === 'is damaged')
  })

  test('everything deleted', async () => {
    const { dir } = await filled()
    await rm(dir, { recursive: true })
    expect((await storeExists(dir)).state).toBe('none')
    await refused(dir, 'missing', 'viewstamp recover')
  })

  test('the superblock cut, emptied, or three of its copies gone', async () => {
    const { dir } = await filled()
    const path = join(dir, 'superblock')
    const whole = await readFile(path)
    await truncate(path, SUPERBLOCK_BYTES / 4)
    await refused(dir, 'damaged', path)
    await truncate(path, 0)
    await refused(dir, 'damaged', path)
    await writeFile(path, whole.fill(0, 100, (SUPERBLOCK_BYTES / 4) * 3))
    await refused(dir, 'damaged', path, 'copies')
  })

  test('two copies of the superblock gone: it opens, and they are written again', async () => {
    const { dir } = await filled()
    const path = join(dir, 'superblock')
    const whole = await readFile(path)
    await writeFile(path, whole.fill(0, 0, SUPERBLOCK_BYTES / 2))
    await (await opened(dir)).close()
    await writeFile(path, (await readFile(path)).fill(0, SUPERBLOCK_BYTES / 2))
    await opened(dir)
  })

  test.each([
    ['cut', (path: string) => truncate(path, 20)],
    ['emptied', (path: string) => truncate(path, 0)],
    ['changed', (path: string) => flip(path, 12)],
  ])('MANIFEST %s', async (_name, harm) => {
    const { dir } = await filled()
    await harm(await fileIn(dir, /^MANIFEST/))
    await refused(dir, 'damaged', join(dir, 'db'), 'viewstamp recover')
  })

  test('a table deleted', async () => {
    const { dir } = await filled()
    await (await opened(dir)).close()
    await rm(await fileIn(dir, /\.ldb$/))
    await refused(dir, 'damaged', join(dir, 'db'))
  })

  test('any bit anywhere: what is opened is what was written', async () => {
    const { dir, log } = await filled()
    await (await opened(dir)).close()
    const prng = new Prng('bits')
    const names = (await readdir(join(dir, 'db'))).filter(name => /^\d+\.|^MANIFEST/.test(name))
    const outcomes = { refused: 0, whole: 0, repaired: 0 }
    for (let i = 0; i < 25; i++) {
      const copy = `${dir}-${i}`
      await cp(dir, copy, { recursive: true })
      const path = join(copy, 'db', prng.pick(names))
      const { size } = await stat(path)
      if (size > 0) await flip(path, prng.int(0, size - 1), prng.int(0, 7))
      try {
        const store = await openStore(copy)
        try {
          expect(store.shards[0]).toMatchObject({ vsr: vsr(3), head: 60 })
          const { damage } = store.shards[0] ?? {}
          await repaired(store, log)
          outcomes.repaired += damage ? 1 : 0
          // Records that are missing are noticed by the state hash, when they are loaded.
          for (const { id, value } of await records(store)) expect(value).toBe(id.replace('k', 'v'))
        } finally {
          await store.close()
        }
        outcomes.whole++
      } catch (error) {
        if (!(error instanceof StorageError)) throw error
        outcomes.refused++
      }
      await rm(copy, { recursive: true })
    }
    expect(outcomes.refused).toBeGreaterThan(0)
    expect(outcomes.repaired).toBeGreaterThan(0)
  })
})

describe('an older database beside a newer superblock', () => {
  const changes: readonly [string, string, (store: Store, log: Entry[]) => Promise<void>][] = [
    ['a view was promised since', 'view 9', store => store.commit([{ shard: 1, vsr: vsr(9) }])],
    [
      'a log was promised since',
      'last normal view',
      async store => {
        await store.commit([{ shard: 1, vsr: vsr(5, 0) }])
        await store.commit([{ shard: 1, vsr: vsr(5, 5) }])
      },
    ],
    [
      'a checkpoint was taken since',
      'checkpoint',
      (store, log) =>
        store.commit([
          {
            shard: 0,
            records: { opNumber: 30, records: [] },
            checkpoint: checkpointAt(at(log, 29)),
          },
        ]),
    ],
    [
      'the suffix was replaced since',
      'entry 60',
      async (store, log) => {
        const append = chain(1, { view: 3, after: at(log, -2) })
        await store.commit([{ shard: 0, truncateFrom: 60, append, vsr: vsr(3) }])
      },
    ],
  ]
  test.each(changes)('%s', async (_name, part, change) => {
    const { dir, log } = await filled()
    await cp(join(dir, 'db'), `${dir}-older`, { recursive: true })
    const store = await opened(dir)
    await change(store, log)
    await cp(join(dir, 'superblock'), `${dir}-newer`)
    await store.close()
    await rm(join(dir, 'db'), { recursive: true })
    await cp(`${dir}-older`, join(dir, 'db'), { recursive: true })
    await cp(`${dir}-newer`, join(dir, 'superblock'))
    await refused(dir, 'rolled-back', 'superblock', 'viewstamp recover')
    await refused(dir, 'rolled-back', part === 'last normal view' ? 'view 5' : part)
  })

  test('both older: only the peers can tell, by the boot counter', async () => {
    const { dir } = await filled()
    await cp(dir, `${dir}-older`, { recursive: true })
    const now = await opened(dir)
    await now.close()
    expect((await opened(`${dir}-older`)).bootCounter).toBe(now.bootCounter)
  })
})

describe('a database that was written to behind our back', () => {
  const cases: readonly [
    string,
    StorageError['reason'],
    string,
    (db: Level<Buffer, Buffer>) => Promise<void>,
  ][] = [
    [
      'a second entry at an op',
      'damaged',
      'two entries at op 40',
      async db => db.put(keys.logKey(0, 40, 7), await stored(db, keys.logKey(0, 40, 0))),
    ],
    ['all view records gone', 'damaged', 'view record', db => db.clear(keys.vsrsOf(0))],
    ['all checkpoints gone', 'damaged', 'checkpoint', db => db.clear(keys.manifestsOf(1))],
    ['the newest view record gone', 'rolled-back', 'view 3', db => db.del(keys.vsrKey(0, 2))],
    [
      'the newest checkpoint gone',
      'rolled-back',
      'checkpoint',
      db => db.del(keys.manifestKey(0, 2)),
    ],
    [
      'a view record changed',
      'damaged',
      'checksum',
      async db => {
        const value = await stored(db, keys.vsrKey(0, 2))
        value[value.length - 3] = 0x11
        await db.put(keys.vsrKey(0, 2), value)
      },
    ],
  ]
  test.each(cases)('%s', async (_name, reason, part, change) => {
    const { dir } = await filled()
    await tamper(dir, change)
    await refused(dir, reason, part)
  })

  test('a bit goes wrong while the store is open', async () => {
    const { dir, log } = await filled()
    const store = await opened(dir)
    expect(await store.readEntries(0, 40, 41, 1e9)).toEqual(log.slice(39, 41))
    interceptReads(rows => {
      const value = at(rows, 0)[1]
      value[value.length - 1] = 0x11
      return rows
    })
    const damaged = { name: 'StorageError', reason: 'damaged' }
    await expect(store.readEntries(0, 40, 41, 1e9)).rejects.toMatchObject(damaged)
    await expect(records(store)).rejects.toMatchObject(damaged)
  })

  test('an entry goes while the store is open', async () => {
    const { dir } = await filled()
    const store = await opened(dir)
    interceptReads(rows => rows.slice(1))
    await expect(store.readEntries(0, 40, 42, 1e9)).rejects.toMatchObject({ reason: 'damaged' })
    await expect(store.readEntries(0, 60, 60, 1e9)).rejects.toMatchObject({ reason: 'damaged' })
  })
})

test('a database that does not belong to the superblock', async () => {
  const { dir } = await filled()
  const other = await directory()
  await createStore(other, { ...THREE, foundingId: 'another' })
  await rm(join(other, 'db'), { recursive: true })
  await cp(join(dir, 'db'), join(other, 'db'), { recursive: true })
  await refused(other, 'damaged', 'do not belong together')
})
