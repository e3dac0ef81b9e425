/**
 * Which (op, view) keys of the log are on disk: the way to delete a suffix without reading it.
 *
 *   stale … | first … head |        first ≤ head + 1
 *
 * 8 bytes per op of the log, 16 per stale one until it is deleted; a log of 10 000 ops takes 80 KB.
 */
import { assert } from '../base/assert.ts'

export interface LogPosition {
  readonly opNumber: number
  readonly viewNumber: number
}

/** Of an op that is part of the log, and not on disk: it is damaged, and will be repaired. */
export const UNKNOWN_VIEW = -1

export class LogIndex {
  #first: number
  /** View of op #first + i. */
  #views: number[] = []
  /** Pairs op, view: on disk and no longer part of the log, oldest first. */
  #stale: number[] = []

  constructor(first: number) {
    this.#first = first
  }

  get first(): number {
    return this.#first
  }

  /** first − 1 when the log is empty. */
  get head(): number {
    return this.#first + this.#views.length - 1
  }

  get staleCount(): number {
    return this.#stale.length / 2
  }

  /** No entry below it is on disk. */
  get lowest(): number {
    return this.#stale[0] ?? this.#first
  }

  append(viewNumber: number): void {
    this.#views.push(viewNumber)
  }

  /** Found on disk below `first`. */
  addStale(position: LogPosition): void {
    this.#stale.push(position.opNumber, position.viewNumber)
  }

  viewAt(opNumber: number): number | undefined {
    return this.#views[opNumber - this.#first]
  }

  /** The entry at this op comes back, made in this view. */
  replace(opNumber: number, viewNumber: number): void {
    assert(this.viewAt(opNumber) !== undefined, 'what is repaired was in the log')
    this.#views[opNumber - this.#first] = viewNumber
  }

  /** Takes the ops from this one on out of the log. */
  truncateFrom(opNumber: number): LogPosition[] {
    assert(opNumber >= this.#first, 'what is truncated is in the log')
    const removed = this.#views.splice(opNumber - this.#first)
    return removed.map((viewNumber, i) => ({ opNumber: opNumber + i, viewNumber }))
  }

  /** The log begins at this op; if it ended before, it is empty now. What was below is stale. */
  startAt(first: number): void {
    if (first <= this.#first) return
    const removed = this.#views.splice(0, first - this.#first)
    for (const [i, viewNumber] of removed.entries()) this.#stale.push(this.#first + i, viewNumber)
    this.#first = first
  }

  /** Up to `count` stale ones, oldest first; the caller deletes them. */
  takeStale(count: number): LogPosition[] {
    const taken: LogPosition[] = []
    const pairs = this.#stale.splice(0, 2 * count)
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      taken.push({ opNumber: pairs[i] ?? 0, viewNumber: pairs[i + 1] ?? 0 })
    }
    return taken
  }
}
