/** Damage in entries of the log alone: what stood there is known, it is repaired, and nothing else has changed. Decision 0018 */
import { cp, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Level } from 'level'
import { expect, test } from 'vitest'
import { seal } from '../../src/storage/envelope.ts'
import * as keys from '../../src/storage/keys.ts'
import { createStore, openStore } from '../../src/storage/open.ts'
import type { Store } from '../../src/storage/port.ts'
import { entryChecksumBytes } from '../../src/storage/values.ts'
import { at, CLUSTER, chain, directory, vsr } from './build.ts'
import {
  damageOf,
  fileIn,
  filled,
  flip,
  LOG,
  makeTemplates,
  opened,
  refused,
  repaired,
  stored,
  tamper,
} from './filled.ts'

makeTemplates()

test('a bit flipped in the middle of the log file: LevelDB says nothing, we do', async () => {
  const { dir } = await filled('killed')
  const path = await fileIn(dir, /\.log$/)
  await flip(path, Math.floor((await stat(path)).size / 2))
  const store = await opened(dir)
  const { first, last } = at(damageOf(store)?.runs ?? [], 0)
  expect([first, last].every(op => op > 20 && op < 60)).toBe(true)
  await repaired(store)
})

test.each([
  ['was closed in order', async () => undefined],
  ['a view was promised', (store: Store) => store.commit([{ shard: 0, vsr: vsr(3) }])],
])('the log had grown, and %s: what is gone from its end is known', async (_name, then) => {
  const { dir, log } = await filled()
  await cp(join(dir, 'db'), `${dir}-older`, { recursive: true })
  const before = await openStore(dir)
  const more = chain(2, { after: at(log, -1) })
  await before.commit([{ shard: 0, append: more }])
  await then(before)
  await before.close()
  await rm(join(dir, 'db'), { recursive: true })
  await cp(`${dir}-older`, join(dir, 'db'), { recursive: true })
  const store = await opened(dir)
  const checksum = at(more, -1).checksum
  expect(damageOf(store)).toEqual({ head: 62, runs: [{ first: 61, last: 62, checksum }] })
  await repaired(store, [...log, ...more])
  await store.close()
  expect(damageOf(await opened(dir))).toBeUndefined()
})

const gone: readonly [string, number[], (db: Level<Buffer, Buffer>) => Promise<void>][] = [
  ['an entry gone', [40, 40], db => db.del(keys.logKey(0, 40, 0))],
  ['the head gone', [60, 60], db => db.del(keys.logKey(0, 60, 0))],
  [
    'all that follow the checkpoint gone',
    [21, 60],
    db => db.clear({ gte: keys.logKey(0, 21, 0), lte: keys.logKey(0, 60, 0) }),
  ],
  [
    'an entry in the place of another',
    [40, 40],
    async db => db.put(keys.logKey(0, 40, 0), await stored(db, keys.logKey(0, 41, 0))),
  ],
  [
    'an entry of another history',
    [40, 40],
    async db => {
      const key = keys.logKey(0, 40, 2)
      const [other] = chain(1, { view: 2, after: at(LOG, 38) })
      if (other === undefined) throw new Error('there is one')
      await db.del(keys.logKey(0, 40, 0))
      await db.put(key, seal(key, entryChecksumBytes(other), other.bytes))
    },
  ],
]
test.each(gone)('%s: known, and repaired', async (_name, [first, last], change) => {
  const { dir } = await filled()
  await tamper(dir, change)
  const store = await opened(dir)
  expect(damageOf(store)?.runs).toMatchObject([{ first, last }])
  await repaired(store)
  await store.close()
  const again = await opened(dir)
  expect(damageOf(again)).toBeUndefined()
  await repaired(again)
})

test('an entry gone at or below the checkpoint: the log begins behind it', async () => {
  const { dir } = await filled()
  await tamper(dir, db => db.del(keys.logKey(0, 15, 0)))
  const store = await opened(dir)
  expect(store.shards[0]).toMatchObject({ first: 16, head: 60, damage: undefined })
  await store.commit([{ shard: 0, append: [] }])
  await store.close()
  expect((await opened(dir)).shards[0]).toMatchObject({ first: 16, head: 60 })
})

test('above the witness the entry behind it tells what stood there', async () => {
  const { dir } = await filled('killed')
  await rm(join(dir, 'witness'))
  await tamper(dir, db => db.del(keys.logKey(0, 59, 0)))
  const store = await opened(dir)
  expect(damageOf(store)?.runs).toMatchObject([{ first: 59, last: 59 }])
  await repaired(store)
})

test('nothing tells what stood at the end, above the witness: refused', async () => {
  const { dir } = await filled('killed')
  await rm(join(dir, 'witness'))
  await tamper(dir, db => db.put(keys.logKey(0, 60, 0), Buffer.from('no entry')))
  await refused(dir, 'damaged', 'entry 60', 'nothing tells what stood there')
})

test('a log that was cut, and goes on with nothing, ends with what was before the cut', async () => {
  const { dir } = await filled()
  const before = await openStore(dir)
  const { checksum: keptHead } = at(LOG, 49)
  await before.commit([{ shard: 0, truncateFrom: 51, keptHead, vsr: vsr(4, 3) }])
  await before.close()
  await tamper(dir, db => db.put(keys.logKey(0, 50, 0), Buffer.from('no entry')))
  const store = await opened(dir)
  const runs = [{ first: 50, last: 50, checksum: keptHead }]
  expect(damageOf(store)).toEqual({ head: 50, runs })
  await repaired(store, LOG.slice(0, 50))
})

test('a torn end was never promised: it is forgotten', async () => {
  const { dir } = await filled('killed')
  await rm(join(dir, 'witness'))
  await tamper(dir, db => db.del(keys.logKey(0, 60, 0)))
  expect((await opened(dir)).shards[0]).toMatchObject({ head: 59, damage: undefined })
})

test('nobody has what a cluster of one node has damaged: refused', async () => {
  const dir = await directory()
  await createStore(dir, CLUSTER)
  const store = await openStore(dir)
  await store.commit([{ shard: 0, append: chain(3) }])
  await store.close()
  await tamper(dir, db => db.del(keys.logKey(0, 2, 0)))
  await refused(dir, 'damaged', 'entries 2 to 2', 'no other node')
})
