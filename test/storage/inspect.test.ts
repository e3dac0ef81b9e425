/** Looking changes nothing, whatever is there; what a start would refuse is found and told. */
import { once } from 'node:events'
import { cp, open, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Inspection } from '../../src/storage/inspect.ts'
import { inspectStore } from '../../src/storage/inspect.ts'
import { createStore, openStore } from '../../src/storage/open.ts'
import { StateDigest } from '../../src/storage/state-digest.ts'
import { at, CLUSTER, chain, checkpointAt, directory, ops, vsr } from './build.ts'
import { runProcess } from './child.ts'

const RECORDS = Array.from({ length: 30 }, (_, i) => ({
  id: `skv/k${i}`,
  value: `1;1;1;1;0;"${'v'.repeat(200)}${i}"`,
}))

function hashOfRecords(): string {
  const digest = new StateDigest()
  for (const record of RECORDS) digest.add(record)
  return digest.checkpointHash()
}

/** 40 entries in view 2, a checkpoint of 20; opened twice, so that LevelDB has tables and a log. */
async function filled(stateHash = hashOfRecords()): Promise<string> {
  const dir = await directory()
  await createStore(dir, CLUSTER)
  const log = chain(40, { bytes: 500 })
  const store = await openStore(dir)
  await store.commit([{ shard: 0, vsr: vsr(2), append: log.slice(0, 30) }])
  const checkpoint = checkpointAt(at(log, 19), stateHash)
  const changes = [{ opNumber: 3, text: '[{"key":"x"}]' }]
  await store.commit([
    { shard: 0, records: { opNumber: 20, records: RECORDS }, checkpoint, changes },
  ])
  await store.close()
  const again = await openStore(dir)
  await again.commit([{ shard: 0, append: log.slice(30) }])
  await again.close()
  return dir
}

async function fingerprint(dir: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of await readdir(dir, { recursive: true })) {
    const path = join(dir, name)
    const { mtimeMs, mode, size } = await stat(path)
    found[name] = `${mtimeMs} ${mode} ${size}`
  }
  return found
}

async function flip(path: string, byte: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[byte] = (bytes[byte] ?? 0) ^ 1
  const file = await open(path, 'r+')
  await file.write(bytes, byte, 1, byte)
  await file.close()
}

const countsOf = ({ shards }: Inspection): Record<string, number> =>
  Object.fromEntries(at(shards, 0).tables.map(({ table, count }) => [table, count]))

test('says what is there, and leaves it as it was', async () => {
  const dir = await filled()
  const before = await fingerprint(dir)
  const seen = await inspectStore(dir, { verify: true })
  expect(await fingerprint(dir)).toEqual(before)
  expect(seen).toMatchObject({
    state: 'complete',
    markers: [],
    problems: [],
    cluster: CLUSTER,
    peersSeen: 0,
    superblock: { bootCounter: 2, closedInOrder: true },
  })
  expect(seen.superblock?.copies.map(copy => copy.state)).toEqual(Array(4).fill('counts'))
  expect(seen.shards).toHaveLength(2)
  expect(at(seen.shards, 0)).toMatchObject({
    image: { first: 1, head: 40, vsr: { viewNumber: 2 }, checkpoint: { opNumber: 20 } },
    witness: { opNumber: 40 },
    state: { records: 30, sessions: 0 },
  })
  expect(countsOf(seen)).toEqual({ L: 40, D: 1, S: 30, T: 0, C: 2, V: 2, P: 0 })
  const store = await openStore(dir)
  expect(store.bootCounter).toBe(3)
  await store.close()
})

test('entries and records can be read', async () => {
  const dir = await filled()
  const entries: number[] = []
  const ids: string[] = []
  await inspectStore(dir, {
    verify: false,
    read: {
      shard: 0,
      use: async view => {
        for await (const slice of view.entries(38, 99)) entries.push(...ops(slice))
        for await (const slice of view.records()) ids.push(...slice.map(({ id }) => id))
      },
    },
  })
  expect(entries).toEqual([38, 39, 40])
  expect(ids.sort()).toEqual(RECORDS.map(({ id }) => id).sort())
})

test('any flipped byte of a table is told, and still nothing is touched', async () => {
  const dir = await filled()
  const tables = (await readdir(join(dir, 'db'))).filter(name => name.endsWith('.ldb'))
  const path = join(dir, 'db', at(tables, 0))
  await flip(path, Math.floor((await stat(path)).size / 3))
  const before = await fingerprint(dir)
  const { problems } = await inspectStore(dir, { verify: true })
  expect(problems.join('\n')).toMatch(/is damaged: .*viewstamp recover/)
  expect(await fingerprint(dir)).toEqual(before)
})

test('a state that does not hash to what the checkpoint names', async () => {
  const dir = await filled('b'.repeat(32))
  expect((await inspectStore(dir, { verify: false })).problems).toEqual([])
  const { problems } = await inspectStore(dir, { verify: true })
  expect(problems).toEqual([expect.stringContaining('the records of shard 0 hash to')])
})

test('copies of the superblock: one damaged, then all', async () => {
  const dir = await filled()
  const path = join(dir, 'superblock')
  await flip(path, 100)
  const one = await inspectStore(dir, { verify: false })
  expect(one.superblock?.copies.map(copy => copy.state)).toEqual([
    'damaged',
    'counts',
    'counts',
    'counts',
  ])
  expect(one.problems).toEqual([expect.stringContaining('Copy 0 of')])
  expect(one.shards).toHaveLength(2)
  for (const copy of [1, 2, 3]) await flip(path, copy * 65_536 + 100)
  const none = await inspectStore(dir, { verify: false })
  expect(none.problems).toEqual([expect.stringMatching(/superblock is damaged: no two of its 4/)])
  expect(none).toMatchObject({ cluster: undefined, shards: [] })
})

test('a log that ends before its witness, a file that is gone, a directory without anything', async () => {
  const dir = await filled()
  const old = await directory()
  await cp(dir, old, { recursive: true })
  const store = await openStore(dir)
  await store.commit([{ shard: 0, append: chain(1, { after: at(chain(40, { bytes: 500 }), 39) }) }])
  await store.close()
  await cp(join(dir, 'superblock'), join(old, 'superblock'))
  const { problems } = await inspectStore(old, { verify: false })
  expect(problems).toEqual([expect.stringContaining('entries 41 to 41 of the log of shard 0')])
  await writeFile(join(old, 'peers'), 'no peers')
  const worse = await inspectStore(old, { verify: false })
  expect(worse.problems).toContainEqual(expect.stringContaining('peers is damaged'))
  const empty = join(old, 'db', '..', 'db')
  expect(await inspectStore(empty, { verify: false })).toMatchObject({ state: 'none', shards: [] })
  await expect(inspectStore(join(old, 'nowhere'), { verify: false })).rejects.toThrow()
})

test('not under a daemon that runs', async () => {
  const dir = await filled()
  const child = await runProcess(`
    import { openStore } from '../../src/storage/open.ts'
    const store = await openStore(${JSON.stringify(dir)})
    console.log(store.bootCounter)
    setInterval(() => store, 1_000)`)
  await once(child.stdout, 'data')
  await expect(inspectStore(dir, { verify: false })).rejects.toMatchObject({ reason: 'locked' })
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
  expect((await inspectStore(dir, { verify: true })).problems).toEqual([])
})
