/**
 * The virtual network: decides when, how often and whether at all a message arrives. It knows no
 * message: what it answers is a list of delays. Loss, delay, duplication and overtaking are drawn for
 * every message; cuts, clogs and slow links are states of a directed link.
 */
import type { Prng } from '../base/prng.ts'
import type { NetworkOptions } from './options.ts'

export class Network {
  #options: NetworkOptions
  readonly #prng: Prng
  readonly #cut = new Set<number>()
  readonly #cloggedUntil = new Map<number, number>()
  readonly #slow = new Set<number>()
  #dropped = 0

  constructor(options: NetworkOptions, prng: Prng, replicas: number) {
    this.#options = options
    this.#prng = prng
    for (let from = 0; from < replicas; from++) {
      for (let to = 0; to < replicas; to++) {
        if (from !== to && prng.chance(options.slowLinks)) this.#slow.add(link(from, to))
      }
    }
  }

  get dropped(): number {
    return this.#dropped
  }

  /** From now on the faults of `options`; links keep their states. */
  change(options: NetworkOptions): void {
    this.#options = options
    if (options.slowLinks === 0) this.#slow.clear()
  }

  cut(from: number, to: number): void {
    this.#cut.add(link(from, to))
  }

  join(from: number, to: number): void {
    this.#cut.delete(link(from, to))
    this.#cloggedUntil.delete(link(from, to))
  }

  heal(): void {
    this.#cut.clear()
  }

  isCut(from: number, to: number): boolean {
    return this.#cut.has(link(from, to))
  }

  /** Nothing is lost, but nothing arrives before `untilMs`. */
  clog(from: number, to: number, untilMs: number): void {
    this.#cloggedUntil.set(link(from, to), untilMs)
  }

  /** Times at which copies of a message sent now arrive; none: it is lost. */
  arrivals(from: number, to: number, nowMs: number): number[] {
    const { loss, duplicate } = this.#options
    if (this.#cut.has(link(from, to)) || (loss > 0 && this.#prng.chance(loss))) {
      this.#dropped++
      return []
    }
    const first = this.#arrival(from, to, nowMs)
    if (duplicate === 0 || !this.#prng.chance(duplicate)) return [first]
    // Most repeats come soon; some are replayed when everything has moved on.
    const late = this.#prng.chance(0.1) ? 10_000 : 500
    return [first, this.#arrival(from, to, nowMs) + this.#prng.int(0, late)]
  }

  #arrival(from: number, to: number, nowMs: number): number {
    const { delayMinMs, delayMeanMs, reorder } = this.#options
    let delay = delayMinMs + this.#prng.exponential(delayMeanMs)
    if (reorder > 0 && this.#prng.chance(reorder)) delay *= 10
    if (this.#slow.has(link(from, to))) delay *= 10
    const clogged = this.#cloggedUntil.get(link(from, to)) ?? 0
    return Math.max(nowMs + Math.round(delay), clogged)
  }
}

function link(from: number, to: number): number {
  return from * 64 + to
}
