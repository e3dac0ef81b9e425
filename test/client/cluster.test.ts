/** The client against real nodes over real connections: fail-over, view changes, exactly once. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connect } from '../../src/client/client.ts'
import type { Client, ClientOptions } from '../../src/client/connect.ts'
import { Served } from './served.ts'

let served: Served
const clients: Client[] = []

beforeEach(async () => {
  served = await Served.start()
})
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
  await served.stop()
})

/** Patient: what is tested is not how busy this machine is. */
function client(options: ClientOptions = {}, urls = served.urls): Client {
  const made = connect(urls, { timeoutMs: 30_000, ...options })
  clients.push(made)
  return made
}

test('every call of c.kv, and what its results hold', async () => {
  const { kv } = client()
  const { rev, header } = await kv.put('a', { deep: [1] }, { ttlMs: 60_000 })
  expect(header).toMatchObject({ cluster: 'testing', shard: 'main' })
  expect((await kv.get('a')).kv).toEqual({
    key: 'a',
    value: { deep: [1] },
    rev,
    createRev: rev,
    version: 1,
    expiresMs: expect.any(Number),
  })
  expect((await kv.get('none')).kv).toBeNull()
  expect(await kv.put('a', 2, { prev: true, ifRev: rev })).toMatchObject({
    prev: { value: { deep: [1] } },
  })
  expect(await kv.cas('a', { value: 2 }, 3)).toMatchObject({ succeeded: true })
  expect(await kv.cas('a', { absent: true }, 4)).toMatchObject({
    succeeded: false,
    current: { value: 3 },
  })
  expect(await kv.incr('n', 5, { init: 10 })).toMatchObject({ value: 15 })
  expect((await kv.apply('x=1; y=x+2')).values).toEqual({ x: 1, y: 3 })
  const moved = await kv.txn({
    compare: [{ key: 'n', target: 'value', op: '=', value: 15 }],
    then: [
      { op: 'incr', key: 'n', by: 1 },
      { op: 'get', key: 'a' },
    ],
  })
  expect(moved.succeeded).toBe(true)
  const keys: string[] = []
  for await (const { key } of kv.range({ page: 2 })) keys.push(key)
  expect(keys).toEqual(['a', 'n', 'x', 'y'])
  expect(await kv.count({ prefix: 'x' })).toMatchObject({ count: 1 })
  expect(await kv.getMany(['a', 'b'])).toMatchObject({ kvs: [{ key: 'a' }], missing: ['b'] })
  expect((await kv.history('n')).versions.map(({ value }) => value)).toEqual([16, 15])
  expect(await kv.del({ start: 'x', end: 'z' })).toMatchObject({ deleted: 2 })
  expect(await kv.cas('n', { value: 16 }, undefined)).toMatchObject({ succeeded: true })
  expect(await kv.del('n')).toMatchObject({ deleted: 0 })
  await expect(kv.put('a', 1, { ifAbsent: true })).rejects.toMatchObject({
    name: 'COMPARE_FAILED',
    code: 1001,
    outcome: 'none',
  })
})

test('c.log, c.cluster, c.sm and calls by name', async () => {
  const c = client()
  await c.kv.put('x', 1)
  expect((await c.cluster.status()).shards).toHaveLength(1)
  expect((await c.cluster.members()).members).toHaveLength(3)
  expect(await c.cluster.health()).toMatchObject({ quorum: true, faultsTolerated: 1 })
  expect((await c.sm.list()).machines.map(({ name }) => name)).toContain('kv')
  const changes: unknown[] = []
  for await (const entry of c.log.read({ as: 'changes' })) changes.push(...(entry.changes ?? []))
  expect(changes).toMatchObject([{ key: 'x', value: 1 }])
  expect((await c.log.info()).commit).toBeGreaterThan(0)
  expect(await c.log.verify()).toMatchObject({ ok: true })
  expect((await c.call('system.ping')).pong).toBe(true)
  await expect(c.call('no.such')).rejects.toMatchObject({ name: 'METHOD_NOT_FOUND' })
})

test('two thousand increments in parallel are two thousand, each answered once', async () => {
  const { kv } = client()
  const answers = await Promise.all(Array.from({ length: 2_000 }, () => kv.incr('n')))
  expect(answers.map(({ value }) => value).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 2_000 }, (_, i) => i + 1),
  )
})

test('the primary dies under load: every write is executed once, none is unknown', async () => {
  const { kv } = client()
  await kv.incr('n', 0)
  const primary = served.cluster.primary() ?? ''
  const errors: unknown[] = []
  let done = 0
  const writer = async (): Promise<void> => {
    for (let i = 0; i < 50; i++) {
      await kv.incr('n').catch((error: unknown) => void errors.push(error))
      done++
    }
  }
  const writers = Array.from({ length: 8 }, writer)
  const killed = (async () => {
    while (done < 100) await kv.get('n')
    await served.kill(primary)
  })()
  await Promise.all([...writers, killed])
  expect(errors).toEqual([])
  expect((await kv.get('n')).kv?.value).toBe(400)
})

test('a watch sees every change once and in order, over two killed nodes', async () => {
  const c = client()
  const writer = client()
  const seen: number[] = []
  const watched = (async () => {
    for await (const { changes } of c.kv.watch({ key: 'n', from: 'first' })) {
      for (const { value } of changes) seen.push(Number(value))
      if (seen.at(-1) === 300) break
    }
  })()
  for (let i = 1; i <= 300; i++) {
    await writer.kv.incr('n')
    if (i === 100) await served.kill('n1')
    if (i === 150) await served.restart('n1')
    if (i === 200) await served.kill('n2')
  }
  await watched
  expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
})

test('a watch goes through a view change as if there were none', async () => {
  const c = client()
  const seen: number[] = []
  const watched = (async () => {
    for await (const { changes } of c.kv.watch({ key: 'n', from: 'first' })) {
      for (const { value } of changes) seen.push(Number(value))
      if (seen.at(-1) === 60) break
    }
  })()
  const { view } = (await c.kv.incr('n')).header
  for (let i = 2; i <= 60; i++) {
    await c.kv.incr('n')
    if (i === 30) await c.cluster.stepDown()
  }
  await watched
  expect(seen).toEqual(Array.from({ length: 60 }, (_, i) => i + 1))
  expect((await c.kv.get('n')).header.view).toBeGreaterThan(view)
})

test('a session read at another node is never older than the write before it', async () => {
  const c = client({ consistency: 'session' })
  for (let i = 1; i <= 20; i++) {
    const { rev } = await c.kv.put('x', i)
    const other = client({ consistency: 'session' }, [served.url(`n${(i % 3) + 1}`)])
    expect((await other.kv.get('x', { minRev: rev })).kv?.value).toBe(i)
    expect((await c.kv.get('x')).kv?.value).toBe(i)
  }
})

test('over HTTP alone it is the same', async () => {
  const { kv } = client({ transport: 'http' })
  await Promise.all(Array.from({ length: 100 }, () => kv.incr('n')))
  await served.kill('n1')
  await Promise.all(Array.from({ length: 100 }, () => kv.incr('n')))
  expect((await kv.get('n')).kv?.value).toBe(200)
})

test('with several shards one session is good for keys of any of them', async () => {
  await served.stop()
  served = await Served.start({ shards: 3 })
  const c = client({ consistency: 'session' })
  const keys = Array.from({ length: 30 }, (_, i) => `k${i}`)
  await Promise.all(keys.map(key => c.kv.incr(key)))
  const shards = await Promise.all(keys.map(async key => (await c.kv.get(key)).header.shard))
  expect(new Set(shards).size).toBe(3)
  const watched = new Set<string>()
  for await (const { changes } of c.kv.watch({ prefix: '', from: 'first' })) {
    for (const { key } of changes) watched.add(key)
    if (watched.size === keys.length) break
  }
  expect([...watched].sort()).toEqual([...keys].sort())
})

test('over HTTP, too, a signal and the time end a call, and say what may have become of it', async () => {
  const silent = createServer(() => {})
  await new Promise<void>(done => silent.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  const { kv } = client({ transport: 'http', session: false, timeoutMs: 50 }, [url])
  await expect(kv.put('x', 1)).rejects.toMatchObject({ name: 'TIMEOUT', outcome: 'unknown' })
  const stop = new AbortController()
  silent.once('request', () => stop.abort())
  const aborted = kv.put('x', 1, { signal: stop.signal, timeoutMs: 60_000 })
  await expect(aborted).rejects.toMatchObject({ name: 'ABORTED', outcome: 'unknown' })
  silent.closeAllConnections()
  await new Promise(done => silent.close(done))
  // TIMEOUT: this process had no time in 50 ms to hear that nobody listens.
  const name = expect.stringMatching(/^(UNREACHABLE|TIMEOUT)$/)
  await expect(kv.put('x', 1)).rejects.toMatchObject({ name, outcome: 'none' })
})
