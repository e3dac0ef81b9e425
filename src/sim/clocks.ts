/**
 * The clocks of the hosts: each a little off, each a little fast or slow. The one on the wall may jump, or
 * stand still; the monotonic one stands still while the machine sleeps.
 */
import { present } from '../base/assert.ts'
import type { Prng } from '../base/prng.ts'
import type { ClockOptions } from './options.ts'

/** Log time starts here, so that a clock may jump back. */
const WALL_START_MS = 1_700_000_000_000

interface HostClock {
  skewMs: number
  readonly drift: number
  /** Slept so far, in its own ms. */
  sleptMs: number
  asleepSince: number | undefined
  stuckAt: number | undefined
  stuckUntil: number
}

export class Clocks {
  readonly #clocks: HostClock[] = []

  constructor({ skewMs, drift }: ClockOptions, prng: Prng, replicas: number) {
    for (let number = 0; number < replicas; number++) {
      const own = prng.int(-skewMs, skewMs)
      this.#clocks.push({
        skewMs: own,
        drift: (prng.float() * 2 - 1) * drift,
        sleptMs: 0,
        asleepSince: undefined,
        stuckAt: undefined,
        stuckUntil: 0,
      })
    }
  }

  jump(number: number, byMs: number): void {
    this.#of(number).skewMs += byMs
  }

  /** The clock on the wall shows the same time until then. */
  stick(number: number, nowMs: number, untilMs: number): void {
    const at = this.wallMs(number, nowMs)
    const clock = this.#of(number)
    clock.stuckAt = at
    clock.stuckUntil = untilMs
  }

  /** The machine is suspended: CLOCK_MONOTONIC stands still. */
  sleep(number: number, nowMs: number): void {
    const at = this.#running(number, nowMs)
    this.#of(number).asleepSince ??= at
  }

  wake(number: number, nowMs: number): void {
    const clock = this.#of(number)
    if (clock.asleepSince === undefined) return
    clock.sleptMs += this.#running(number, nowMs) - clock.asleepSince
    clock.asleepSince = undefined
  }

  monotonicMs(number: number, nowMs: number): number {
    const { asleepSince, sleptMs } = this.#of(number)
    return (asleepSince ?? this.#running(number, nowMs)) - sleptMs
  }

  wallMs(number: number, nowMs: number): number {
    const { skewMs, stuckAt, stuckUntil } = this.#of(number)
    if (stuckAt !== undefined && nowMs < stuckUntil) return stuckAt
    return WALL_START_MS + skewMs + this.#running(number, nowMs)
  }

  #running(number: number, nowMs: number): number {
    return Math.floor(nowMs * (1 + this.#of(number).drift))
  }

  #of(number: number): HostClock {
    return present(this.#clocks[number], 'the host exists')
  }
}
