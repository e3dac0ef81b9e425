/**
 * A sequential specification: what one operation does to a value. Everything the search knows of the
 * system under test is here.
 */

/** Compared by `===`: what has structure is written as text. */
export type State = string | number | boolean | null | undefined

/** With its result, the operation cannot have happened in this state. */
export const ILLEGAL: unique symbol = Symbol('illegal')

export interface Model<Op> {
  readonly initial: State
  /** Total. An operation whose result is not known is legal wherever it makes sense. */
  step(state: State, op: Op): State | typeof ILLEGAL
  /** It never changes any state in which it is legal: a read, a compare that is known to have failed. */
  isPure(op: Op): boolean
  /** Two operations of one kind do the same in every state. */
  kindOf(op: Op): string
}

/** An operation and when it may have taken effect: at one moment between these two. */
export interface Interval<Op> {
  readonly op: Op
  readonly called: number
  /** Infinity: open, nobody learnt of its end; it takes effect at any time after its call, or never. */
  readonly returned: number
}
