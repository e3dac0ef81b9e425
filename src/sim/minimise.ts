/**
 * A run that fails, made smaller until it can be read: cut behind what fails, kinds of fault off, fewer
 * replicas, clients and requests, and of the faults that happened only those that matter (delta debugging,
 * Zeller and Hildebrandt). A change of one thing moves all that is drawn behind it, so a cut that does not
 * fail again proves nothing: whatever fails the same way with fewer events is kept, and where cutting does
 * not get far, other luck with the same options is tried.
 */
import type { SimOptions } from './options.ts'
import type { Failure, Outcome } from './outcome.ts'
import { activeIn, EVERYTHING, type Overrides } from './overrides.ts'

/** Of the events of the first failure; beyond it, what is simpler is taken even if it is not shorter. */
const GOAL = 0.3
/** Fewer can be read as they are. */
const FEW_EVENTS = 100
const LUCK_TRIES = 300

export interface Bounds {
  /** What such a run does. */
  options(overrides: Overrides): SimOptions
  /** Time is up: what is best so far is the answer. */
  isOver(): boolean
}

export interface Search extends Bounds {
  run(overrides: Overrides): Outcome
}

/** Yields the run to try next, and wants to be told what came of it: whoever runs it may have to wait for that. */
export type Tries<T> = Generator<Overrides, T, Outcome>

export interface Minimised {
  readonly overrides: Overrides
  readonly outcome: Outcome
  readonly failure: Failure
  readonly tries: number
}

/** Two failures with one signature are the same failure, as far as can be told. */
export function signatureOf({ kind, property, message }: Failure): string {
  if (kind === 'liveness') return property
  const sentence = message.split('\n')[0] ?? ''
  return `${property} ${sentence.replaceAll(/\b[0-9a-f]{16,}\b/g, 'h').replaceAll(/-?\d+/g, '#')}`
}

export function minimise(first: Outcome, given: Overrides, search: Search): Minimised {
  const tries = minimising(first, given, search)
  for (let step = tries.next(); ; ) {
    if (step.done) return step.value
    step = tries.next(search.run(step.value))
  }
}

export function minimising(first: Outcome, given: Overrides, bounds: Bounds): Tries<Minimised> {
  return new Minimiser(first, given, bounds).run()
}

class Minimiser {
  readonly #bounds: Bounds
  readonly #signature: string
  readonly #goal: number
  #overrides: Overrides
  #outcome: Outcome
  #failure: Failure
  #tries = 0
  #accepted = 0
  #luck = 0

  constructor(first: Outcome, given: Overrides, bounds: Bounds) {
    if (first.failure === undefined) throw new RangeError('only a run that fails is made smaller')
    this.#bounds = bounds
    this.#overrides = given
    this.#outcome = first
    this.#failure = first.failure
    this.#signature = signatureOf(first.failure)
    this.#goal = first.coverage.events * GOAL
  }

  *run(): Tries<Minimised> {
    yield* this.#cutEnd()
    for (let before = 0; before !== this.#accepted; ) {
      before = this.#accepted
      yield* this.#calm()
      const { replicas, safetyMs, workload } = this.#options
      yield* this.#shrink('replicas', replicas, [1, 3, 5])
      yield* this.#shrink('clients', workload.clients, [1, 2, 3])
      yield* this.#shrink(
        'requests',
        workload.requests,
        [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128],
      )
      if (this.#failure.kind === 'liveness') {
        yield* this.#shrink('safetyMs', safetyMs, [500, 1000, 2000, 4000, 8000, 12_000])
      }
      yield* this.#dropFaults()
      if (this.#events > Math.max(this.#goal / 3, FEW_EVENTS)) yield* this.#tryLuck()
    }
    yield* this.#cutEnd()
    const [overrides, outcome] = [this.#overrides, this.#outcome]
    return { overrides, outcome, failure: this.#failure, tries: this.#tries }
  }

  get #options(): SimOptions {
    return this.#bounds.options(this.#overrides)
  }

  get #events(): number {
    return this.#outcome.coverage.events
  }

  /** Keeps the change if the run fails the same way, and not later than it may. */
  *#try(change: Overrides, eventsMax = Math.max(this.#events + 1, this.#goal)): Tries<boolean> {
    if (this.#bounds.isOver()) return false
    this.#tries++
    const overrides = { ...this.#overrides, ...change }
    const outcome = yield { ...overrides, eventsMax }
    const { failure } = outcome
    if (failure === undefined || signatureOf(failure) !== this.#signature) return false
    this.#overrides = overrides
    this.#outcome = outcome
    this.#failure = failure
    this.#accepted++
    return true
  }

  /** A property of the whole run is judged at its end, which comes as soon as it no longer holds. */
  *#cutEnd(): Tries<void> {
    const { kind, atMs } = this.#failure
    if (kind === 'liveness' || this.#overrides.untilMs === atMs) return
    if (!this.#isJudgedAtEnd) {
      yield* this.#try({ untilMs: atMs })
      return
    }
    let low = 0
    let high = atMs
    while (high - low > 1 && !this.#bounds.isOver()) {
      const middle = Math.floor((low + high) / 2)
      if (yield* this.#try({ untilMs: middle })) high = middle
      else low = middle
    }
  }

  /** All kinds of fault off at once, then each for itself. */
  *#calm(): Tries<void> {
    const active = activeIn(this.#options)
    if (active.length === 0 || (yield* this.#try({ without: [EVERYTHING] }))) return
    for (const name of active) {
      const off = this.#overrides.without ?? []
      yield* this.#try({ without: [...off, name] })
    }
  }

  /** The least of the values with which it still fails. */
  *#shrink(
    name: 'replicas' | 'clients' | 'requests' | 'safetyMs',
    now: number,
    values: readonly number[],
  ): Tries<void> {
    for (const value of values) {
      if (value >= now || (yield* this.#try({ [name]: value }))) return
    }
  }

  /** Delta debugging: without ever smaller parts of the faults that happened. */
  *#dropFaults(): Tries<void> {
    if (this.#outcome.faults.length === 0 || (yield* this.#try({ faults: [] }))) return
    let parts = 2
    for (;;) {
      const { faults } = this.#outcome
      if (faults.length < 2) return
      const size = Math.ceil(faults.length / parts)
      let isSmaller = false
      for (let at = 0; at < faults.length && !isSmaller; at += size) {
        isSmaller = yield* this.#try({ faults: faults.toSpliced(at, size) })
      }
      if (isSmaller) parts = Math.max(2, parts - 1)
      else if (size === 1) return
      else parts = Math.min(faults.length, parts * 2)
      if (this.#bounds.isOver()) return
    }
  }

  /**
   * What failed once fails again, sooner or later, with the same options: a shorter run is looked for, until
   * it is half as long. Faults have other names with other luck.
   */
  *#tryLuck(): Tries<void> {
    // That something never comes takes as long with any luck.
    if (this.#failure.kind === 'liveness') return
    const before = this.#events
    const isLong = (): boolean => this.#events > Math.max(this.#goal, before / 2)
    for (let misses = 0; misses < LUCK_TRIES || this.#events > this.#goal; misses++) {
      if (this.#bounds.isOver() || !isLong()) return
      this.#luck++
      const { atMs } = this.#failure
      const untilMs = this.#isJudgedAtEnd ? atMs - 1 : undefined
      const change = { luck: this.#luck, faults: undefined, untilMs }
      if (!(yield* this.#try(change, this.#events))) continue
      yield* this.#cutEnd()
      misses = 0
    }
  }

  get #isJudgedAtEnd(): boolean {
    return this.#failure.property === 'linearizable'
  }
}
