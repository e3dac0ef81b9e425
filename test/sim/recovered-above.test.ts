/** recovered-above: a replica that lost its promises speaks of no view that it may have promised something in. */
import { expect, test } from 'vitest'
import { recoveredAbove } from '../../src/sim/check/recovered-above.ts'
import type { Message } from '../../src/vr/message.ts'
import { opNumber, viewNumber } from '../../src/vr/terms.ts'
import { hostWith, worldOf } from './fixtures.ts'

test('a promise in a view of before the disk was lost', () => {
  const check = recoveredAbove(worldOf(3))
  const ok = (view: number): Message => ({
    type: 'PREPAREOK',
    viewNumber: viewNumber(view),
    opNumber: opNumber(1),
  })
  check.sent?.(hostWith({}), 1, ok(4))
  expect(() => check.sent?.(hostWith({}, { wipes: 1 }), 1, ok(5))).not.toThrow()
  expect(() => check.sent?.(hostWith({}, { wipes: 1 }), 1, ok(4))).toThrow('spoke of view 4')
})

test('a view chosen from too few answers, or too low', () => {
  const choosing = (views: readonly number[], leastView: number) => () => {
    const check = recoveredAbove(worldOf(3))
    const recovery: { views: Map<number, number>; leastView: number | undefined } = {
      views: new Map(views.map((view, i) => [i, view])),
      leastView: undefined,
    }
    const host = hostWith({ recovery })
    check.stepped?.(host)
    recovery.leastView = leastView
    check.stepped?.(host)
  }
  expect(choosing([3, 4], 6)).not.toThrow()
  expect(choosing([3, 4], 5)).toThrow('chooses view 5')
  expect(choosing([4], 6)).toThrow('from 1 answers')
})

test('a vote of a replica that recovers', () => {
  const vote: Message = { type: 'STARTVIEWCHANGE', viewNumber: viewNumber(3) }
  const voting = (status: string) => () =>
    recoveredAbove(worldOf(3)).sent?.(hostWith({ status }), 1, vote)
  expect(voting('normal')).not.toThrow()
  expect(voting('recovering')).toThrow('sends STARTVIEWCHANGE while it recovers')
})
