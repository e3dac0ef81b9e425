/**
 * The clients' history is linearizable, key by key (src/check/search.ts). An operation whose answer
 * never came took effect before its first execution in a log, or never.
 */
import { ILLEGAL, type Interval as IntervalOf, type Model } from '../../check/model.ts'
import { isLinearizable, type Verdict } from '../../check/search.ts'
import type { Executed } from '../../vr/effect.ts'
import { isOfFeeds } from '../feed/query.ts'
import type { Operation } from '../history.ts'
import { evaluate } from '../service.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export type Interval = IntervalOf<{
  readonly operation: string
  /** `undefined`: not known; anything goes. */
  readonly result: string | undefined
}>

/** Positions looked at before the search gives up: an undecided history is a failed one. */
const STEPS_MAX = 2_000_000

export function linearizable(world: World): Check {
  const name = 'linearizable'
  const executedMs = new Map<string, number>()
  return {
    name,
    executed(_host: HostView, { entry, answers }: Executed) {
      for (let i = 0; i < entry.commands.length; i++) {
        const command = entry.commands[i]
        if (command === undefined || answers[i]?.type !== 'executed') continue
        const key = `${command.clientId}#${command.requestNumber}`
        if (!executedMs.has(key)) executedMs.set(key, world.nowMs)
      }
    },
    atEnd() {
      const byKey = new Map<string, Interval[]>()
      for (const operation of world.history.operations) {
        // Values that expire do so by log time, which clients do not see.
        if (operation.key.startsWith('t') || operation.operation.startsWith('peek')) continue
        if (isOfFeeds(operation.operation) || isOfFeeds(operation.key)) continue
        const interval = intervalOf(operation, executedMs)
        if (interval === undefined) continue
        const list = byKey.get(operation.key)
        if (list) list.push(interval)
        else byKey.set(operation.key, [interval])
      }
      for (const [key, intervals] of byKey) {
        const { linearizable: verdict } = verdictOf(intervals)
        if (verdict === 'yes') continue
        const lines = intervals.map(
          ({ op: { operation, result }, called, returned }) =>
            `  ${called} … ${returned}  ${operation} → ${result ?? '?'}`,
        )
        const what = verdict === 'no' ? 'has no order' : 'could not be decided'
        throw new Violation(name, `the history of ${key} ${what}\n${lines.join('\n')}`)
      }
    },
  }
}

function intervalOf(
  { session, requestNumber, operation, calledMs, returnedMs, result }: Operation,
  executedMs: ReadonlyMap<string, number>,
): Interval | undefined {
  const called = calledMs
  if (returnedMs !== undefined) return { op: { operation, result }, called, returned: returnedMs }
  const settled = session === undefined ? undefined : executedMs.get(`${session}#${requestNumber}`)
  if (settled === undefined) return undefined
  return { op: { operation, result: undefined }, called, returned: settled }
}

/** The service itself is the specification; a result that is not known may be any. */
const MODEL: Model<Interval['op']> = {
  initial: undefined,
  step(state, { operation, result }) {
    const after = evaluate(state as string | undefined, operation)
    return result === undefined || after.result === result ? after.value : ILLEGAL
  },
  isPure: ({ operation, result }) =>
    operation.startsWith('get ') ||
    (operation.startsWith('cas ') && result?.startsWith('is ') === true),
  kindOf: ({ operation }) => operation,
}

export function verdictOf(intervals: readonly Interval[]): Verdict {
  return isLinearizable(MODEL, intervals, STEPS_MAX)
}
