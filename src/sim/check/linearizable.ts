/**
 * The clients' history is linearizable, key by key: there is an order of the operations that respects
 * what was over before what began, and in which every result is the sequential one. Depth-first search
 * with a memory of (operations done, value), after Wing & Gong and Lowe. An operation whose answer never
 * came took effect before its first execution in a log, or never.
 */
import type { Executed } from '../../vr/effect.ts'
import type { Operation } from '../history.ts'
import { evaluate } from '../service.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export interface Interval {
  readonly operation: string
  readonly calledMs: number
  readonly returnedMs: number
  /** `undefined`: not known; anything goes. */
  readonly result: string | undefined
}

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
        if (operation.key.startsWith('t')) continue
        const interval = intervalOf(operation, executedMs)
        if (interval === undefined) continue
        const list = byKey.get(operation.key)
        if (list) list.push(interval)
        else byKey.set(operation.key, [interval])
      }
      for (const [key, intervals] of byKey) {
        const verdict = isLinearizable(intervals)
        if (verdict === 'yes') continue
        const lines = intervals.map(
          ({ operation, calledMs, returnedMs, result }) =>
            `  ${calledMs} … ${returnedMs}  ${operation} → ${result ?? '?'}`,
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
  if (returnedMs !== undefined) return { operation, calledMs, returnedMs, result }
  const settled = session === undefined ? undefined : executedMs.get(`${session}#${requestNumber}`)
  if (settled === undefined) return undefined
  return { operation, calledMs, returnedMs: settled, result: undefined }
}

export function isLinearizable(intervals: readonly Interval[]): 'yes' | 'no' | 'undecided' {
  const sorted = [...intervals].sort((a, b) => a.calledMs - b.calledMs)
  const done = new Uint8Array(sorted.length)
  const seen = new Set<string>()
  let steps = 0
  let isUndecided = false

  /** `from`: everything before it is done. */
  function search(from: number, value: string | undefined): boolean {
    let first = from
    while (done[first] === 1) first++
    if (first === sorted.length) return true
    if (++steps > STEPS_MAX) {
      isUndecided = true
      return false
    }
    const key = keyOf(first, value)
    if (seen.has(key)) return false
    seen.add(key)
    for (const i of candidates(first)) {
      const interval = sorted[i]
      if (interval === undefined) continue
      const after = evaluate(value, interval.operation)
      if (interval.result !== undefined && after.result !== interval.result) continue
      done[i] = 1
      if (search(first, after.value)) return true
      done[i] = 0
    }
    return false
  }

  /** Which may come next: those called before any other that is not done has returned. */
  function candidates(first: number): number[] {
    let earliest = Number.POSITIVE_INFINITY
    const list: number[] = []
    for (let i = first; i < sorted.length; i++) {
      const interval = sorted[i]
      if (interval === undefined || interval.calledMs > earliest) break
      if (done[i] === 1) continue
      list.push(i)
      earliest = Math.min(earliest, interval.returnedMs)
    }
    return list
  }

  function keyOf(first: number, value: string | undefined): string {
    let key = `${first}`
    for (let i = first + 1; i < sorted.length; i++) if (done[i] === 1) key += `,${i}`
    return `${key};${value ?? ''}`
  }

  if (search(0, undefined)) return 'yes'
  return isUndecided ? 'undecided' : 'no'
}
