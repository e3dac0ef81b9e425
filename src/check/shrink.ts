/**
 * The smallest part of a bad history that is bad by itself. Nothing may be left out that could explain
 * what remains: a write that is not needed is loosened, not dropped. It may then have any result and
 * take effect at any time after its call, or never; only if there is still no order was it not needed.
 * Reads that are not needed are dropped. Halves first, then smaller parts, then one by one (ddmin).
 */
import type { Interval, Model } from './model.ts'
import { isLinearizable } from './search.ts'

/** For one try; a part that takes longer is needed. */
const STEPS_MAX = 50_000
/** For all of it. */
const TRIES_MAX = 3_000

export interface Smallest<Op> {
  /** Bad by themselves. */
  readonly needed: readonly Interval<Op>[]
  /** Whatever these did, it is bad. */
  readonly loosened: readonly Interval<Op>[]
}

/**
 * `stuckAt`: where the search of the whole ended. `loose`: what an operation may do that is not needed,
 * as seen by those that are; undefined: nothing that they could notice.
 */
export function smallestBad<Op>(
  model: Model<Op>,
  history: readonly Interval<Op>[],
  stuckAt: number,
  loose: (needed: readonly Op[]) => (op: Op) => Op | undefined,
): Smallest<Op> {
  const before = history.filter(({ called }) => called <= stuckAt)
  let needed = before.filter(({ returned }) => returned <= stuckAt)
  const loosened = before.filter(({ returned }) => returned > stuckAt)
  let tries = 0
  const isBad = (kept: readonly Interval<Op>[], freed: readonly Interval<Op>[]): boolean => {
    if (++tries > TRIES_MAX) return false
    const loosen = loose(kept.map(({ op }) => op))
    const others = [...loosened, ...freed].flatMap(({ op, called }) => {
      const other = model.isPure(op) ? undefined : loosen(op)
      return other === undefined ? [] : [{ op: other, called, returned: Number.POSITIVE_INFINITY }]
    })
    return isLinearizable(model, [...kept, ...others], STEPS_MAX).linearizable === 'no'
  }
  /** Goes through those that `may` go, in parts of this size. True: some went. */
  const pass = (may: (op: Op) => boolean, size: number): boolean => {
    const sizeBefore = needed.length
    const parts = needed.filter(({ op }) => may(op))
    for (let from = 0; from < parts.length; from += size) {
      const part = new Set(parts.slice(from, from + size))
      const rest = needed.filter(each => !part.has(each))
      if (!isBad(rest, [...part])) continue
      loosened.push(...part)
      needed = rest
    }
    return needed.length < sizeBefore
  }
  // Reads first: what was written explains more than that it was seen.
  for (const may of [(op: Op) => model.isPure(op), () => true]) {
    for (let size = Math.ceil(needed.length / 2); size > 1; size = Math.ceil(size / 2)) {
      pass(may, size)
    }
    while (pass(may, 1));
  }
  return { needed, loosened }
}
