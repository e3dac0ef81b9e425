/**
 * The table of what is repeated (docs/client.md), a test for each row: what is called, what happens to the first
 * sending, and whether there is a second.
 */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { ViewstampError } from '../../src/client/error.ts'
import { backoffMs } from '../../src/client/retry.ts'
import { type Call, ok, Played, type Reply } from './played.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

type Kind = 'read' | 'plain write' | 'write in a session' | 'write with a number of its own'

const refusal = (error: string, outcome: string, retryable = true): Reply => ({
  error,
  data: { retryable, outcome },
})

/** kind, first sending, sent again?, outcome if it is not. */
const TABLE: readonly (readonly [Kind, string, Reply, boolean, string?])[] = [
  ['read', 'no connection', 'refused', true],
  ['read', 'connection lost', 'lost', true],
  ['read', 'no answer in time', 'late', true],
  ['read', 'VIEW_CHANGE', refusal('VIEW_CHANGE', 'none'), true],
  ['read', 'NO_QUORUM, unknown', refusal('NO_QUORUM', 'unknown'), true],
  ['read', 'INTERNAL', refusal('INTERNAL', 'unknown', false), false, 'none'],
  ['read', 'INVALID_PARAMS', refusal('INVALID_PARAMS', 'none', false), false, 'none'],
  ['plain write', 'no connection', 'refused', true],
  ['plain write', 'VIEW_CHANGE', refusal('VIEW_CHANGE', 'none'), true],
  ['plain write', 'NOT_READY', refusal('NOT_READY', 'none'), true],
  ['plain write', 'OVERLOADED', refusal('OVERLOADED', 'none'), true],
  ['plain write', 'NO_QUORUM, none', refusal('NO_QUORUM', 'none'), true],
  ['plain write', 'NO_QUORUM, unknown', refusal('NO_QUORUM', 'unknown'), false, 'unknown'],
  ['plain write', 'connection lost', 'lost', false, 'unknown'],
  ['plain write', 'no answer in time', 'late', false, 'unknown'],
  ['plain write', 'TIMEOUT', refusal('TIMEOUT', 'unknown'), false, 'unknown'],
  ['plain write', 'COMPARE_FAILED', refusal('COMPARE_FAILED', 'none', false), false, 'none'],
  ['plain write', 'READ_ONLY', refusal('READ_ONLY', 'none', false), false, 'none'],
  ['write in a session', 'no connection', 'refused', true],
  ['write in a session', 'connection lost', 'lost', true],
  ['write in a session', 'no answer in time', 'late', true],
  ['write in a session', 'TIMEOUT', refusal('TIMEOUT', 'unknown'), true],
  ['write in a session', 'NO_QUORUM, unknown', refusal('NO_QUORUM', 'unknown'), true],
  ['write in a session', 'COMPARE_FAILED', refusal('COMPARE_FAILED', 'none', false), false, 'none'],
  [
    'write in a session',
    'SESSION_EVICTED',
    refusal('SESSION_EVICTED', 'unknown', false),
    false,
    'unknown',
  ],
  [
    'write in a session',
    'its answer not kept',
    refusal('SESSION_EVICTED', 'applied', false),
    false,
    'applied',
  ],
  ['write with a number of its own', 'connection lost', 'lost', true],
]

const ROWS = TABLE.map(row => [`${row[0]}, ${row[1]}`, row] as const)

test.each(ROWS)('%s', async (_, [kind, , first, again, outcome]) => {
  const isSession = (call: Call): boolean => call.method === 'session.open'
  const played: Played = new Played(call => {
    if (isSession(call)) return ok({ session: 's@1', nextSeq: 1 })
    return played.calls.filter(each => !isSession(each)).length === 1
      ? first
      : ok({ rev: 1, kv: null })
  })
  const client = played.client({ session: kind === 'write in a session' }, [
    'a.example:1',
    'b.example:1',
  ])
  const own = kind === 'write with a number of its own' ? { session: 'mine@3', seq: 7 } : {}
  const asked = kind === 'read' ? client.kv.get('x') : client.kv.put('x', 1, own)
  const ended = asked.catch((error: unknown) => error)
  await vi.runAllTimersAsync()
  const end = await ended
  const sent = played.calls.filter(each => !isSession(each))
  expect(sent).toHaveLength(again ? 2 : 1)
  if (again) {
    expect(end).not.toBeInstanceOf(Error)
    expect(sent[1]?.endpoint).not.toBe(sent[0]?.endpoint)
    const number = ({ params }: Call) => [params.meta.session, params.meta.seq]
    expect(number(sent[1] as Call)).toEqual(number(sent[0] as Call))
  } else expect(end).toMatchObject({ outcome })
})

test('what the machine says of a repeat is the answer to the first sending, too', async () => {
  const played = new Played(({ method }, n) =>
    method === 'session.open'
      ? ok({ session: 's@1' })
      : n === 2
        ? 'lost'
        : { error: 'COMPARE_FAILED', code: 1001 },
  )
  const end = played
    .client()
    .kv.put('x', 1, { ifRev: 3 })
    .catch((error: unknown) => error)
  await vi.runAllTimersAsync()
  expect(await end).toMatchObject({ name: 'COMPARE_FAILED', outcome: 'none' })
})

test('what a node says of a repeat is not: the first sending may have been executed', async () => {
  const played = new Played(({ method }, n) =>
    method === 'session.open'
      ? ok({ session: 's@1' })
      : n === 2
        ? 'lost'
        : { error: 'READ_ONLY', code: -32011 },
  )
  const end = played
    .client()
    .kv.put('x', 1)
    .catch((error: unknown) => error)
  await vi.runAllTimersAsync()
  expect(await end).toMatchObject({ name: 'READ_ONLY', outcome: 'unknown' })
})

test('every endpoint is tried before there is a pause; pauses grow, by chance a half shorter', async () => {
  const times: number[] = []
  const played = new Played(() => {
    times.push(Date.now())
    return 'refused'
  })
  const start = Date.now()
  const end = played
    .client({ timeoutMs: 3_000 }, ['a.example:1', 'b.example:1', 'c.example:1'])
    .kv.get('x')
    .catch(e => e)
  await vi.runAllTimersAsync()
  expect(await end).toMatchObject({ name: 'UNREACHABLE', outcome: 'none' })
  expect(played.calls.slice(0, 4).map(({ endpoint }) => endpoint.slice(7))).toEqual([
    'a.example:1',
    'b.example:1',
    'c.example:1',
    'a.example:1',
  ])
  expect(times.slice(0, 3)).toEqual([start, start, start])
  expect(times.length).toBeGreaterThan(6)
  expect(Math.max(...times) - start).toBeLessThan(3_000)
  expect([0, 1, 2, 20].map(round => backoffMs(round, () => 1))).toEqual([20, 40, 80, 500])
  expect([0, 1, 2, 20].map(round => backoffMs(round, () => 0))).toEqual([10, 20, 40, 250])
})

test('a daemon that says when to come back is not asked before', async () => {
  const times: number[] = []
  const played = new Played((_, n) => {
    times.push(Date.now())
    const data = { retryable: true, outcome: 'none', retryAfterMs: 400 }
    return n === 1 ? { error: 'OVERLOADED', data } : ok({ kv: null })
  })
  const end = played.client().kv.get('x')
  await vi.runAllTimersAsync()
  await end
  const [first = 0, second = 0] = times
  expect(second - first).toBeGreaterThanOrEqual(400)
})

test('a node that wants a pause holds up no call that others may answer', async () => {
  const played = new Played(({ endpoint }) => {
    const data = { retryable: true, outcome: 'none', retryAfterMs: 60_000 }
    return endpoint === 'http://a.example:1' ? { error: 'OVERLOADED', data } : ok({ kv: null })
  })
  await played.client({}, ['a.example:1', 'b.example:1']).kv.get('x')
  expect(played.calls.map(({ endpoint }) => endpoint)).toEqual([
    'http://a.example:1',
    'http://b.example:1',
  ])
})

test('failFast: no endpoint reachable is told at once', async () => {
  const played = new Played(() => 'refused')
  const asked = played.client({ failFast: true }, ['a.example:1', 'b.example:1']).kv.get('x')
  await expect(asked).rejects.toMatchObject({ name: 'UNREACHABLE' })
  expect(played.calls).toHaveLength(2)
})

test('every failed attempt is told to who wants to know', async () => {
  const told: string[] = []
  const played = new Played((_, n) => (n === 1 ? 'lost' : ok({ kv: null })))
  const onRetry = (endpoint: string, error: ViewstampError) =>
    void told.push(`${endpoint} ${error.name} ${error.outcome}`)
  const asked = played.client({ onRetry }).kv.get('x')
  await vi.runAllTimersAsync()
  await asked
  expect(told).toEqual(['http://a.example:1 CONNECTION_LOST none'])
})
