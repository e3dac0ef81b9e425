/**
 * The gate of a paused node: what would have been handled waits, in order, as it does in the kernel
 * for a process that is stopped. When it opens, timers that were missed go first (once each), then
 * what waited. Bounded: what finds no room is lost, as in a full socket buffer.
 */
export const WAITING_BYTES_MAX = 64 * 2 ** 20
/** For what is small, so that a million tiny ones are bounded, too. */
const OVERHEAD_BYTES = 256

export class Gate {
  #closed = false
  /** Open again, with what waited being handled: what comes now goes behind it. */
  #draining = false
  #bytes = 0
  #waiting: { readonly bytes: number; readonly run: () => void }[] = []
  readonly #missed = new Set<() => void>()

  get isOpen(): boolean {
    return !this.#closed && !this.#draining
  }

  close(): void {
    this.#closed = true
  }

  open(): void {
    if (!this.#closed) return
    this.#closed = false
    if (this.#draining) return
    this.#draining = true
    try {
      this.#drain()
    } finally {
      this.#draining = false
    }
  }

  #drain(): void {
    const missed = [...this.#missed]
    this.#missed.clear()
    for (const run of missed) run()
    // What is handled may close the gate again; the rest waits on, before whatever comes later.
    while (!this.#closed) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#bytes -= next.bytes
      next.run()
    }
  }

  /** Now, or when the gate opens. False: there was no room to wait. */
  pass(run: () => void, bytes = 0): boolean {
    if (this.isOpen) {
      run()
      return true
    }
    const weight = bytes + OVERHEAD_BYTES
    if (bytes > 0 && this.#bytes + weight > WAITING_BYTES_MAX) return false
    this.#bytes += weight
    this.#waiting.push({ bytes: weight, run })
    return true
  }

  /** A timer of the node: when it fires at a closed gate, it runs once when that opens. */
  timer(run: () => void): void {
    if (this.isOpen) run()
    else this.#missed.add(run)
  }

  /** Resolves at once, or when the gate opens. */
  passed(): Promise<void> {
    return this.isOpen ? Promise.resolve() : new Promise(resolve => this.pass(resolve))
  }
}
