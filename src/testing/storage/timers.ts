/** Takes the place of the global timers under src/storage: they fire in the time of the run that is replayed. */

interface Timer {
  readonly atMs: number
  readonly run: () => void
}

let nowMs = 0
const timers = new Set<Timer>()

export function setTimeout(run: () => void, ms: number): Timer {
  const timer = { atMs: nowMs + ms, run }
  timers.add(timer)
  return timer
}

export function clearTimeout(timer: Timer | undefined): void {
  if (timer !== undefined) timers.delete(timer)
}

/** Gives when the first of those that fired was due. */
export function advanceTo(ms: number): number | undefined {
  let first: number | undefined
  for (;;) {
    const due = [...timers].filter(({ atMs }) => atMs <= ms).sort((a, b) => a.atMs - b.atMs)[0]
    if (due === undefined) break
    nowMs = Math.max(nowMs, due.atMs)
    timers.delete(due)
    due.run()
    first ??= due.atMs
  }
  nowMs = Math.max(nowMs, ms)
  return first
}

export function resetTimers(): void {
  timers.clear()
  nowMs = 0
}
