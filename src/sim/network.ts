/**
 * The virtual network: decides when, how often and whether at all a message arrives. It knows no
 * message: what it answers is a list of delays. Loss, delay, duplication and overtaking are drawn for
 * every message; cuts, clogs, slow links and broken streams are states of a directed link.
 */
import type { Prng } from '../base/prng.ts'
import type { NetworkOptions } from './options.ts'

export class Network {
  #options: NetworkOptions
  readonly #prng: Prng
  readonly #streamPrng: Prng
  /** By how many partitions a link is cut. */
  readonly #cut = new Map<number, number>()
  readonly #cloggedUntil = new Map<number, number>()
  readonly #streams = new Map<number, number>()
  readonly #slow = new Set<number>()
  /** What was lost, and what each kind of misfortune did, by number of messages. */
  readonly counts = { dropped: 0, lost: 0, duplicated: 0, overtaken: 0, slowed: 0, broken: 0 }

  constructor(options: NetworkOptions, prng: Prng, replicas: number) {
    this.#options = options
    this.#prng = prng
    this.#streamPrng = prng.fork('streams')
    for (let from = 0; from < replicas; from++) {
      for (let to = 0; to < replicas; to++) {
        if (from !== to && prng.chance(options.slowLinks)) this.#slow.add(link(from, to))
      }
    }
  }

  /** From now on the faults of `options`; links keep their states. */
  change(options: NetworkOptions): void {
    this.#options = options
    if (options.slowLinks === 0) this.#slow.clear()
  }

  cut(from: number, to: number): void {
    const key = link(from, to)
    this.#cut.set(key, (this.#cut.get(key) ?? 0) + 1)
  }

  join(from: number, to: number): void {
    const key = link(from, to)
    const left = (this.#cut.get(key) ?? 0) - 1
    if (left > 0) this.#cut.set(key, left)
    else this.#cut.delete(key)
  }

  /** The link is whole, whatever was done to it. */
  heal(from: number, to: number): void {
    this.#cut.delete(link(from, to))
    this.#cloggedUntil.delete(link(from, to))
  }

  isCut(from: number, to: number): boolean {
    return this.#cut.has(link(from, to))
  }

  /** Nothing is lost, but nothing arrives before `untilMs`. */
  clog(from: number, to: number, untilMs: number): void {
    const until = this.#cloggedUntil.get(link(from, to)) ?? 0
    this.#cloggedUntil.set(link(from, to), Math.max(until, untilMs))
  }

  /** What is under way on this link is lost. */
  breakStream(from: number, to: number): void {
    this.#streams.set(link(from, to), this.stream(from, to) + 1)
    this.counts.broken++
  }

  /** Names the stream that a message sent now travels on; it is lost if that is another when it arrives. */
  stream(from: number, to: number): number {
    return this.#streams.get(link(from, to)) ?? 0
  }

  /** Times at which copies of a message sent now arrive; none: it is lost. */
  arrivals(from: number, to: number, nowMs: number): number[] {
    const { loss, duplicate, streamReset } = this.#options
    if (streamReset > 0 && this.#streamPrng.chance(streamReset)) this.breakStream(from, to)
    const isLost = loss > 0 && this.#prng.chance(loss)
    if (isLost) this.counts.lost++
    if (isLost || this.#cut.has(link(from, to))) {
      this.counts.dropped++
      return []
    }
    const first = this.#arrival(from, to, nowMs)
    if (duplicate === 0 || !this.#prng.chance(duplicate)) return [first]
    this.counts.duplicated++
    // Most repeats come soon; some are replayed when everything has moved on.
    const late = this.#prng.chance(0.1) ? 10_000 : 500
    return [first, this.#arrival(from, to, nowMs) + this.#prng.int(0, late)]
  }

  #arrival(from: number, to: number, nowMs: number): number {
    const { delayMinMs, delayMeanMs, reorder } = this.#options
    let delay = delayMinMs + this.#prng.exponential(delayMeanMs)
    if (reorder > 0 && this.#prng.chance(reorder)) {
      delay *= 10
      this.counts.overtaken++
    }
    if (this.#slow.has(link(from, to))) {
      delay *= 10
      this.counts.slowed++
    }
    const clogged = this.#cloggedUntil.get(link(from, to)) ?? 0
    return Math.max(nowMs + Math.round(delay), clogged)
  }
}

function link(from: number, to: number): number {
  return from * 64 + to
}
