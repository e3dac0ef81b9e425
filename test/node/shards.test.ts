/** Several shards in one cluster: keys, sessions and changes across them. */
import { afterEach, describe, expect, test } from 'vitest'
import type { CommitEvent } from '../../src/node/api.ts'
import { TestCluster } from '../support/cluster.ts'

let cluster: TestCluster

afterEach(async () => {
  const { failures } = cluster
  await cluster.stop()
  expect(failures).toEqual([])
})

test('shards: keys find theirs, ranges are put together, a write stays in one', async () => {
  cluster = new TestCluster(3, {}, 4)
  await cluster.start()
  const keys = Array.from({ length: 30 }, (_, i) => `k${String(i).padStart(2, '0')}`)
  for (const [i, key] of keys.entries()) await cluster.put(`n${(i % 3) + 1}`, key, i)
  const primaries = cluster
    .node('n1')
    .status()
    .shards.map(s => s.primary)
  expect(new Set(primaries).size).toBe(3)
  const range = async (body: object) => {
    const call = { machine: 'kv', keys: [], body: { op: 'range', ...body }, meta: {} }
    return (await cluster.node('n2').read(call)).result as {
      kvs: { key: string }[]
      more: boolean
      cursor?: string
      count?: number
    }
  }
  const seen: string[] = []
  let page = await range({ prefix: 'k', limit: 7 })
  for (;;) {
    seen.push(...page.kvs.map(kv => kv.key))
    if (!page.more) break
    page = await range({ prefix: 'k', limit: 7, cursor: page.cursor })
  }
  expect(seen).toEqual(keys)
  expect((await range({ prefix: 'k', countOnly: true })).count).toBe(30)
  const all = { machine: 'kv', keys: [...keys, 'no'], body: { op: 'getMany' }, meta: {} }
  expect((await cluster.node('n3').read(all)).result).toMatchObject({ missing: ['no'] })
  const write = (body: object, of: readonly string[] = []) =>
    cluster.node('n1').write({ machine: 'kv', keys: of, body: body as never, meta: {} })
  await expect(write({ op: 'apply', program: 'k00=k01+k02+k03' })).rejects.toMatchObject({
    errorName: 'CROSS_SHARD',
  })
  await expect(write({ op: 'del', prefix: 'k' })).rejects.toMatchObject({ outcome: 'none' })
  await write({ op: 'apply', program: 'k05 += 1' })
  expect(await cluster.get('n1', 'k05')).toBe(6)
})

test('a session is good for keys of any shard, each write executed once', async () => {
  cluster = new TestCluster(3, {}, 4)
  await cluster.start()
  const { session } = (await cluster.node('n1').openSession(undefined, {})).result as {
    session: string
  }
  expect(session).toMatch(/^[0-9a-f]{24}@\d+\.\d+\.\d+\.\d+$/)
  const incr = (node: string, key: string, seq: number) =>
    cluster
      .node(node)
      .write({ machine: 'kv', keys: [key], body: { op: 'incr', key }, meta: { session, seq } })
  const shards = new Set<string>()
  for (let seq = 1; seq <= 12; seq++) {
    const { header, result } = await incr('n2', `k${seq}`, seq)
    shards.add(header.shard)
    expect((await incr('n3', `k${seq}`, seq)).result).toEqual(result)
  }
  expect(shards.size).toBe(4)
  for (let i = 1; i <= 12; i++) expect(await cluster.get('n1', `k${i}`)).toBe(1)

  await cluster.node('n2').keepAliveSession(session, {})
  await cluster.node('n2').closeSession(session, {})
  const evicted = { errorName: 'SESSION_EVICTED', message: expect.stringMatching(/in shard /) }
  for (const key of ['k1', 'k2', 'k3', 'k4', 'k5']) {
    await expect(incr('n1', key, 20)).rejects.toMatchObject(evicted)
  }
})

test('a session of one shard, and text that is no session, are refused in words', async () => {
  cluster = new TestCluster(3, {}, 4)
  await cluster.start()
  const opened = await cluster.node('n1').openSession(undefined, { shard: 's2' })
  const { session } = opened.result as { session: string }
  const put = (id: string) => cluster.put('n1', 'x', 1, { session: id, seq: 1 })
  await expect(put('y'.repeat(256))).rejects.toMatchObject({
    errorName: 'TOO_LARGE',
    details: { path: 'meta.session', limit: 255 },
  })
  await expect(put('y'.repeat(255))).rejects.toMatchObject({ errorName: 'SESSION_EVICTED' })
  await cluster.node('n3').keepAliveSession(session, { shard: 's2' })
  await cluster.node('n3').closeSession(session, { shard: 's2' })
})

describe('changes of several shards', () => {
  const SHARDS = 4
  const keys = Array.from({ length: 12 }, (_, i) => `k${i}`)

  async function setUp(): Promise<void> {
    cluster = new TestCluster(3, {}, SHARDS)
    await cluster.start()
    for (const [i, key] of keys.entries()) await cluster.put(`n${(i % 3) + 1}`, key, i)
  }
  const changed = (events: readonly CommitEvent[]) =>
    events.flatMap(event => event.changes.map(change => `${change.key}=${change.value}`)).sort()

  test('a prefix is followed in all of them; from the cursor of any event it goes on, with none twice', async () => {
    await setUp()
    const seen: CommitEvent[] = []
    const watch = cluster.node('n2').watchKeys({ prefix: 'k' }, 'first', event => seen.push(event))
    expect(watch.startRev).toBeUndefined()
    expect(watch.cursor).toBe('@1.1.1.1')
    const all = keys.map((key, i) => `${key}=${i}`).sort()
    await expect.poll(() => changed(seen)).toEqual(all)
    expect(new Set(seen.map(event => event.shard)).size).toBe(SHARDS)
    await cluster.put('n1', 'k3', 'live')
    await expect.poll(() => seen.length).toBe(keys.length + 1)
    watch.cancel()
    for (const [i, event] of seen.entries()) {
      const rest: CommitEvent[] = []
      const from = event.cursor ?? ''
      const again = cluster.node('n3').watchKeys({ prefix: 'k' }, from, each => rest.push(each))
      await expect.poll(() => rest.length).toBe(seen.length - 1 - i)
      again.cancel()
      const expected = changed(seen.slice(i + 1))
      expect(changed(rest)).toEqual(expected)
    }
    await expect
      .poll(() =>
        cluster
          .node('n2')
          .watchKeys({ prefix: 'k' }, 'now', () => {})
          .reached?.(),
      )
      .toMatch(/^@\d+\.\d+\.\d+\.\d+$/)
  })

  test('asking in pages gives every change once, and waits for the next', async () => {
    await setUp()
    const seen: CommitEvent[] = []
    let from: number | string = 'first'
    while (seen.length < keys.length) {
      const options = { waitMs: 60_000, limit: 5 }
      const page = await cluster.node('n1').pollKeys({ start: 'k' }, from, options)
      expect(page.events.length).toBeLessThanOrEqual(5)
      seen.push(...page.events)
      from = page.next
    }
    expect(changed(seen)).toEqual(keys.map((key, i) => `${key}=${i}`).sort())
    const next = cluster.node('n1').pollKeys({ start: 'k' }, from, { waitMs: 60_000, limit: 5 })
    await cluster.put('n3', 'k7', 'live')
    expect(changed((await next).events)).toEqual(['k7=live'])
    const none = await cluster.node('n1').pollKeys({ start: 'k' }, 'now', { waitMs: 1, limit: 5 })
    expect(none.events).toEqual([])
  })

  test('one key is followed in its shard, by rev; a named shard, too', async () => {
    await setUp()
    const { header, result } = await cluster.put('n1', 'k5', 'again')
    const { rev } = result as { rev: number }
    const seen: CommitEvent[] = []
    const watch = cluster.node('n2').watchKeys({ key: 'k5' }, rev, event => seen.push(event))
    expect(watch).toMatchObject({ startRev: rev, shard: header.shard })
    await expect.poll(() => changed(seen)).toEqual(['k5=again'])
    watch.cancel()
    const options = { waitMs: 0, limit: 100 }
    const named = await cluster.node('n2').pollKeys({ prefix: '' }, rev, options, header.shard)
    expect(changed(named.events)).toEqual(['k5=again'])
    expect(named).toMatchObject({ next: rev + 1, shard: header.shard })
  })

  test('positions of another kind are refused, each with its sentence', async () => {
    await setUp()
    const node = cluster.node('n1')
    const refusal = { errorName: 'BAD_CURSOR', details: { path: 'from' } }
    const options = { waitMs: 0, limit: 1 }
    await expect(node.pollKeys({ prefix: 'k' }, 3, options)).rejects.toMatchObject(refusal)
    await expect(node.pollKeys({ prefix: 'k' }, '@1.2', options)).rejects.toMatchObject(refusal)
    await expect(node.pollKeys({ key: 'k1' }, '@1.1.1.1', options)).rejects.toMatchObject(refusal)
    const elsewhere = node.pollKeys({ key: 'k1' }, 'first', options, 's9')
    await expect(elsewhere).rejects.toMatchObject({ errorName: 'INVALID_PARAMS' })
  })
})
