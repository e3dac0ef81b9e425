import { afterEach, describe, expect, test } from 'vitest'
import type { Json } from '../../src/base/json.ts'
import { TestCluster } from '../support/cluster.ts'

let cluster: TestCluster

afterEach(async () => {
  const { failures } = cluster
  await cluster.stop()
  expect(failures).toEqual([])
})

test('any node takes writes and serves linearizable reads', async () => {
  cluster = new TestCluster(3)
  await cluster.start()
  await cluster.put('n1', 'x', 1)
  await cluster.put('n2', 'x', 2)
  expect(await cluster.get('n3', 'x')).toBe(2)
  const { header, result } = await cluster.put('n3', 'y', 3)
  expect(header).toMatchObject({
    cluster: 'test',
    node: 'n3',
    shard: 'main',
    view: 0,
    primary: 'n1',
  })
  expect(result).toMatchObject({ rev: 3 })
})

test('a stopped primary hands over; the others go on and it catches up', async () => {
  cluster = new TestCluster(3)
  await cluster.start()
  await cluster.put('n2', 'x', 1)
  await cluster.stop('n1')
  await cluster.put('n2', 'x', 2)
  expect(await cluster.get('n3', 'x')).toBe(2)
  await cluster.start('n1')
  expect(await cluster.get('n1', 'x')).toBe(2)
  const hashes = await Promise.all(
    ['n1', 'n2', 'n3'].map(async n => (await cluster.node(n).stateHash({})).result),
  )
  expect(new Set(hashes.map(h => JSON.stringify(h))).size).toBe(1)
})

test('without a quorum nothing is written, and the error says so', async () => {
  cluster = new TestCluster(3)
  await cluster.start()
  await cluster.put('n1', 'x', 1)
  await cluster.stop('n2', 'n3')
  const late = cluster.put('n1', 'x', 2, { timeoutMs: 300 })
  await expect(late).rejects.toMatchObject({ name: 'ViewstampError', outcome: expect.any(String) })
  await expect(cluster.get('n1', 'x', { timeoutMs: 200 })).rejects.toMatchObject({
    errorName: 'NO_QUORUM',
    outcome: 'none',
  })
  expect(await cluster.get('n1', 'x', { consistency: 'local' })).toBe(1)
})

test('a session executes a repeated write once, through whichever node', async () => {
  cluster = new TestCluster(3)
  await cluster.start()
  const opened = await cluster.node('n2').openSession(undefined, {})
  const { session } = opened.result as { session: string }
  const body = { op: 'incr', key: 'c' }
  const call = { machine: 'kv', keys: ['c'], body, meta: { session, seq: 1 } }
  const first = await cluster.node('n2').write(call)
  await cluster.stop('n1')
  const again = await cluster.node('n3').write(call)
  expect(again.result).toEqual(first.result)
  expect(again.header.op).toBe(first.header.op)
  expect(await cluster.get('n3', 'c')).toBe(1)
})

test('one seq for two writes: the second is not executed, and does not get the answer of the first', async () => {
  cluster = new TestCluster(3)
  await cluster.start()
  const opened = await cluster.node('n2').openSession(undefined, {})
  const { session } = opened.result as { session: string }
  const put = (node: string, value: number, seq: number) =>
    cluster.put(node, 'x', value, { session, seq })
  const { result } = await put('n2', 1, 1)
  const refused = { errorName: 'SEQ_REUSED', code: 1005, outcome: 'none' }
  await expect(put('n3', 2, 1)).rejects.toMatchObject(refused)
  await cluster.stop('n1')
  await expect(put('n2', 2, 1)).rejects.toMatchObject(refused)
  expect((await put('n3', 1, 1)).result).toEqual(result)
  expect(await cluster.get('n2', 'x')).toBe(1)
  // At the same time, through several nodes: one of them has the number.
  const race = await Promise.allSettled([
    put('n2', 3, 2),
    put('n2', 4, 2),
    put('n3', 5, 2),
    put('n3', 6, 2),
  ])
  expect(race.filter(r => r.status === 'fulfilled')).toHaveLength(1)
  for (const r of race) {
    if (r.status === 'rejected') expect(r.reason).toMatchObject(refused)
  }
})

test('a node that was away longer than the log is kept gets a checkpoint', async () => {
  cluster = new TestCluster(3, {
    checkpointEvery: 20,
    checkpointIntervalMs: 0,
    keepLogOperations: 40,
    logTailMax: 8,
  })
  await cluster.start()
  await cluster.put('n1', 'k0', 0)
  await cluster.stop('n3')
  for (let i = 1; i <= 300; i++) await cluster.put(i % 2 ? 'n1' : 'n2', `k${i % 50}`, i)
  await cluster.start('n3')
  expect(await cluster.get('n3', 'k0')).toBe(300)
  expect(cluster.node('n3').logInfo().first).toBeGreaterThan(1)
  const [a, b] = await Promise.all([
    cluster.node('n3').stateHash({}),
    cluster.node('n1').stateHash({}),
  ])
  expect(a.result).toEqual(b.result)
})

test('everybody restarts: nothing acknowledged is missing', async () => {
  cluster = new TestCluster(3)
  await cluster.start()
  for (let i = 0; i < 50; i++) await cluster.put('n2', `k${i}`, i)
  await cluster.stop()
  await cluster.start()
  for (let i = 0; i < 50; i++) expect(await cluster.get('n1', `k${i}`)).toBe(i)
})

test('watchers get every change of their range once, retained ones first', async () => {
  cluster = new TestCluster(3)
  await cluster.start()
  for (let i = 1; i <= 10; i++) await cluster.put('n1', `a${i % 2}`, i)
  const seen: unknown[] = []
  const watch = cluster.node('n2').watchKeys({ key: 'a0' }, 'first', event => seen.push(event.rev))
  expect(watch.startRev).toBe(1)
  for (let i = 11; i <= 14; i++) await cluster.put('n2', `a${i % 2}`, i)
  await expect.poll(() => seen).toEqual([2, 4, 6, 8, 10, 12, 14])
  watch.cancel()
})

test('a primary short of disk space hands over; without a quorum of disks with room nothing is taken', async () => {
  cluster = new TestCluster(3)
  await cluster.start()
  await cluster.put('n1', 'x', 1)
  const setFree = (name: string, freeBytes: number) => {
    const disk = cluster.disks[cluster.names.indexOf(name)]
    if (disk) disk.freeBytes = freeBytes
  }
  const primary = () => cluster.node('n3').header().primary
  // What is free is looked at every two seconds.
  const soon = { timeout: 20_000 }
  const full = { errorName: 'READ_ONLY', outcome: 'none', data: { reason: 'NO_SPACE' } }

  setFree('n1', 10)
  await expect.poll(primary, soon).toBe('n2')
  await cluster.put('n3', 'x', 2)
  await expect(cluster.put('n1', 'x', 3)).rejects.toMatchObject(full)

  setFree('n3', 10)
  const forwarded = () =>
    cluster.put('n2', 'x', 4).then(
      () => 'taken',
      error => error,
    )
  await expect.poll(forwarded, soon).toMatchObject(full)
  expect(primary()).toBe('n2')
  expect([2, 4]).toContain(await cluster.get('n3', 'x'))

  setFree('n1', 2 ** 40)
  setFree('n3', 2 ** 40)
  await expect.poll(forwarded, soon).toBe('taken')
  await cluster.put('n1', 'x', 5)
  expect(await cluster.get('n3', 'x')).toBe(5)
}, 60_000)

test('step-down moves the role to the named node', async () => {
  cluster = new TestCluster(3)
  await cluster.start()
  await cluster.put('n1', 'x', 1)
  expect(await cluster.node('n2').stepDown(undefined, 'n3', {})).toMatchObject({ primary: 'n3' })
  await cluster.put('n1', 'x', 2)
})

test('older changes are read from disk: puts from the entries, all else as it was kept', async () => {
  cluster = new TestCluster(3)
  await cluster.start()
  await cluster.put('n1', 'a', 1)
  const incr = { machine: 'kv', keys: ['a'], body: { op: 'incr', key: 'a' }, meta: {} }
  await cluster.node('n1').write(incr)
  await cluster.put('n1', 'b', 'x')
  const cas = { op: 'cas', key: 'b', expect: { value: 'no' }, value: 'y' }
  await cluster.node('n1').write({ ...incr, keys: ['b'], body: cas })
  const entries = await cluster.node('n1').logRead({ from: 1, limit: 100, as: 'changes' })
  const shown = entries.flatMap(e => e.changes as { key: string; value: unknown; rev: number }[])
  expect(shown.map(c => [c.rev, c.key, c.value])).toEqual([
    [1, 'a', 1],
    [2, 'a', 2],
    [3, 'b', 'x'],
  ])
})

test('a first write that finds no quorum was not sent, and keeps to its own time', async () => {
  cluster = new TestCluster(3)
  await cluster.start('n1')
  await expect(cluster.put('n1', 'x', 1, { timeoutMs: 200 })).rejects.toMatchObject({
    errorName: 'NO_QUORUM',
    outcome: 'none',
  })
})

test('a node whose state is not that of the others answers nothing more, and says why it stops', async () => {
  cluster = new TestCluster(3, { checkpointEvery: 20, checkpointIntervalMs: 0 })
  await cluster.start()
  for (let i = 0; i < 30; i++) await cluster.put('n1', `k${i}`, i)
  cluster.services.get('n2')?.load({ id: 'kv/odd', value: '1;1;1;1;0;1' })
  const over = () => cluster.failures.length > 0
  for (let i = 0; i < 5000 && !over(); i++) await cluster.put('n1', `k${i % 30}`, i)
  expect(String(cluster.failures[0])).toMatch(/state of shard main on n2 .* not that of the other/)
  expect(cluster.disks[1]?.condemned).toMatch(/not that of the other replicas/)
  await expect(cluster.get('n2', 'k1')).rejects.toMatchObject({ errorName: 'SHUTTING_DOWN' })
  await cluster.put('n1', 'after', 1)
  expect(await cluster.get('n3', 'after')).toBe(1)
  expect(cluster.failures.splice(0)).toHaveLength(1)
})

describe('the versions of a key', () => {
  interface Page {
    readonly versions: readonly { rev: number; value: unknown; deleted: boolean; timeMs?: number }[]
    readonly more: boolean
    readonly cursor?: string
    readonly firstRev: number
  }
  const history = async (node: string, key: string, limit = 20, cursor?: string): Promise<Page> =>
    (await cluster.node(node).keyHistory(key, { limit, cursor }, {})).result as unknown as Page

  test('newest first: puts, deletions and what a transaction left, with time and correlation id', async () => {
    cluster = new TestCluster(3, {}, 2)
    await cluster.start()
    const write = (body: object, meta = {}) =>
      cluster.node('n2').write({ machine: 'kv', keys: ['x'], body: body as Json, meta })
    await cluster.put('n1', 'x', 1, { correlationId: 'order-7' })
    await cluster.put('n1', 'other', 1)
    await write({ op: 'incr', key: 'x', by: 4 })
    await write({ op: 'del', key: 'x' })
    const { header } = await cluster.put('n3', 'x', 9)
    const found = await history('n1', 'x')
    expect(found.versions).toEqual([
      {
        rev: expect.any(Number),
        value: 9,
        deleted: false,
        timeMs: header.timeMs,
        lamport: expect.any(Number),
      },
      {
        rev: expect.any(Number),
        value: null,
        deleted: true,
        timeMs: expect.any(Number),
        lamport: expect.any(Number),
      },
      {
        rev: expect.any(Number),
        value: 5,
        deleted: false,
        timeMs: expect.any(Number),
        lamport: expect.any(Number),
      },
      {
        rev: expect.any(Number),
        value: 1,
        deleted: false,
        timeMs: expect.any(Number),
        lamport: expect.any(Number),
        correlationId: 'order-7',
      },
    ])
    expect(found).toMatchObject({ more: false, firstRev: 1 })
    expect(found.cursor).toBeUndefined()
    await write({ op: 'del', key: 'x' })
    expect((await history('n2', 'x')).versions[0]).toMatchObject({ deleted: true })
    expect(await history('n2', 'never')).toEqual({ versions: [], more: false, firstRev: 1 })
  })

  test('in pages, each version once', async () => {
    cluster = new TestCluster(3)
    await cluster.start()
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => cluster.put(`n${(i % 3) + 1}`, i % 2 ? 'x' : 'y', i)),
    )
    const whole = await history('n1', 'x', 100)
    expect(whole.versions).toHaveLength(20)
    const revs = whole.versions.map(({ rev }) => rev)
    expect(revs).toEqual([...revs].sort((a, b) => b - a))
    const paged: number[] = []
    let cursor: string | undefined
    do {
      const page = await history('n2', 'x', 3, cursor)
      expect(page.versions.length).toBeLessThanOrEqual(3)
      paged.push(...page.versions.map(({ rev }) => rev))
      cursor = page.cursor
      expect(page.more).toBe(cursor !== undefined)
    } while (cursor !== undefined)
    expect(paged).toEqual(revs)
    await expect(history('n1', 'x', 3, 'nonsense')).rejects.toMatchObject({
      errorName: 'BAD_CURSOR',
    })
  })

  test('where the log no longer reaches it says so; what is there now is always among them', async () => {
    const keep = { checkpointEvery: 20, checkpointIntervalMs: 0, keepLogOperations: 40 }
    cluster = new TestCluster(1, keep)
    await cluster.start()
    await cluster.put('n1', 'old', 'still here')
    for (let i = 1; i <= 200; i++) await cluster.put('n1', 'x', i)
    await expect.poll(() => cluster.node('n1').logInfo().first).toBeGreaterThan(1)
    const { versions, more, cursor, firstRev } = await history('n1', 'x', 1000)
    expect(versions[0]).toMatchObject({ value: 200 })
    expect(versions.at(-1)?.rev).toBe(firstRev)
    expect({ more, cursor }).toEqual({ more: true, cursor: undefined })
    const old = await history('n1', 'old')
    expect(old.versions).toEqual([{ rev: 1, value: 'still here', deleted: false }])
    expect(old.more).toBe(true)
    await expect(history('n1', 'x', 3, '1.1')).rejects.toMatchObject({
      errorName: 'REV_COMPACTED',
      details: { first: firstRev },
    })
  })
})
