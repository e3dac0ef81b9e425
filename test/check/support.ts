/** Histories of a few lines, and the plainest judge there is. */
import type { Json } from '../../src/base/json.ts'
import { ILLEGAL, type Interval, type Model, type State } from '../../src/check/model.ts'
import type { Asked } from '../../src/check/models.ts'

export const NEVER = Number.POSITIVE_INFINITY

/** `at([1, 4], 'put', [5])`, `at([2, 3], 'get', [], 5)`. */
export function at(
  [called, returned]: readonly [number, number],
  op: string,
  args: readonly Json[] = [],
  result?: Json,
): Interval<Asked> {
  return { op: { op, args, result }, called, returned }
}

/** By the definition: some order of some of the open ones and all others. For ten operations at most. */
export function hasOrder<Op>(model: Model<Op>, history: readonly Interval<Op>[]): boolean {
  const next = (left: readonly Interval<Op>[], state: State): boolean => {
    if (left.every(each => each.returned === NEVER)) return true
    const first = Math.min(...left.map(each => each.returned))
    return left.some(each => {
      if (each.called > first) return false
      const after = model.step(state, each.op)
      return (
        after !== ILLEGAL &&
        next(
          left.filter(other => other !== each),
          after,
        )
      )
    })
  }
  return next(history, model.initial)
}
