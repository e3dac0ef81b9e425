/** The session of a client: one for all its writes, a number for each, within the window that the cluster keeps. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { WINDOW } from '../../src/client/write-session.ts'
import { failure, ok, Played, type Reply } from './played.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const settled = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0)

/** Opens sessions s@1, s@2 …; writes wait until the test answers them. */
function held() {
  const open = new Map<number, (reply: Reply) => void>()
  let sessions = 0
  const played = new Played(({ method, params }) => {
    if (method === 'session.open') return ok({ session: `s@${++sessions}`, nextSeq: 1 })
    if (method === 'session.close') return ok()
    return new Promise(resolve => {
      // Reads have no number.
      open.set(params.meta.seq ?? 0, resolve)
    })
  })
  const answer = async (seq: number, reply: Reply = ok({ rev: seq })): Promise<void> => {
    open.get(seq)?.(reply)
    open.delete(seq)
    await settled()
  }
  return { played, open, answer }
}

test('parallel writes share one session, have a number each, and stay within its window', async () => {
  const { played, open, answer } = held()
  const { kv } = played.client()
  const writes = Array.from({ length: WINDOW + 44 }, (_, i) => kv.put(`k${i}`, i))
  await settled()
  expect(played.methods.filter(name => name === 'session.open')).toHaveLength(1)
  expect([...open.keys()]).toEqual(Array.from({ length: WINDOW }, (_, i) => i + 1))
  // Answers kept for numbers within the window of the highest: while the first waits, none is beyond it.
  for (let seq = 2; seq <= 100; seq++) await answer(seq)
  expect(Math.max(...open.keys())).toBe(WINDOW)
  await answer(1)
  expect(Math.max(...open.keys())).toBe(WINDOW + 44)
  while (open.size > 0) for (const seq of open.keys()) await answer(seq)
  expect((await Promise.all(writes)).map(({ rev }) => rev)).toEqual(writes.map((_, i) => i + 1))
  const sent = played.calls.filter(({ method }) => method === 'kv.put')
  expect(new Set(sent.map(({ params: { meta } }) => `${meta.session} ${meta.seq}`)).size).toBe(300)
})

test('writes that wait for the window do not hold up reads', async () => {
  const { played, open, answer } = held()
  const { kv } = played.client({ maxInFlight: WINDOW + 1 })
  const writes = Array.from({ length: 2 * WINDOW }, () => kv.put('x', 1))
  await settled()
  const read = kv.get('x')
  await settled()
  expect(played.methods.at(-1)).toBe('kv.get')
  await answer(0, ok({ kv: null }))
  await read
  while (open.size > 0) for (const seq of [...open.keys()]) await answer(seq)
  await Promise.all(writes)
})

test('reads and calls that change no keys need no session', async () => {
  const played = new Played(() => ok({ kv: null }))
  const client = played.client()
  await client.kv.get('x')
  await client.cluster.status()
  expect(played.methods).toEqual(['kv.get', 'cluster.status'])
})

test('a session that the cluster has forgotten is given up, and the write before it is unknown', async () => {
  const { played, answer } = held()
  const { kv } = played.client()
  const first = failure(kv.put('x', 1))
  await settled()
  await answer(1, { error: 'SESSION_EVICTED', data: { outcome: 'unknown' } })
  expect(await first).toMatchObject({ name: 'SESSION_EVICTED', outcome: 'unknown' })
  const second = kv.put('x', 2)
  await settled()
  expect(played.calls.at(-1)?.params.meta).toMatchObject({ session: 's@2', seq: 1 })
  await answer(1)
  await second
})

test('writes that wait for its window when it is lost go into the next one: they were not sent', async () => {
  const { played, open, answer } = held()
  const { kv } = played.client()
  const writes = Array.from({ length: WINDOW + 1 }, (_, i) => failure(kv.put(`k${i}`, i)))
  await settled()
  const evicted: Reply = { error: 'SESSION_EVICTED', data: { outcome: 'unknown' } }
  await answer(1, evicted)
  expect(played.calls.at(-1)?.params.meta).toMatchObject({ session: 's@2', seq: 1 })
  for (const seq of [...open.keys()]) await answer(seq, seq === 1 ? ok({ rev: 1 }) : evicted)
  const ends = await Promise.all(writes)
  expect(ends.slice(0, WINDOW)).toEqual(
    ends.slice(0, WINDOW).map(() => expect.objectContaining({ outcome: 'unknown' })),
  )
  expect(ends.at(-1)).toBe('no error')
})

test('after half of its life without a write another one is opened', async () => {
  const { played, answer } = held()
  const { kv } = played.client({ session: { ttlMs: 10_000 } })
  const put = async (): Promise<string> => {
    const write = kv.put('x', 1)
    await settled()
    const { session, seq } = played.calls.at(-1)?.params.meta ?? {}
    await answer(seq)
    await write
    return `${session} ${seq}`
  }
  expect(await put()).toBe('s@1 1')
  await vi.advanceTimersByTimeAsync(4_999)
  expect(await put()).toBe('s@1 2')
  await vi.advanceTimersByTimeAsync(5_000)
  expect(await put()).toBe('s@2 1')
  expect(played.calls[0]?.params.ttlMs).toBe(10_000)
})

test('where no session can be opened, nothing was written', async () => {
  const played = new Played(() => 'lost')
  const write = failure(played.client({ timeoutMs: 200 }).kv.put('x', 1))
  await vi.advanceTimersByTimeAsync(300)
  expect(await write).toMatchObject({ outcome: 'none' })
  expect(new Set(played.methods)).toEqual(new Set(['session.open']))
})

test('a signal ends the wait for a session, for that call alone', async () => {
  let opened: (reply: Reply) => void = () => {}
  const played = new Played(({ method }) =>
    method === 'session.open'
      ? new Promise<Reply>(resolve => {
          opened = resolve
        })
      : ok({ rev: 1 }),
  )
  const { kv } = played.client()
  const stop = new AbortController()
  const [ended, other] = [failure(kv.put('x', 1, { signal: stop.signal })), kv.put('y', 1)]
  await settled()
  stop.abort()
  expect(await ended).toMatchObject({ name: 'ABORTED', outcome: 'none' })
  opened(ok({ session: 's@1' }))
  await settled()
  expect(await other).toMatchObject({ rev: 1 })
  expect(played.methods).toEqual(['session.open', 'kv.put'])
})

test('a number is not used again, also when its call was given up', async () => {
  const { played, open, answer } = held()
  const { kv } = played.client()
  const stop = new AbortController()
  const given = kv.put('x', 1)
  await settled()
  stop.abort()
  expect(await failure(kv.put('y', 1, { signal: stop.signal }))).toMatchObject({ outcome: 'none' })
  const next = kv.put('z', 1)
  await settled()
  expect(new Set(open.keys()).size).toBe(open.size)
  for (const seq of open.keys()) await answer(seq)
  await Promise.all([given, next])
})

test('closing the client closes its session', async () => {
  const { played, answer } = held()
  const client = played.client()
  const write = client.kv.put('x', 1)
  await settled()
  await answer(1)
  await write
  await Promise.all([client.close(), client.close()])
  expect(played.calls.at(-1)).toMatchObject({ method: 'session.close', params: { session: 's@1' } })
  expect(played.methods.filter(name => name === 'session.close')).toHaveLength(1)
})
