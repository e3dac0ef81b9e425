/** Time for faults: tests turn it by hand. */
export interface Clock {
  nowMs(): number
  /** Gives what cancels it. */
  after(ms: number, run: () => void): () => void
}

export const REAL_CLOCK: Clock = {
  nowMs: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}
