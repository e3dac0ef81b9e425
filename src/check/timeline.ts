/**
 * The history of one key as the search reads it: the returns in order of time, and for each what was
 * under way. Operations are named by their rank among the returns, open ones by their place among calls.
 */
import type { Interval } from './model.ts'

export interface Timeline<Op> {
  /** By rank: closed operations in order of return. */
  readonly closed: readonly Interval<Op>[]
  /** For each return: ranks of the closed operations under way, itself first, in order of return. */
  readonly underWay: readonly (readonly number[])[]
  /** Open operations in order of call. */
  readonly open: readonly Interval<Op>[]
  /** For each return: how many of the open ones had been called by then. */
  readonly openBy: readonly number[]
}

/** What is called at the moment of another's return may have come before it. */
export function timelineOf<Op>(intervals: readonly Interval<Op>[]): Timeline<Op> {
  const byCall = (a: Interval<Op>, b: Interval<Op>): number => a.called - b.called
  const open: Interval<Op>[] = []
  const closed: Interval<Op>[] = []
  for (const each of intervals) {
    if (each.returned === Number.POSITIVE_INFINITY) open.push(each)
    else closed.push(each)
  }
  open.sort(byCall)
  closed.sort((a, b) => a.returned - b.returned || a.called - b.called)
  const calls = closed.map((_, rank) => rank)
  calls.sort((a, b) => calledAt(closed, a) - calledAt(closed, b))
  const underWay: number[][] = []
  const openBy: number[] = []
  const active: number[] = []
  let nextCall = 0
  let nextOpen = 0
  closed.forEach(({ returned }, rank) => {
    for (; nextCall < calls.length; nextCall++) {
      const called = calls[nextCall] as number
      if (calledAt(closed, called) > returned) break
      insert(active, called)
    }
    while (nextOpen < open.length && calledAt(open, nextOpen) <= returned) nextOpen++
    openBy.push(nextOpen)
    underWay.push(active.slice())
    active.splice(active.indexOf(rank), 1)
  })
  return { closed, underWay, open, openBy }
}

function calledAt<Op>(list: readonly Interval<Op>[], i: number): number {
  return (list[i] as Interval<Op>).called
}

/** Keeps the list in order; new ones mostly go to its end. */
function insert(list: number[], rank: number): void {
  let at = list.length
  while (at > 0 && (list[at - 1] as number) > rank) at--
  list.splice(at, 0, rank)
}
