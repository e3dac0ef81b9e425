/** A signal, close(), the time of a call: each ends it wherever the client waits, and nothing goes on behind. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { connect } from '../../src/client/client.ts'
import { httpTransport } from '../../src/client/http-transport.ts'
import { failure, HEADER, ok, Played, type Reply } from './played.ts'
import { Sockets } from './sockets.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const settled = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0)
const noHttp = () => new Played(() => 'refused')
const event = (rev: number) => ({ kind: 'kv', rev, result: { changes: [{ key: 'x', rev }] } })

/** Accepts every watch and sends so many events at once. */
function flowing(events: number): Sockets {
  const sockets = new Sockets()
  sockets.onConnect = peer => {
    peer.open()
    if (peer.isClosed) return
    peer.answer(1, { subscription: 's1', startRev: 1, header: HEADER })
    for (let n = 1; n <= events; n++) peer.event(n, event(n))
  }
  return sockets
}

test.each(['signal', 'close'])('%s while a watch connects ends it', async how => {
  const sockets = flowing(1)
  const client = sockets.client(noHttp())
  const stop = new AbortController()
  const watch = client.kv.watch('x', { signal: stop.signal })
  const next = watch.next()
  if (how === 'signal') stop.abort()
  else await client.close()
  await settled()
  expect(await next).toEqual({ done: true, value: undefined })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(sockets.peers.every(({ isClosed }) => isClosed)).toBe(true)
})

test('behind its signal a watch gives nothing more, also of what has come already', async () => {
  const stop = new AbortController()
  const revs: number[] = []
  for await (const { rev } of flowing(10).client(noHttp()).kv.watch('x', { signal: stop.signal })) {
    revs.push(rev)
    if (rev === 2) stop.abort()
  }
  expect(revs).toEqual([1, 2])
})

test('one signal for many calls and watches: one listener, and none afterwards', async () => {
  const { signal } = new AbortController()
  const [added, removed] = [
    vi.spyOn(signal, 'addEventListener'),
    vi.spyOn(signal, 'removeEventListener'),
  ]
  const release: (() => void)[] = []
  const played = new Played(() => new Promise(done => release.push(() => done(ok({ kv: null })))))
  const client = played.client({ maxInFlight: 30 })
  const calls = Array.from({ length: 40 }, () => client.kv.get('x', { signal }))
  await settled()
  expect(added).toHaveBeenCalledTimes(1)
  for (; release.length > 0; await settled()) for (const go of release.splice(0)) go()
  await Promise.all(calls)
  expect(removed.mock.calls.length).toBe(added.mock.calls.length)
})

test('close() ends what is under way over HTTP', async () => {
  const client = new Played(() => 'silent').client({ session: false, timeoutMs: 600_000 })
  const [write, read] = [failure(client.kv.put('x', 1)), failure(client.kv.get('x'))]
  await settled()
  await client.close()
  expect(await write).toMatchObject({ name: 'CLOSED', outcome: 'unknown' })
  expect(await read).toMatchObject({ name: 'CLOSED', outcome: 'none' })
})

test('close() ends a watch that polls, and a consumer, quietly', async () => {
  const sockets = new Sockets()
  sockets.onConnect = peer => peer.end('refused')
  const client = sockets.client(new Played(() => 'silent'))
  const all = async (iteration: AsyncIterable<unknown>): Promise<string> => {
    for await (const _ of iteration) return 'an item'
    return 'ended'
  }
  const ended = [
    all(client.kv.watch('x')),
    all(client.group.consume('f', 'g', { member: 'm' })),
  ].map(failure)
  await vi.advanceTimersByTimeAsync(1_000)
  await client.close()
  expect(await Promise.all(ended)).toEqual(['no error', 'no error'])
})

test('a client that is being closed takes no more calls', async () => {
  const played = new Played(({ method }) =>
    method === 'session.open' ? ok({ session: 's@1' }) : method === 'kv.put' ? ok() : 'silent',
  )
  const client = played.client()
  await client.kv.put('x', 1)
  const closed = client.close()
  expect(await failure(client.kv.put('x', 2))).toMatchObject({ name: 'CLOSED', outcome: 'none' })
  await vi.advanceTimersByTimeAsync(2_000)
  await closed
  expect(played.methods.filter(name => name === 'kv.put')).toHaveLength(1)
})

test('a write whose session comes when the client is closed is not left waiting', async () => {
  let opened: (reply: Reply) => void = () => {}
  const { transport } = new Played(
    () =>
      new Promise(done => {
        opened = done
      }),
  )
  const client = connect('a.example:1', { transport, timeoutMs: 60_000 })
  const write = failure(client.kv.put('x', 1))
  await settled()
  await client.close()
  opened(ok({ session: 's@1' }))
  await settled()
  expect(await write).toMatchObject({ name: 'CLOSED', outcome: 'none' })
})

test('a session read that asks how many shards there are keeps to its own signal and time', async () => {
  const client = new Played(() => 'silent').client({ consistency: 'session', timeoutMs: 60_000 })
  const stop = new AbortController()
  const read = failure(client.kv.get('x', { signal: stop.signal }))
  const late = failure(client.kv.get('x', { timeoutMs: 100 }))
  await vi.advanceTimersByTimeAsync(100)
  expect(await late).toMatchObject({ name: 'TIMEOUT', outcome: 'none' })
  stop.abort()
  expect(await read).toMatchObject({ name: 'ABORTED', outcome: 'none' })
})

test('a call has the time it was given, also where its session is opened first', async () => {
  let tries = 0
  const played = new Played(({ method }) => {
    if (method !== 'session.open') return ok({ rev: 1 })
    return ++tries < 20 ? 'refused' : ok({ session: 's@1' })
  })
  const { kv } = played.client({ timeoutMs: 1_000 })
  const [short, long] = [failure(kv.put('x', 1)), failure(kv.put('y', 1, { timeoutMs: 60_000 }))]
  await vi.advanceTimersByTimeAsync(30_000)
  expect(await short).toMatchObject({ name: 'UNREACHABLE', outcome: 'none' })
  expect(await long).toBe('no error')
})

test.each([Number.POSITIVE_INFINITY, 2 ** 40])(
  'a time of %s ms is a long time',
  async timeoutMs => {
    const sockets = new Sockets()
    const read = failure(sockets.client(noHttp()).kv.get('x', { timeoutMs }))
    const [{ id }] = await sockets.sent(0, 1)
    await vi.advanceTimersByTimeAsync(3_600_000)
    sockets.peers[0]?.answer(id, { kv: null, header: HEADER })
    expect(await read).toBe('no error')
  },
)

test.each([Number.NaN, -1, '5s'])('a time of %s is a mistake of the program', async timeoutMs => {
  const client = new Played(() => ok()).client()
  const read = failure(client.kv.get('x', { timeoutMs: timeoutMs as number }))
  expect(await read).toMatchObject({ name: 'TypeError' })
})

test.each([-3_600_000, 3_600_000])('a clock that jumps by %s ms changes no time', async jump => {
  let reply: Reply = 'lost'
  const played = new Played(() => reply)
  const read = failure(played.client({ timeoutMs: 5_000 }).kv.get('x'))
  const never = new Played(() => 'silent').client({ maxInFlight: 1, timeoutMs: 5_000 })
  const late = [never.kv.get('x'), never.kv.get('y')].map(failure)
  await vi.advanceTimersByTimeAsync(2_000)
  vi.setSystemTime(Date.now() + jump)
  await vi.advanceTimersByTimeAsync(2_000)
  reply = ok({ kv: null })
  await vi.advanceTimersByTimeAsync(1_500)
  expect(await read).toBe('no error')
  expect(await Promise.all(late)).toMatchObject([{ name: 'TIMEOUT' }, { name: 'TIMEOUT' }])
})

test('over node:http, what its signal ends before it is sent was not done', async () => {
  vi.useRealTimers()
  let asked = 0
  const server = createServer((_, response) => {
    asked++
    response.end()
  }).listen(0, '127.0.0.1')
  await new Promise(done => server.once('listening', done))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const how = { endpoint, body: '{}', headers: {}, timeoutMs: 1_000, signal: AbortSignal.abort() }
  expect(await failure(httpTransport()(how))).toMatchObject({ name: 'ABORTED', outcome: 'none' })
  expect(asked).toBe(0)
  await new Promise(done => server.close(done))
})
