/** Virtual time: nothing happens but when it is turned. */
import type { Clock } from '../../src/chaos/clock.ts'

export class VirtualClock implements Clock {
  #now = 0
  #next = 0
  readonly #timers = new Map<number, { readonly dueMs: number; readonly run: () => void }>()

  nowMs(): number {
    return this.#now
  }

  after(ms: number, run: () => void): () => void {
    const id = this.#next++
    this.#timers.set(id, { dueMs: this.#now + ms, run })
    return () => void this.#timers.delete(id)
  }

  get timers(): number {
    return this.#timers.size
  }

  /** Timers in the order in which they are due, those of one moment in the order set. */
  advance(ms: number): void {
    const until = this.#now + ms
    for (;;) {
      const due = [...this.#timers]
        .filter(([, { dueMs }]) => dueMs <= until)
        .sort((a, b) => a[1].dueMs - b[1].dueMs || a[0] - b[0])[0]
      if (due === undefined) break
      this.#timers.delete(due[0])
      this.#now = Math.max(this.#now, due[1].dueMs)
      due[1].run()
    }
    this.#now = until
  }
}
