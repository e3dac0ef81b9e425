/** The clocks of the hosts: each a little off, each a little fast or slow; the one on the wall may jump. */
import { present } from '../base/assert.ts'
import type { Prng } from '../base/prng.ts'
import type { ClockOptions } from './options.ts'

/** Log time starts here, so that a clock may jump back. */
const WALL_START_MS = 1_700_000_000_000

export class Clocks {
  readonly #clocks: { skewMs: number; readonly drift: number }[] = []

  constructor({ skewMs, drift }: ClockOptions, prng: Prng, replicas: number) {
    for (let number = 0; number < replicas; number++) {
      const own = prng.int(-skewMs, skewMs)
      this.#clocks.push({ skewMs: own, drift: (prng.float() * 2 - 1) * drift })
    }
  }

  jump(number: number, byMs: number): void {
    this.#of(number).skewMs += byMs
  }

  monotonicMs(number: number, nowMs: number): number {
    return Math.floor(nowMs * (1 + this.#of(number).drift))
  }

  wallMs(number: number, nowMs: number): number {
    return WALL_START_MS + this.#of(number).skewMs + this.monotonicMs(number, nowMs)
  }

  #of(number: number): { skewMs: number; readonly drift: number } {
    return present(this.#clocks[number], 'the host exists')
  }
}
