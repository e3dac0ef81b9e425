/** What a node does about a disk that gives something else than was written: what it tells whom, and when. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { present } from '../../src/base/assert.ts'
import { overlay } from '../../src/base/overlay.ts'
import { watchful } from '../../src/node/damage.ts'
import type { PutBack } from '../../src/node/put-back.ts'
import { StorageError, type Store } from '../../src/storage/port.ts'
import { TestCluster } from '../support/cluster.ts'

const damage = new StorageError(
  'damaged',
  '/d/db is damaged: it does not check. Keep a copy of /d.',
)
const PATIENCE = { timeout: 20_000 }

describe('reading', () => {
  const reads = (putBacks: readonly PutBack[], bad: number) => {
    const told: [unknown, string][] = []
    let [tries, asked] = [0, 0]
    const inner = {
      readEntries: async () => {
        if (tries++ < bad) throw damage
        return []
      },
    } as unknown as Store
    const store = watchful(inner, {
      putBack: async () => putBacks[asked++] ?? 'impossible',
      unreadable: (error, seenAt) => void told.push([error, seenAt]),
    })
    return { read: () => store.readEntries(0, 1, 9, 1), told, asked: () => asked }
  }

  test('what could be put back is read again, however many there are', async () => {
    const { read, told, asked } = reads(['done', 'done', 'whole', 'done'], 4)
    expect(await read()).toEqual([])
    expect([told, asked()]).toEqual([[], 4])
  })

  test('what could not be is told, and the reader hears of it', async () => {
    const { read, told } = reads(['done', 'impossible'], 9)
    await expect(read()).rejects.toBe(damage)
    expect(told).toEqual([[damage, 'start']])
  })

  test('entries that can be read one by one, and not together, are damage that nothing puts back', async () => {
    const { read, told, asked } = reads(['whole', 'whole', 'whole'], 9)
    await expect(read()).rejects.toBe(damage)
    expect([told.length, asked()]).toEqual([1, 2])
  })
})

describe('a node', () => {
  let cluster: TestCluster
  afterEach(() => cluster.stop())

  /** Members; what the first one reads of its changes is damaged once `spoil` is called. */
  async function withChanges(members: number): Promise<() => void> {
    cluster = new TestCluster(members)
    const disk = present(cluster.disks[0], 'there is one')
    const open = disk.open.bind(disk)
    let isSpoilt = false
    disk.open = async () => {
      const store = await open()
      return overlay<Store>(store, {
        readChanges: (...where) =>
          isSpoilt ? Promise.reject(damage) : store.readChanges(...where),
      })
    }
    await cluster.start()
    for (let i = 0; i < 5; i++) await cluster.put('n1', 'x', i)
    return () => {
      isSpoilt = true
    }
  }

  const history = () => cluster.node('n1').keyHistory('x', { limit: 3 }, {})

  test('where no start would find it, the data is condemned first', async () => {
    const spoil = await withChanges(3)
    spoil()
    await expect(history()).rejects.toMatchObject({ details: { reason: 'CORRUPT' } })
    await vi.waitFor(() => expect(cluster.failures).toEqual([damage]), PATIENCE)
    expect(cluster.disks[0]?.condemned).toBe('/d/db is damaged: it does not check.')
  })

  test('alone it goes on, and says what is lost', async () => {
    const spoil = await withChanges(1)
    spoil()
    await expect(history()).rejects.toMatchObject({ details: { reason: 'CORRUPT' } })
    expect(cluster.node('n1').status().alarms).toEqual([
      expect.stringMatching(
        /does not check\. The state is whole; older changes cannot be read back/,
      ),
    ])
    expect([cluster.failures, cluster.disks[0]?.condemned]).toEqual([[], undefined])
    await cluster.put('n1', 'x', 6)
  })

  test.each([
    [3, '/d/db is damaged: it does not check.'],
    [1, undefined],
  ])(
    'of %i: tables that cannot be merged end the process; the next start is to know why',
    async (members, condemned) => {
      cluster = new TestCluster(members)
      await cluster.start()
      await cluster.put('n1', 'x', 1)
      const disk = present(cluster.disks[0], 'there is one')
      disk.failure = damage
      await cluster.put('n1', 'x', 2, { timeoutMs: 200 }).catch(() => undefined)
      await vi.waitFor(() => expect(cluster.failures).toEqual([damage]), PATIENCE)
      expect(disk.condemned).toBe(condemned)
    },
  )

  test('that is mending refuses what is asked, ends what waits, and shows what it was', async () => {
    cluster = new TestCluster(3)
    await cluster.start()
    await cluster.put('n1', 'x', 1)
    const node = cluster.node('n1')
    await node.feeds.create('f', {}, {})
    const range = { prefix: '' }
    const waiting = [
      node.pollKeys(range, 'now', { waitMs: 60_000, limit: 1 }),
      node.feeds.read('f', { from: 'now', limit: 1, waitMs: 60_000 }, { consistency: 'local' }),
    ]
    const watched = new Promise(resolve => node.watchKeys(range, 'now', () => undefined, resolve))
    await node.pause()
    const refused = { errorName: 'NOT_READY', outcome: 'none' }
    for (const each of waiting) await expect(each).rejects.toMatchObject(refused)
    expect(await watched).toMatchObject(refused)
    await expect(cluster.put('n1', 'x', 2)).rejects.toMatchObject(refused)
    await expect(cluster.get('n1', 'x', { consistency: 'local' })).rejects.toMatchObject(refused)
    await expect(node.logRead({ from: 1, limit: 9, as: 'both' })).rejects.toMatchObject(refused)
    expect(() => node.watchKeys(range, 'now', () => undefined)).toThrow(/is mending it/)
    expect(node.status().shards[0]).toMatchObject({ status: 'mending', isPrimary: false })
    expect(node.readiness().ready).toBe(false)
    await cluster.put('n2', 'x', 3)
  })
})
