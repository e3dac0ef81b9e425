/** What a caller is told of its write is true: «not done» only of what was certainly not done. */
import { expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { ViewstampError } from '../../src/base/errors.ts'
import { fingerprint } from '../../src/base/fingerprint.ts'
import { Callers } from '../../src/node/callers.ts'
import type { Command } from '../../src/vr/entry.ts'
import type { ReplyAnswer } from '../../src/vr/message.ts'
import { clientId, opNumber, requestNumber, revOf, viewNumber } from '../../src/vr/terms.ts'

const command: Command = {
  kind: 'operation',
  clientId: clientId('c@1'),
  requestNumber: requestNumber(1),
  ackedNumber: requestNumber(0),
  meta: '',
  operation: utf8('put x 1'),
}
const executed = {
  type: 'executed',
  opNumber: opNumber(2),
  viewNumber: viewNumber(0),
  rev: revOf(1),
  lamport: 2,
  timeMs: 0,
  result: utf8('ok'),
} as const
const refused = (reason: 'view-change' | 'overloaded') => ({ type: 'refused', reason }) as const

/** Of our command, by its number and what it is. */
const told = (answer: ReplyAnswer) => ({
  type: 'answer' as const,
  clientId: command.clientId,
  requestNumber: command.requestNumber,
  fingerprint: fingerprint(command.operation),
  answer,
})

function waiting(reachable: boolean) {
  const world = { nowMs: 0, reachable, sent: 0 }
  const callers = new Callers({
    submit: () => {
      world.sent++
    },
    reachable: () => world.reachable,
    nowMs: () => world.nowMs,
  })
  const call = callers.call(command, 1000)
  const pass = (ms: number): void => {
    world.nowMs += ms
    callers.tick()
  }
  return { world, callers, call, pass }
}

test('sent and not answered in time: nobody knows', async () => {
  const { call, pass } = waiting(true)
  pass(1000)
  await expect(call).rejects.toMatchObject({ errorName: 'TIMEOUT', outcome: 'unknown' })
})

test('never sent: not done', async () => {
  const { world, call, pass } = waiting(false)
  pass(1000)
  await expect(call).rejects.toMatchObject({ errorName: 'NO_QUORUM', outcome: 'none' })
  expect(world.sent).toBe(0)
})

test('every sending was refused: not done', async () => {
  const { callers, world, call, pass } = waiting(true)
  callers.answered(told(refused('view-change')))
  world.reachable = false
  pass(1000)
  await expect(call).rejects.toMatchObject({ outcome: 'none' })
})

test('one of two sendings was refused: nobody knows', async () => {
  const { callers, call, pass } = waiting(true)
  callers.viewStarted()
  callers.answered(told(refused('overloaded')))
  pass(1000)
  await expect(call).rejects.toMatchObject({ errorName: 'TIMEOUT', outcome: 'unknown' })
})

const stopping = new ViewstampError('SHUTTING_DOWN', 'this node is shutting down: ask another')

test('the node stops: what was sent is unknown, what was not is not done', async () => {
  const sent = waiting(true)
  sent.callers.stop(stopping)
  await expect(sent.call).rejects.toMatchObject({ errorName: 'SHUTTING_DOWN', outcome: 'unknown' })
  const kept = waiting(false)
  kept.callers.stop(stopping)
  await expect(kept.call).rejects.toMatchObject({ errorName: 'SHUTTING_DOWN', outcome: 'none' })
})

test('an answer tells how often it was sent', async () => {
  const { callers, call } = waiting(true)
  callers.viewStarted()
  callers.answered(told(executed))
  await expect(call).resolves.toEqual({ answer: executed, tries: 2 })
})
