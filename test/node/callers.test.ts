/** Calls that wait for the log: what a client gets that uses one request-number for two operations. */
import { expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { fingerprint } from '../../src/base/fingerprint.ts'
import { Callers } from '../../src/node/callers.ts'
import type { Executed } from '../../src/vr/effect.ts'
import { type Command, makeEntry } from '../../src/vr/entry.ts'
import type { ReplyAnswer } from '../../src/vr/message.ts'
import {
  checksumOf,
  clientId,
  epochNumber,
  opNumber,
  requestNumber,
  revOf,
  viewNumber,
} from '../../src/vr/terms.ts'

function setUp() {
  const submitted: Command[] = []
  const ports = {
    submit: (command: Command) => void submitted.push(command),
    reachable: () => true,
    nowMs: () => 0,
  }
  return { submitted, callers: new Callers(ports) }
}

const command = (line: string): Command => ({
  kind: 'operation',
  clientId: clientId('s@1'),
  requestNumber: requestNumber(7),
  ackedNumber: requestNumber(0),
  meta: '',
  operation: utf8(line),
})

const DONE: Extract<ReplyAnswer, { type: 'executed' }> = {
  type: 'executed',
  opNumber: opNumber(3),
  viewNumber: viewNumber(0),
  rev: revOf(2),
  lamport: 5,
  timeMs: 1,
  result: utf8('done'),
}

function executed(line: string, answer: ReplyAnswer): Executed {
  const entry = makeEntry({
    shard: 0,
    epochNumber: epochNumber(0),
    viewNumber: viewNumber(0),
    opNumber: opNumber(3),
    parent: checksumOf('00'.repeat(16)),
    timeMs: 1,
    revBefore: revOf(1),
    lamport: 4,
    commitNumber: opNumber(2),
    commands: [command(line)],
  })
  return { type: 'executed', entry, answers: [answer], changes: [] }
}

const told = (line: string, answer: ReplyAnswer) => ({
  type: 'answer' as const,
  clientId: clientId('s@1'),
  requestNumber: requestNumber(7),
  fingerprint: fingerprint(utf8(line)),
  answer,
})

test('the same call twice is sent once, and both get the answer', async () => {
  const { callers, submitted } = setUp()
  const both = [callers.call(command('put x 1'), 1000), callers.call(command('put x 1'), 1000)]
  callers.executed(executed('put x 1', DONE))
  expect(await Promise.all(both)).toEqual([
    { answer: DONE, tries: 1 },
    { answer: DONE, tries: 1 },
  ])
  expect(submitted).toHaveLength(1)
})

test('another operation under a number that waits is not sent, and does not get its answer', async () => {
  const { callers, submitted } = setUp()
  const first = callers.call(command('put x 1'), 1000)
  await expect(callers.call(command('put x 2'), 1000)).rejects.toMatchObject({
    errorName: 'SEQ_REUSED',
    outcome: 'none',
    details: { path: 'meta.seq' },
  })
  callers.executed(executed('put x 1', DONE))
  expect(await first).toMatchObject({ answer: DONE })
  expect(submitted).toHaveLength(1)
})

test('what became of another operation under the number, from another node, is not its answer', async () => {
  const { callers } = setUp()
  const call = callers.call(command('put x 2'), 1000)
  callers.executed(executed('put x 1', DONE))
  callers.answered(told('put x 1', DONE))
  callers.answered(told('put x 1', { type: 'refused', reason: 'overloaded' }))
  expect(callers.size).toBe(1)
  callers.answered(told('put x 2', { type: 'reused' }))
  expect(await call).toEqual({ answer: { type: 'reused' }, tries: 1 })
})

test('refused because another operation has the number: nothing was written', async () => {
  const { callers } = setUp()
  const call = callers.call(command('put x 2'), 1000)
  callers.answered(told('put x 2', { type: 'refused', reason: 'number-in-use' }))
  await expect(call).rejects.toMatchObject({ errorName: 'SEQ_REUSED', outcome: 'none' })
})
