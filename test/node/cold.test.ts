/** Cold records on nodes: from memory, then from disk; fetched, in snapshots, and damaged. */
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { createSnapshot } from '../../src/node/snapshot.ts'
import { TextDamage } from '../../src/storage/port.ts'
import { readSnapshot, verifySnapshot } from '../../src/storage/snapshot-reader.ts'
import { SnapshotShelf } from '../../src/storage/snapshot-shelf.ts'
import type { ReplicaOptions } from '../../src/vr/options.ts'
import { Diary, pageId } from '../machine/diary.ts'
import { directory } from '../storage/build.ts'
import { TestCluster } from '../support/cluster.ts'

const SHORT: Partial<ReplicaOptions> = {
  checkpointEvery: 12,
  checkpointIntervalMs: 0,
  keepLogOperations: 1,
  keepLogMs: 0,
  logTailMax: 5,
  transferBytesMax: 100,
}
const PATIENCE = { timeout: 20_000 }
/** Pages of three lines, the last eight of which are kept. */
const diary = () => [new Diary(3, 8)]

let cluster: TestCluster
afterEach(() => cluster.stop())

const shardOf = (name: string) => {
  const shard = cluster.contexts.get(name)?.shards[0]
  if (shard === undefined) throw new Error(`${name} is not running`)
  return shard
}
const page = (name: string, n: number) => shardOf(name).readCold(`diary/${pageId(n)}`)
const textOf = (n: number): string => [0, 1, 2].map(i => `line ${3 * n + i}`).join('\n')

async function write(name: string, first: number, last: number): Promise<void> {
  for (let i = first; i <= last; i++) {
    await cluster
      .node(name)
      .write({ machine: 'diary', keys: [], body: { line: `line ${i}` }, meta: {} })
  }
}

/** Its checkpoint is durable that was taken last: what it holds of pages is on disk. */
const settled = (name: string) =>
  vi.waitFor(() => {
    const { checkpoint, durableCheckpoint } = shardOf(name).replica
    expect(checkpoint.rev).toBeGreaterThanOrEqual(12)
    expect(durableCheckpoint).toBe(checkpoint.opNumber)
  }, PATIENCE)

test('a page is read from memory, then from disk, by a restarted node too, until it is removed', async () => {
  cluster = new TestCluster(1, { ...SHORT, checkpointEvery: 12 }, 1, false, diary)
  await cluster.start()
  await write('n1', 0, 7)
  expect(shardOf('n1').service.coldText(`diary/${pageId(1)}`)).toBe(textOf(1))
  expect(await page('n1', 1)).toBe(textOf(1))
  await write('n1', 8, 14)
  await settled('n1')
  expect(shardOf('n1').service.coldText(`diary/${pageId(1)}`)).toBeUndefined()
  expect(await page('n1', 1)).toBe(textOf(1))
  await cluster.stop()
  await cluster.start()
  expect(await page('n1', 1)).toBe(textOf(1))
  expect(await page('n1', 77)).toBeUndefined()
  await write('n1', 15, 60)
  expect(await page('n1', 1)).toBeUndefined()
  expect(await page('n1', 15)).toBe(textOf(15))
  expect(cluster.failures).toEqual([])
})

test('a node that was away longer than the log is kept has the pages when it has caught up', async () => {
  cluster = new TestCluster(3, SHORT, 1, false, diary)
  await cluster.start()
  await write('n1', 0, 10)
  await cluster.stop('n3')
  await write('n1', 11, 80)
  await cluster.start('n3')
  await write('n3', 81, 83)
  await vi.waitFor(
    () => expect(shardOf('n3').replica.commitNumber).toBe(shardOf('n1').replica.commitNumber),
    PATIENCE,
  )
  for (let n = 20; n < 28; n++) expect(await page('n3', n)).toBe(textOf(n))
  expect(shardOf('n3').service.stateHash()).toBe(shardOf('n1').service.stateHash())
  expect(cluster.failures).toEqual([])
})

test('a snapshot has the pages, those in memory and those on disk, also while the oldest are removed', async () => {
  cluster = new TestCluster(1, SHORT, 1, false, diary)
  const dir = await directory()
  // What is frozen must outlast what goes on before the first chunk is written.
  cluster.snapshots = new (class extends SnapshotShelf {
    override async add(...of: Parameters<SnapshotShelf['add']>) {
      await write('n1', 32, 120)
      return super.add(...of)
    }
  })(dir)
  await cluster.start()
  await write('n1', 0, 31)
  const context = cluster.contexts.get('n1')
  if (context === undefined) throw new Error('n1 runs')
  const service = shardOf('n1').service
  const inMemory = [...service.freeze().coldRecords()].filter(
    ({ id }) => service.coldText(id) !== undefined,
  )
  expect(inMemory.length).toBeGreaterThan(0)
  expect(inMemory.length).toBeLessThan(8)
  const { snapshot } = await createSnapshot(context, {})
  const file = join(dir, `${snapshot}.snapshot`)
  const found = new Map<string, string | undefined>()
  await verifySnapshot(file)
  for await (const part of readSnapshot(file)) {
    if (part.type !== 'records') continue
    for (const { id, cold } of part.records) if (cold) found.set(id, cold.text)
  }
  expect(found).toEqual(
    new Map([2, 3, 4, 5, 6, 7, 8, 9].map(n => [`diary/${pageId(n)}`, textOf(n)])),
  )
  expect(await page('n1', 9)).toBeUndefined()
})

/** From now on the disk of this node gives no page. */
function damage(name: string): void {
  const store = cluster.contexts.get(name)?.store
  if (store === undefined) throw new Error(`${name} is not running`)
  store.readCold = async () => {
    throw new TextDamage('The disk is damaged: a text is another. Keep a copy.')
  }
}

test('a damaged page ends the process, and the next start is told to fetch everything anew', async () => {
  cluster = new TestCluster(3, SHORT, 1, false, diary)
  await cluster.start()
  await write('n1', 0, 14)
  await settled('n2')
  damage('n2')
  await expect(page('n2', 1)).rejects.toMatchObject({ errorName: 'READ_ONLY', outcome: 'none' })
  await vi.waitFor(() => expect(cluster.failures).toHaveLength(1), PATIENCE)
  expect(cluster.failures[0]).toBeInstanceOf(TextDamage)
  expect(cluster.disks[1]?.condemned).toBe('The disk is damaged: a text is another.')
  expect(await page('n1', 1)).toBe(textOf(1))
})

test('where nobody else could give it, the node goes on with an alarm', async () => {
  cluster = new TestCluster(1, SHORT, 1, false, diary)
  await cluster.start()
  await write('n1', 0, 14)
  await settled('n1')
  damage('n1')
  await expect(page('n1', 1)).rejects.toMatchObject({ errorName: 'READ_ONLY' })
  await expect(page('n1', 1)).rejects.toMatchObject({ errorName: 'READ_ONLY' })
  expect(cluster.contexts.get('n1')?.alarms.get('corrupt')).toContain('a text is another')
  expect(cluster.failures).toEqual([])
  expect(cluster.disks[0]?.condemned).toBeUndefined()
  await write('n1', 15, 17)
})
