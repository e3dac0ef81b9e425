/** Which failed attempts of a call may be repeated, when, and what the error at the end says. */
import type { Outcome } from '../base/errors.ts'
import { NOT_VIEWSTAMP, UNREACHABLE, type ViewstampError, withOutcome } from './error.ts'

/**
 * What a repeat does. read: nothing. numbered: a write with session and sequence number, executed at most once
 * however often it is sent. plain: a write that would be executed twice.
 */
export type Repeat = 'read' | 'numbered' | 'plain'

export interface TurnOptions {
  readonly repeat: Repeat
  /** Endpoints known now: each is tried once before there is a pause. */
  readonly endpoints: () => number
  readonly attemptsMax?: number | undefined
  /** Ends when at every endpoint in a row there was nobody to talk to, instead of going on until the time is over. */
  readonly failFast?: boolean | undefined
  /** 0 … 1, for jitter. */
  readonly random: () => number
}

const BACKOFF_FIRST_MS = 20
const BACKOFF_MAX_MS = 500

export function mayRepeat(error: ViewstampError, repeat: Repeat): boolean {
  return movesOn(error) && (repeat !== 'plain' || error.outcome === 'none')
}

/** Another endpoint may do better. One where something else answers is of no use itself, whenever it is asked. */
export function movesOn({ retryable, name }: ViewstampError): boolean {
  return retryable || name === NOT_VIEWSTAMP
}

/** Twice as long each round; half of it by chance, so that clients who failed together come back apart. */
export function backoffMs(round: number, random: () => number): number {
  const most = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(round, 16))
  return most * (0.5 + 0.5 * random())
}

/** The attempts of one call. */
export class Turn {
  readonly #options: TurnOptions
  #attempts = 0
  #unreachableInARow = 0
  #foreignInARow = 0
  #perhapsDone = false

  constructor(options: TurnOptions) {
    this.#options = options
  }

  /** Of the time left, what opening a connection may take: the others are to have their turn. */
  openMs(leftMs: number): number {
    const { endpoints, attemptsMax = Number.POSITIVE_INFINITY } = this.#options
    const untried = Math.min(endpoints(), attemptsMax) - this.#attempts
    return Math.max(1, Math.floor(leftMs / Math.max(1, untried)))
  }

  /** And an attempt: all of it where there can be no other. */
  attemptMs(leftMs: number): number {
    return this.#options.repeat === 'plain' ? Math.max(1, Math.floor(leftMs)) : this.openMs(leftMs)
  }

  /** Milliseconds until the next attempt; undefined: there is none. */
  failed(error: ViewstampError): number | undefined {
    this.#attempts++
    this.#perhapsDone ||= error.outcome === 'unknown'
    const isForeign = error.name === NOT_VIEWSTAMP
    const isNobody = isForeign || error.name === UNREACHABLE
    this.#foreignInARow = isForeign ? this.#foreignInARow + 1 : 0
    this.#unreachableInARow = isNobody ? this.#unreachableInARow + 1 : 0
    if (!mayRepeat(error, this.#options.repeat) || this.#isOver()) return undefined
    const { endpoints, random } = this.#options
    const round = this.#attempts - endpoints()
    // It is the node that asks for a pause; the next one may have none to make.
    if (round < 0) return 0
    if (error.retryAfterMs !== undefined) return error.retryAfterMs * (1 + 0.5 * random())
    return backoffMs(round, random)
  }

  /** The error to tell: what was sent before counts, too. */
  told(error: ViewstampError): ViewstampError {
    return withOutcome(error, this.#outcome(error))
  }

  #isOver(): boolean {
    const { endpoints, attemptsMax = Number.POSITIVE_INFINITY, failFast } = this.#options
    if (this.#attempts >= attemptsMax || this.#foreignInARow >= endpoints()) return true
    return failFast === true && this.#unreachableInARow >= endpoints()
  }

  #outcome(error: ViewstampError): Outcome {
    if (this.#options.repeat === 'read') return 'none'
    // The state machine's own answer is the answer to all sendings of one number.
    const isFinal = error.code > 0 || error.outcome === 'applied'
    return this.#perhapsDone && !isFinal ? 'unknown' : error.outcome
  }
}
