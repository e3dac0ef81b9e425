/** Messages of the last minute, of earlier starts of their senders too, kept to come once more. */
import type { Prng } from '../base/prng.ts'
import type { SimEvent } from './event.ts'

export type InTransit = Extract<SimEvent, { type: 'message' }>

const KEPT = 256
const OLDEST_MS = 60_000
/** One in so many is kept: then the oldest is old. */
const SHARE = 16

export class Replays {
  readonly #prng: Prng
  readonly #kept: InTransit[] = []
  #next = 0

  constructor(prng: Prng) {
    this.#prng = prng
  }

  note(message: InTransit): void {
    if (this.#prng.int(1, SHARE) !== 1) return
    this.#kept[this.#next] = message
    this.#next = (this.#next + 1) % KEPT
  }

  pick(count: number, nowMs: number): InTransit[] {
    const old = this.#kept.filter(({ sentMs }) => nowMs - sentMs <= OLDEST_MS)
    const picked: InTransit[] = []
    for (let i = 0; i < count && old.length > 0; i++) picked.push(this.#prng.pick(old))
    return picked
  }
}
