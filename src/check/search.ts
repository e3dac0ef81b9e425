/**
 * Is there an order of the operations of one key that respects what was over before what began, and in
 * which every result is the sequential one? Depth-first search after Wing & Gong, just in time: the
 * returns are passed in order of time, and something is put in its place only when a return asks for
 * it. What failed is remembered, after Lowe. Four things keep it short, none of which loses an order:
 *
 * - A read that fits is placed at once: it changes nothing.
 * - A position that failed with some open operations used fails with more of them used.
 * - An open operation is not used where the next one gives the same without it.
 * - Of open operations of one kind the earliest is used first.
 */
import { ILLEGAL, type Interval, type Model, type State } from './model.ts'
import { type Timeline, timelineOf } from './timeline.ts'

export interface Verdict {
  /** unknown: the search was given up. */
  readonly linearizable: 'yes' | 'no' | 'unknown'
  readonly steps: number
  /** The moment of the return that no order could pass. */
  readonly stuckAt: number
}

export const STEPS_MAX = 5_000_000

export function isLinearizable<Op>(
  model: Model<Op>,
  intervals: readonly Interval<Op>[],
  stepsMax = STEPS_MAX,
): Verdict {
  return new Search(model, timelineOf(intervals), stepsMax).run()
}

interface Candidate {
  /** A rank; the bitwise complement of an index into the open ones. */
  readonly which: number
  readonly after: State
}

/** A position from which something has to be tried. */
interface Frame {
  readonly event: number
  readonly state: State
  readonly unseen: Unseen | undefined
  candidates: readonly Candidate[]
  /** Not yet: only the return that waits was looked at. */
  isWhole: boolean
  next: number
  /** What was placed on the way here. */
  readonly placed: readonly number[]
}

/** The state before the open operation placed last, while nothing has shown its effect. */
interface Unseen {
  readonly before: State
}

class Search<Op> {
  readonly #model: Model<Op>
  readonly #time: Timeline<Op>
  readonly #stepsMax: number
  readonly #done: Uint8Array
  readonly #openDone: Uint8Array
  readonly #pure: Uint8Array
  readonly #kinds: readonly string[]
  /** Positions that lead nowhere: the open operations used, by all else. */
  readonly #dead = new Map<string, (readonly number[])[]>()
  readonly #stack: Frame[] = []
  #steps = 0
  #furthest = 0

  constructor(model: Model<Op>, time: Timeline<Op>, stepsMax: number) {
    this.#model = model
    this.#time = time
    this.#stepsMax = stepsMax
    this.#done = new Uint8Array(time.closed.length)
    this.#openDone = new Uint8Array(time.open.length)
    this.#pure = new Uint8Array(time.closed.length)
    for (let i = 0; i < time.closed.length; i++) if (model.isPure(this.#op(i))) this.#pure[i] = 1
    this.#kinds = time.open.map(({ op }) => (model.isPure(op) ? '' : model.kindOf(op)))
  }

  run(): Verdict {
    if (this.#enter(0, this.#model.initial, undefined, undefined)) return this.#verdict('yes')
    for (;;) {
      const frame = this.#stack.at(-1)
      if (frame === undefined) return this.#verdict('no')
      const candidate = frame.candidates[frame.next++]
      if (candidate === undefined) this.#goOnFrom(frame)
      else if (++this.#steps > this.#stepsMax) return this.#verdict('unknown')
      else if (this.#place(frame, candidate)) return this.#verdict('yes')
    }
  }

  #verdict(linearizable: Verdict['linearizable']): Verdict {
    const stuck = this.#time.closed[this.#furthest]?.returned ?? Number.POSITIVE_INFINITY
    return { linearizable, steps: this.#steps, stuckAt: linearizable === 'yes' ? Infinity : stuck }
  }

  #op(which: number): Op {
    const { closed, open } = this.#time
    return ((which < 0 ? open[~which] : closed[which]) as Interval<Op>).op
  }

  /** True: that was the last. */
  #place({ event, state }: Frame, { which, after }: Candidate): boolean {
    this.#mark(which, 1)
    return this.#enter(event, after, which, which < 0 ? { before: state } : undefined)
  }

  #mark(candidate: number, value: 0 | 1): void {
    if (candidate < 0) this.#openDone[~candidate] = value
    else this.#done[candidate] = value
  }

  /** Goes on as far as nothing has to be chosen. True: to the end. */
  #enter(
    from: number,
    state: State,
    chosen: number | undefined,
    unseen: Unseen | undefined,
  ): boolean {
    const placed = chosen === undefined ? [] : [chosen]
    const done = this.#done
    let event = from
    for (; ; event++) {
      if (event === this.#time.closed.length) return true
      this.#placeReads(event, state, placed)
      if (done[event] === 0) break
    }
    if (event > this.#furthest) this.#furthest = event
    const shown = placed.length > 1 || event > from
    this.#stack.push(this.#frame(event, state, shown ? undefined : unseen, placed))
    return false
  }

  /** As a rule the return that waits takes its place next, and nothing else has to be looked at. */
  #frame(
    event: number,
    state: State,
    unseen: Unseen | undefined,
    placed: readonly number[],
  ): Frame {
    if (this.#isDead(event, state)) {
      return { event, state, unseen, placed, candidates: [], isWhole: true, next: 0 }
    }
    const first = this.#candidate(event, state, unseen)
    const isWhole = first === undefined
    const candidates = isWhole ? this.#others(event, state, unseen) : [first]
    return { event, state, unseen, placed, candidates, isWhole, next: 0 }
  }

  /** Nothing so far led on: looks at the others, or goes back. */
  #goOnFrom(frame: Frame): void {
    if (frame.isWhole) return this.#leave(frame)
    frame.isWhole = true
    frame.next = 0
    frame.candidates = this.#others(frame.event, frame.state, frame.unseen)
  }

  #placeReads(event: number, state: State, placed: number[]): void {
    for (const rank of this.#time.underWay[event] as readonly number[]) {
      if (this.#done[rank] === 1 || this.#pure[rank] === 0) continue
      if (this.#model.step(state, this.#op(rank)) === ILLEGAL) continue
      this.#done[rank] = 1
      placed.push(rank)
    }
  }

  #candidate(which: number, state: State, unseen: Unseen | undefined): Candidate | undefined {
    if (which >= 0 && this.#pure[which] === 1) return undefined
    const op = this.#op(which)
    const after = this.#model.step(state, op)
    if (after === ILLEGAL || (which < 0 && after === state)) return undefined
    const isSeen = unseen === undefined || this.#model.step(unseen.before, op) !== after
    return isSeen ? { which, after } : undefined
  }

  /** All but the return that waits. */
  #others(event: number, state: State, unseen: Unseen | undefined): readonly Candidate[] {
    const list: Candidate[] = []
    const consider = (which: number): void => {
      const candidate = this.#candidate(which, state, unseen)
      if (candidate !== undefined) list.push(candidate)
    }
    for (const rank of this.#time.underWay[event] as readonly number[]) {
      if (this.#done[rank] === 0 && rank !== event) consider(rank)
    }
    const called = this.#time.openBy[event] as number
    const kinds = new Set<string>(called === 0 ? undefined : [''])
    for (let i = 0; i < called; i++) {
      const kind = this.#kinds[i] as string
      if (this.#openDone[i] === 1 || kinds.has(kind)) continue
      kinds.add(kind)
      consider(~i)
    }
    return this.#helpfulFirst(list, event)
  }

  /** First those after which the return that waits may take its place. */
  #helpfulFirst(list: readonly Candidate[], event: number): readonly Candidate[] {
    if (list.length < 2) return list
    const waiting = this.#op(event)
    const helpful: Candidate[] = []
    const others: Candidate[] = []
    for (const each of list) {
      if (this.#model.step(each.after, waiting) !== ILLEGAL) helpful.push(each)
      else others.push(each)
    }
    return helpful.concat(others)
  }

  /** Nothing led on from here. */
  #leave({ event, state, placed }: Frame): void {
    this.#stack.pop()
    if (!this.#isDead(event, state)) {
      const key = this.#keyOf(event, state)
      const sets = this.#dead.get(key)
      if (sets === undefined) this.#dead.set(key, [this.#openUsed()])
      else sets.push(this.#openUsed())
    }
    for (const candidate of placed) this.#mark(candidate, 0)
  }

  #isDead(event: number, state: State): boolean {
    if (this.#dead.size === 0) return false
    const sets = this.#dead.get(this.#keyOf(event, state))
    return sets?.some(used => used.every(i => this.#openDone[i] === 1)) === true
  }

  #keyOf(event: number, state: State): string {
    let key = `${event}`
    for (const rank of this.#time.underWay[event] as readonly number[]) {
      if (this.#done[rank] === 1) key += `,${rank}`
    }
    return `${key};${typeof state} ${state}`
  }

  #openUsed(): number[] {
    const used: number[] = []
    this.#openDone.forEach((value, i) => {
      if (value === 1) used.push(i)
    })
    return used
  }
}
