/**
 * The virtual network: decides when, how often and whether at all a message arrives. It knows no
 * message: what it answers is a list of delays. Loss, delay, duplication and overtaking are drawn for
 * every message; cuts, clogs, slow links and broken streams are states of a directed link.
 *
 * The n-th message of a kind on a link always meets the same luck, whatever happens elsewhere and whatever
 * else is switched off: so a run stays recognisable while it is made smaller (minimise.ts).
 */
import type { Prng } from '../base/prng.ts'
import type { NetworkOptions } from './options.ts'

export class Network {
  #options: NetworkOptions
  readonly #prng: Prng
  readonly #lanes = new Map<string, Prng>()
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

  /** Times at which copies of a message of this kind sent now arrive; none: it is lost. */
  arrivals(from: number, to: number, nowMs: number, kind = ''): number[] {
    const { loss, duplicate, streamReset } = this.#options
    // All is drawn for every message, needed or not: what one option decides moves no other.
    const lane = this.#lane(`${from} ${to} ${kind}`)
    if (lane.chance(streamReset)) this.breakStream(from, to)
    const isLost = lane.chance(loss)
    const first = this.#arrival(lane, from, to, nowMs)
    const isTwice = lane.chance(duplicate)
    // Most repeats come soon; some are replayed when everything has moved on.
    const late = lane.int(0, lane.chance(0.1) ? 10_000 : 500)
    const second = this.#arrival(lane, from, to, nowMs)
    if (isLost) this.counts.lost++
    if (isLost || this.#cut.has(link(from, to))) {
      this.counts.dropped++
      return []
    }
    if (first.isOvertaken) this.counts.overtaken++
    if (this.#slow.has(link(from, to))) this.counts.slowed++
    if (!isTwice) return [first.at]
    this.counts.duplicated++
    return [first.at, second.at + late]
  }

  #lane(name: string): Prng {
    const known = this.#lanes.get(name)
    if (known) return known
    const lane = this.#prng.fork(name)
    this.#lanes.set(name, lane)
    return lane
  }

  #arrival(lane: Prng, from: number, to: number, nowMs: number) {
    const { delayMinMs, delayMeanMs, reorder } = this.#options
    let delay = delayMinMs + lane.exponential(delayMeanMs)
    const isOvertaken = lane.chance(reorder)
    if (isOvertaken) delay *= 10
    if (this.#slow.has(link(from, to))) delay *= 10
    const clogged = this.#cloggedUntil.get(link(from, to)) ?? 0
    return { at: Math.max(nowMs + Math.round(delay), clogged), isOvertaken }
  }
}

function link(from: number, to: number): number {
  return from * 64 + to
}
