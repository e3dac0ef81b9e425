/** Time, signals, bounds, and what the client adds to a call. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { connect } from '../../src/client/client.ts'
import type { Transport } from '../../src/client/transport.ts'
import { failure, ok, Played, type Reply } from './played.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a plain write that is not answered in time is unknown; a read is none', async () => {
  const played = new Played(() => 'silent')
  const client = played.client({ session: false, timeoutMs: 1_000 })
  const [write, read] = [failure(client.kv.put('x', 1)), failure(client.kv.get('x'))]
  await vi.advanceTimersByTimeAsync(1_300)
  expect(await write).toMatchObject({ name: 'TIMEOUT', outcome: 'unknown', code: -32003 })
  expect(await read).toMatchObject({ name: 'TIMEOUT', outcome: 'none' })
})

test('a read leaves time for the other endpoints, a plain write takes it all', async () => {
  const played = new Played(({ endpoint }) =>
    endpoint === 'http://a.example:1' ? 'silent' : ok({ kv: null }),
  )
  const client = played.client({ session: false, timeoutMs: 3_000 }, [
    'a.example:1',
    'b.example:1',
    'c.example:1',
  ])
  const read = client.kv.get('x')
  await vi.advanceTimersByTimeAsync(1_300)
  await read
  expect(played.calls[0]?.params.meta.timeoutMs).toBe(1_000)
  const other = played.client({ session: false, timeoutMs: 3_000 }, [
    'a.example:1',
    'b.example:1',
    'c.example:1',
  ])
  const write = failure(other.kv.put('x', 1))
  await vi.advanceTimersByTimeAsync(3_300)
  expect(await write).toMatchObject({ outcome: 'unknown' })
  expect(played.calls.at(-1)?.params.meta.timeoutMs).toBe(3_000)
})

test('a call may bring its own time', async () => {
  const played = new Played(() => 'silent')
  const read = failure(played.client().kv.get('x', { timeoutMs: 50 }))
  await vi.advanceTimersByTimeAsync(400)
  expect(await read).toMatchObject({ name: 'TIMEOUT' })
})

test('an aborted call says what may have become of it', async () => {
  const stop = new AbortController()
  const { signal } = stop
  const played = new Played(({ method }) => (method === 'kv.put' ? 'refused' : ok()))
  const client = played.client({ session: false })
  const paused = failure(client.kv.put('x', 1, { signal }))
  await vi.advanceTimersByTimeAsync(5)
  stop.abort(new Error('enough'))
  const error = await paused
  expect(error).toMatchObject({ name: 'ABORTED', outcome: 'none' })
  expect((error as Error).cause).toEqual(new Error('enough'))
  expect(await failure(client.kv.put('x', 1, { signal }))).toMatchObject({
    name: 'ABORTED',
    outcome: 'none',
  })
  expect(played.methods.filter(name => name === 'kv.put').length).toBe(1)
})

test('no more calls are under way than the client may have; the others wait in order', async () => {
  let release: (() => void)[] = []
  const played = new Played(
    () => new Promise<Reply>(resolve => release.push(() => resolve(ok({ kv: null })))),
  )
  const client = played.client({ maxInFlight: 2 })
  const keys = ['a', 'b', 'c', 'd']
  const asked = keys.map(key => client.kv.get(key))
  await vi.advanceTimersByTimeAsync(0)
  expect(played.calls).toHaveLength(2)
  release.splice(0, 1).forEach(go => void go())
  await vi.advanceTimersByTimeAsync(0)
  expect(played.calls.map(({ params }) => params.key)).toEqual(['a', 'b', 'c'])
  for (; release.length > 0; await vi.advanceTimersByTimeAsync(0)) {
    const now = release
    release = []
    for (const go of now) go()
  }
  await Promise.all(asked)
  expect(played.calls).toHaveLength(4)
})

test('who waits for its turn until its time is over was never sent', async () => {
  const played = new Played(() => 'silent')
  const client = played.client({ maxInFlight: 1, session: false })
  const first = failure(client.kv.put('x', 1, { timeoutMs: 10_000 }))
  const second = failure(client.kv.put('x', 2, { timeoutMs: 100 }))
  await vi.advanceTimersByTimeAsync(100)
  expect(await second).toMatchObject({ name: 'TIMEOUT', outcome: 'none' })
  expect(played.calls).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(11_000)
  await first
})

test('beyond ten thousand that wait, a call is refused', async () => {
  const played = new Played(() => 'silent')
  const client = played.client({ maxInFlight: 1 })
  const waiting = Array.from({ length: 10_001 }, () => failure(client.kv.get('x')))
  await vi.advanceTimersByTimeAsync(0)
  expect(await failure(client.kv.get('y'))).toMatchObject({
    name: 'OVERLOADED',
    outcome: 'none',
    data: { limit: 10_000 },
  })
  await client.close()
  expect(await waiting[1]).toMatchObject({ name: 'CLOSED' })
})

test('calls move on from an endpoint that failed once, however many of them failed there', async () => {
  const played = new Played(({ endpoint }) =>
    endpoint === 'http://a.example:1' ? 'lost' : ok({ kv: null }),
  )
  const client = played.client({}, ['a.example:1', 'b.example:1', 'c.example:1'])
  await Promise.all(['x', 'y', 'z'].map(key => client.kv.get(key)))
  await client.kv.get('w')
  expect(played.calls.slice(3).map(({ endpoint }) => endpoint)).toEqual(
    Array(4).fill('http://b.example:1'),
  )
})

test('what goes with every call: the client’s, then the call’s', async () => {
  const played = new Played(() => ok({ kv: null }))
  const client = played.client({ correlationId: 'c1', consistency: 'local' })
  await client.kv.get('x')
  await client.kv.get('x', { correlationId: 'c2', consistency: 'linearizable', shard: 's1' })
  await client.call('kv.get', { key: 'x', meta: { correlationId: 'c3' } })
  expect(played.calls.map(({ params }) => ({ ...params.meta, timeoutMs: 0 }))).toEqual([
    { correlationId: 'c1', consistency: 'local', timeoutMs: 0 },
    { correlationId: 'c2', consistency: 'linearizable', shard: 's1', timeoutMs: 0 },
    { correlationId: 'c3', consistency: 'local', timeoutMs: 0 },
  ])
})

test('a session read waits for what this client has written and read; with several shards it is linearizable', async () => {
  let shards = 1
  const played = new Played(({ method, params }) =>
    method === 'cluster.members'
      ? ok({ shards })
      : method === 'kv.put'
        ? ok({ rev: 7 })
        : ok({ kv: { key: params.key, rev: 9 } }),
  )
  const one = played.client({ consistency: 'session', session: false })
  await one.kv.put('x', 1)
  await one.kv.get('x')
  await one.kv.get('x')
  const reads = (): unknown[] =>
    played.calls
      .filter(({ method }) => method === 'kv.get')
      .map(({ params: { meta } }) => [meta.consistency, meta.minRev])
  expect(reads()).toEqual([
    ['session', 7],
    ['session', 9],
  ])
  shards = 2
  played.calls.length = 0
  const two = played.client({ consistency: 'session', session: false })
  await two.kv.put('x', 1)
  await two.kv.get('x')
  await two.kv.get('x', { shard: 'main' })
  await two.kv.get('x', { shard: 's1', minRev: 3 })
  expect(reads()).toEqual([
    ['linearizable', undefined],
    ['session', 9],
    ['session', 3],
  ])
})

test('pages of a range are asked for as they are taken', async () => {
  const keys = Array.from({ length: 7 }, (_, i) => ({ key: `k${i}`, rev: 1 }))
  const played = new Played(({ params }) => {
    const at = Number(params.cursor ?? 0)
    const kvs = keys.slice(at, at + params.limit)
    const more = at + params.limit < keys.length
    return ok({ kvs, more, ...(more && { cursor: String(at + params.limit) }) })
  })
  const { kv } = played.client()
  const range = kv.range({ prefix: 'k', page: 3 })
  expect((await range.next()).value).toMatchObject({ key: 'k0' })
  expect(played.calls).toHaveLength(1)
  const rest: string[] = []
  for await (const { key } of range) rest.push(key)
  expect(rest).toEqual(['k1', 'k2', 'k3', 'k4', 'k5', 'k6'])
  expect(played.calls).toHaveLength(3)
  played.calls.length = 0
  const four: string[] = []
  for await (const { key } of kv.range({ prefix: 'k', page: 3, limit: 4 })) four.push(key)
  expect(four).toEqual(['k0', 'k1', 'k2', 'k3'])
  expect(played.calls.map(({ params }) => params.limit)).toEqual([3, 1])
})

test('the log is read to its end', async () => {
  const played = new Played(({ params }) =>
    ok({
      entries:
        params.from === undefined ? [{ op: 4 }, { op: 5 }] : params.from === 6 ? [{ op: 6 }] : [],
    }),
  )
  const ops: unknown[] = []
  for await (const { op } of played.client().log.read({ as: 'changes' })) ops.push(op)
  expect(ops).toEqual([4, 5, 6])
  expect(played.calls.map(({ params }) => [params.from, params.as])).toEqual([
    [undefined, 'changes'],
    [6, 'changes'],
    [7, 'changes'],
  ])
})

test('other endpoints are learnt from a node, if asked for', async () => {
  const peers = [{ rpc: 'http://b.example:1' }, { rpc: null }, { rpc: 'http://c.example:1' }]
  const played = new Played(({ method }) =>
    method === 'cluster.status' ? ok({ rpc: 'http://a.example:1', peers }) : ok({ kv: null }),
  )
  const plain = played.client()
  await plain.kv.get('x')
  await vi.advanceTimersByTimeAsync(0)
  expect(plain.endpoints).toEqual(['http://a.example:1'])
  const client = played.client({ discover: true })
  await client.kv.get('x')
  await vi.advanceTimersByTimeAsync(0)
  expect(client.endpoints).toEqual([
    'http://a.example:1',
    'http://b.example:1',
    'http://c.example:1',
  ])
  expect(played.methods.filter(name => name === 'cluster.status')).toHaveLength(1)
})

test('what is no address teaches nothing, and does no harm', async () => {
  const played = new Played(({ method }) =>
    method === 'cluster.status'
      ? ok({ rpc: 'no address', peers: [{ rpc: '' }] })
      : ok({ kv: null }),
  )
  const client = played.client({ discover: true })
  await client.kv.get('x')
  await vi.advanceTimersByTimeAsync(0)
  expect(client.endpoints).toEqual(['http://a.example:1'])
})

test('a closed client refuses calls, and ends those that wait', async () => {
  const played = new Played(() => 'silent')
  const client = played.client({ maxInFlight: 1, session: false })
  const first = failure(client.kv.get('x'))
  const waiting = failure(client.kv.put('x', 1))
  await vi.advanceTimersByTimeAsync(0)
  await client.close()
  expect(await waiting).toMatchObject({ name: 'CLOSED', outcome: 'none' })
  expect(await failure(client.kv.get('x'))).toMatchObject({ name: 'CLOSED' })
  await vi.runAllTimersAsync()
  expect(await first).toMatchObject({ outcome: 'none' })
})

test('what is no endpoint is said at once', () => {
  expect(() => connect('not a url')).toThrow(
    "'not a url' is no endpoint such as http://127.0.0.1:7401",
  )
  for (const text of ['ws://127.0.0.1:7401', '7401', '//a.example:1', '']) {
    expect(() => connect(text)).toThrow(`'${text}' is no endpoint such as`)
  }
  expect(() => connect([])).toThrow('connect needs at least one endpoint')
})

/** Status and text that a POST gets; whether the write may have been done. */
const FOREIGN: readonly (readonly [number, string, string, string])[] = [
  [200, '<html>', 'NOT_VIEWSTAMP', 'unknown'],
  [200, '{"jsonrpc":"2.0","id":1,"res', 'NOT_VIEWSTAMP', 'unknown'],
  [200, '{"jsonrpc":"2.0","id":1}', 'NOT_VIEWSTAMP', 'unknown'],
  [404, '<html>', 'NOT_VIEWSTAMP', 'none'],
  [307, '', 'NOT_VIEWSTAMP', 'none'],
  [401, '<html>', 'UNAUTHENTICATED', 'none'],
  [413, '<html>', 'TOO_LARGE', 'none'],
  [502, '<html>', 'CONNECTION_LOST', 'unknown'],
]

test.each(FOREIGN)('HTTP %s with %j is %s, outcome %s', async (status, text, name, outcome) => {
  const transport = async () => ({ status, text })
  const client = connect('a.example:1', { transport, session: false, timeoutMs: 100 })
  expect(await failure(client.kv.put('x', 1))).toMatchObject({ name, outcome })
  const numbered = failure(connect('a.example:1', { transport, timeoutMs: 100 }).kv.put('x', 1))
  await vi.advanceTimersByTimeAsync(200)
  expect(await numbered).toMatchObject({ name, outcome: 'none' })
})

const endpoints = ['a.example:1', 'b.example:1']
const foreign = { status: 404, text: '<html>' }

test('where something else answers, the next endpoint is asked, and stays', async () => {
  const asked: string[] = []
  const transport: Transport = async ({ endpoint, body }) => {
    asked.push(endpoint)
    if (endpoint.includes('a.example')) return foreign
    const { id } = JSON.parse(body)
    return { status: 200, text: JSON.stringify({ jsonrpc: '2.0', id, result: { kv: null } }) }
  }
  const client = connect(endpoints, { transport, session: false, timeoutMs: 100, discover: false })
  for (let i = 0; i < 2; i++) await client.kv.get('x')
  expect(asked).toEqual(['http://a.example:1', 'http://b.example:1', 'http://b.example:1'])
})

test('where something else answers everywhere it is said at once; a write that it may have taken is not repeated', async () => {
  let answer = foreign
  let asked = 0
  const transport: Transport = async () => {
    asked++
    return answer
  }
  const client = connect(endpoints, { transport, session: false, timeoutMs: 100 })
  expect(await failure(client.kv.put('x', 1))).toMatchObject({ name: 'NOT_VIEWSTAMP' })
  expect(asked).toBe(2)
  answer = { status: 200, text: '<html>' }
  const told = { name: 'NOT_VIEWSTAMP', outcome: 'unknown' }
  expect(await failure(client.kv.put('x', 1))).toMatchObject(told)
  expect(asked).toBe(3)
})

test('kv.import has no number, and is not repeated once it may have been done', async () => {
  const played = new Played(({ method }) =>
    method === 'session.open' ? ok({ session: 's@1' }) : 'lost',
  )
  const client = played.client()
  const meta = { session: 'mine@1', seq: 1 }
  for (const more of [{}, { meta }]) {
    const before = played.calls.length
    const asked = failure(client.call('kv.import', { rev: 1, operations: [[]], ...more }))
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await asked).toMatchObject({ name: 'CONNECTION_LOST', outcome: 'unknown' })
    expect(played.methods.slice(before)).toEqual(['kv.import'])
  }
  expect(played.calls[0]?.params.meta.seq).toBeUndefined()
})
