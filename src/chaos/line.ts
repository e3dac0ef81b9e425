/** Frames on a slow line to or from one peer: each comes out when it is due, in the order put in. */
import type { Clock } from './clock.ts'

export const LINE_BYTES_MAX = 64 * 2 ** 20
const FRAMES_MAX = 100_000

interface Parcel {
  readonly dueMs: number
  readonly bytes: number
  readonly deliver: () => void
}

export class Line {
  readonly #clock: Clock
  #parcels: Parcel[] = []
  #bytes = 0
  #cancel: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get isEmpty(): boolean {
    return this.#parcels.length === 0
  }

  /** False: the line is full, and the frame lost. */
  put(delayMs: number, bytes: number, deliver: () => void): boolean {
    if (this.#bytes + bytes > LINE_BYTES_MAX || this.#parcels.length >= FRAMES_MAX) return false
    // Jitter does not change the order: no frame overtakes the one before it.
    const last = this.#parcels.at(-1)?.dueMs ?? 0
    const dueMs = Math.max(last, this.#clock.nowMs() + delayMs)
    this.#parcels.push({ dueMs, bytes, deliver })
    this.#bytes += bytes
    this.#plan()
    return true
  }

  /** With the connection goes what is on it. */
  clear(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#parcels = []
    this.#bytes = 0
  }

  #plan(): void {
    const first = this.#parcels[0]
    if (first === undefined || this.#cancel !== undefined) return
    const waitMs = Math.max(0, first.dueMs - this.#clock.nowMs())
    this.#cancel = this.#clock.after(waitMs, () => {
      this.#cancel = undefined
      this.#deliver()
    })
  }

  #deliver(): void {
    const now = this.#clock.nowMs()
    let due = 0
    while ((this.#parcels[due]?.dueMs ?? Number.POSITIVE_INFINITY) <= now) due++
    const out = this.#parcels.splice(0, due)
    for (const { bytes } of out) this.#bytes -= bytes
    for (const { deliver } of out) deliver()
    this.#plan()
  }
}
