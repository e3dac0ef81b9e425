/** Calls over one WebSocket, and over HTTP where there is none. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { failure, HEADER, ok, Played } from './played.ts'
import { Sockets } from './sockets.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const noHttp = () => new Played(() => 'refused')
const settled = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0)

test('calls share one connection; answers come in any order', async () => {
  const sockets = new Sockets()
  const { kv } = sockets.client(noHttp())
  const [x, y] = [kv.get('x'), kv.get('y')]
  const [first, second] = await sockets.sent(0, 2)
  expect([first, second].map(each => [each.method, each.params.key])).toEqual([
    ['kv.get', 'x'],
    ['kv.get', 'y'],
  ])
  sockets.peers[0]?.answer(second.id, { kv: { key: 'y' }, header: HEADER })
  sockets.peers[0]?.answer(first.id, { kv: { key: 'x' }, header: HEADER })
  expect([(await x).kv?.key, (await y).kv?.key]).toEqual(['x', 'y'])
  expect(sockets.peers).toHaveLength(1)
})

test('the token goes along; an error of the daemon is typed', async () => {
  const sockets = new Sockets()
  const { kv } = sockets.client(noHttp(), { token: 'secret' })
  const asked = failure(kv.put('x', 1))
  const [call] = await sockets.sent(0, 1)
  const data = { name: 'TOO_LARGE', outcome: 'none', retryable: false, limit: 9 }
  const error = { code: -32006, message: 'too large', data }
  sockets.peers[0]?.text(JSON.stringify({ jsonrpc: '2.0', id: call.id, error }))
  expect(await asked).toMatchObject({ name: 'TOO_LARGE', code: -32006, outcome: 'none', data })
  expect(sockets.peers[0]?.token).toBe('secret')
})

test('a connection that ends: reads go elsewhere, a plain write is unknown', async () => {
  const sockets = new Sockets()
  const { kv } = sockets.client(noHttp(), {}, ['a.example:1', 'b.example:1'])
  const [write, read] = [failure(kv.put('x', 1)), kv.get('x')]
  await sockets.sent(0, 2)
  sockets.peers[0]?.end('reset')
  expect(await write).toMatchObject({ name: 'CONNECTION_LOST', outcome: 'unknown' })
  const [again] = await sockets.sent(1, 1)
  expect(sockets.peers[1]?.endpoint).toBe('http://b.example:1')
  sockets.peers[1]?.answer(again.id, { kv: null, header: HEADER })
  expect((await read).kv).toBeNull()
})

test('what was not sent yet when no connection came about was not done', async () => {
  const sockets = new Sockets()
  sockets.onConnect = peer => peer.end('refused')
  const played = noHttp()
  const asked = failure(sockets.client(played, { failFast: true }).kv.put('x', 1))
  expect(await asked).toMatchObject({ name: 'UNREACHABLE', outcome: 'none' })
  expect(played.calls).toHaveLength(1)
})

test('an endpoint that opens no connection does not take the time of the others', async () => {
  const sockets = new Sockets()
  sockets.onConnect = peer => {
    if (peer.endpoint === 'http://b.example:1') peer.open()
  }
  const { kv } = sockets.client(noHttp(), { timeoutMs: 2_000 }, ['a.example:1', 'b.example:1'])
  const asked = kv.put('x', 1)
  await vi.advanceTimersByTimeAsync(1_000)
  const [call] = await sockets.sent(1, 1)
  sockets.peers[1]?.answer(call.id, { rev: 1, header: HEADER })
  expect(await asked).toMatchObject({ rev: 1 })
  expect(sockets.peers[0]).toMatchObject({ isClosed: true, sent: [] })
})

test('where WebSockets cannot be had, calls go over HTTP, and for a while only so', async () => {
  const sockets = new Sockets()
  sockets.onConnect = peer => peer.end('Unexpected server response: 400')
  const played = new Played(() => ok({ kv: null }))
  const { kv } = sockets.client(played)
  await kv.get('x')
  await kv.get('y')
  expect([sockets.peers.length, played.calls.length]).toEqual([1, 2])
  await vi.advanceTimersByTimeAsync(30_000)
  await kv.get('z')
  expect([sockets.peers.length, played.calls.length]).toEqual([2, 3])
})

test('large calls go over HTTP: no small one waits behind them', async () => {
  const sockets = new Sockets()
  const played = new Played(() => ok({ rev: 1 }))
  await sockets.client(played).kv.put('x', 'v'.repeat(300_000))
  expect([sockets.peers.length, played.calls.length]).toEqual([0, 1])
})

test('a daemon that says nothing at all is left for all calls; one that answers others is not', async () => {
  const sockets = new Sockets()
  const { kv } = sockets.client(noHttp(), { timeoutMs: 5_000 })
  const slow = failure(kv.put('slow', 1, { timeoutMs: 1_000 }))
  const quick = kv.get('quick')
  const [, call] = await sockets.sent(0, 2)
  await vi.advanceTimersByTimeAsync(500)
  sockets.peers[0]?.answer(call.id, { kv: null, header: HEADER })
  await quick
  await vi.advanceTimersByTimeAsync(800)
  expect(await slow).toMatchObject({ name: 'TIMEOUT', outcome: 'unknown' })
  expect(sockets.peers[0]?.isClosed).toBe(false)
  const [alone, beside] = [
    failure(kv.put('x', 1, { timeoutMs: 1_000 })),
    failure(kv.put('y', 1, { timeoutMs: 4_000 })),
  ]
  await vi.advanceTimersByTimeAsync(1_300)
  expect(await alone).toMatchObject({ name: 'TIMEOUT', outcome: 'unknown' })
  expect(await beside).toMatchObject({ name: 'CONNECTION_LOST', outcome: 'unknown' })
  expect(sockets.peers[0]?.isClosed).toBe(true)
})

test('an idle connection does not keep the process running, a busy one does', async () => {
  const sockets = new Sockets()
  const { kv } = sockets.client(noHttp())
  for (let i = 1; i <= 2; i++) {
    const asked = kv.get('x')
    const call = (await sockets.sent(0, i)).at(-1)
    expect(sockets.peers[0]?.isBusy).toBe(true)
    sockets.peers[0]?.answer(call.id, { kv: null, header: HEADER })
    await asked
    expect(sockets.peers[0]?.isBusy).toBe(false)
  }
})

test('an aborted call leaves the connection to the others; its late answer is nobody’s', async () => {
  const sockets = new Sockets()
  const { kv } = sockets.client(noHttp())
  const stop = new AbortController()
  const [ended, other] = [failure(kv.put('x', 1, { signal: stop.signal })), kv.put('y', 1)]
  const [first, second] = await sockets.sent(0, 2)
  stop.abort()
  expect(await ended).toMatchObject({ name: 'ABORTED', outcome: 'unknown' })
  sockets.peers[0]?.answer(first.id, { rev: 1, header: HEADER })
  sockets.peers[0]?.answer(second.id, { rev: 2, header: HEADER })
  expect(await other).toMatchObject({ rev: 2 })
})

test('closing ends what is under way, and says what may have become of it', async () => {
  const sockets = new Sockets()
  const client = sockets.client(noHttp())
  const write = failure(client.kv.put('x', 1))
  await sockets.sent(0, 1)
  await client.close()
  await settled()
  expect(await write).toMatchObject({ name: 'CLOSED', outcome: 'unknown' })
  expect(sockets.peers[0]?.isClosed).toBe(true)
})

test('the time that a WebSocket took to fail is gone for the call over HTTP', async () => {
  const sockets = new Sockets()
  sockets.onConnect = peer => void setTimeout(() => peer.end('refused'), 800)
  const client = sockets.client(new Played(() => 'silent'), { timeoutMs: 1_000 })
  const write = failure(client.kv.put('x', 1))
  await vi.advanceTimersByTimeAsync(1_500)
  expect(await write).toMatchObject({ name: 'TIMEOUT', outcome: 'unknown' })
})
