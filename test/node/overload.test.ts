/** The calls of a node that wait: how many are let in, and what those are told who are not. */
import { expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { ViewstampError } from '../../src/base/errors.ts'
import { fingerprint } from '../../src/base/fingerprint.ts'
import { Callers } from '../../src/node/callers.ts'
import type { Command } from '../../src/vr/entry.ts'
import { clientId, opNumber, requestNumber, revOf, viewNumber } from '../../src/vr/terms.ts'

const command = (n: number): Command => ({
  kind: 'operation',
  clientId: clientId('c'),
  requestNumber: requestNumber(n),
  ackedNumber: requestNumber(0),
  meta: '',
  operation: utf8('x'),
})
const ANSWER = {
  type: 'executed' as const,
  opNumber: opNumber(1),
  viewNumber: viewNumber(0),
  rev: revOf(1),
  lamport: 2,
  timeMs: 0,
  result: utf8('{}'),
}

function answered(callers: Callers, n: number): void {
  const { clientId, requestNumber, operation } = command(n)
  const about = { clientId, requestNumber, fingerprint: fingerprint(operation) }
  callers.answered({ type: 'answer', ...about, answer: ANSWER })
}

function setUp() {
  const now = { ms: 0, reachable: true }
  const sent: number[] = []
  const callers = new Callers({
    submit: ({ requestNumber: n }) => void sent.push(n),
    reachable: () => now.reachable,
    nowMs: () => now.ms,
  })
  let next = 1
  /** So many calls, of which none is answered; rejections are kept. */
  const call = (count: number): Promise<unknown>[] =>
    Array.from({ length: count }, () =>
      callers.call(command(next++), 60_000).catch((error: unknown) => error),
    )
  return { now, sent, callers, call }
}

test('a queue of more than a second is not made longer; what is refused was not sent', async () => {
  const { now, sent, callers, call } = setUp()
  call(5000)
  now.ms = 1_000
  call(1)
  expect(callers.size).toBe(5001)
  now.ms = 1_001
  const [refused] = call(1)
  expect(await refused).toMatchObject({
    errorName: 'OVERLOADED',
    outcome: 'none',
    details: { retryAfterMs: 200 },
  })
  expect(sent).toHaveLength(5001)
})

test('when the oldest have their answer, more are let in', () => {
  const { now, callers, call } = setUp()
  call(5000)
  now.ms = 900
  call(5000)
  now.ms = 1_500
  for (let n = 1; n <= 5000; n++) answered(callers, n)
  call(1)
  expect(callers.size).toBe(5001)
})

test('what takes long is not sent again before three times as long as the last answer took', () => {
  const { now, sent, callers, call } = setUp()
  const pass = (ms: number): void => {
    now.ms += ms
    callers.tick()
  }
  call(1)
  pass(900)
  answered(callers, 1)
  call(1)
  pass(2_699)
  expect(sent).toEqual([1, 2])
  pass(1)
  expect(sent).toEqual([1, 2, 2])
  // An answer to one of two sendings says nothing; one in no time, that all is well again.
  answered(callers, 2)
  call(1)
  pass(2_700)
  expect(sent).toEqual([1, 2, 2, 3, 3])
  call(1)
  answered(callers, 4)
  pass(1_000)
  expect(sent).toEqual([1, 2, 2, 3, 3, 4, 3])
})

test('few may wait as long as they like, and any number while there is no primary', () => {
  const { now, callers, call } = setUp()
  call(4095)
  now.ms = 5_000
  call(1)
  expect(callers.size).toBe(4096)
  now.reachable = false
  call(400)
  expect(callers.size).toBe(4496)
})

test('there is an end to it', async () => {
  const { now, callers, call } = setUp()
  now.reachable = false
  call(65_536)
  const [refused] = call(1)
  expect(await refused).toMatchObject({ errorName: 'OVERLOADED', details: { limit: 65_536 } })
  callers.stop(new ViewstampError('SHUTTING_DOWN', 'stops'))
  expect(callers.size).toBe(0)
})
