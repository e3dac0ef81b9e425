/** What a signal ends. */

interface Listening {
  readonly waiting: Set<() => void>
  readonly listener: () => void
}

/** One listener for each signal, however many wait for it: Node warns where there are more than ten. */
const LISTENING = new WeakMap<AbortSignal, Listening>()

/** Calls `then`, a function of the caller's own, when the signal is aborted: at once if it is. Gives what takes that back. */
export function onAbort(signal: AbortSignal | undefined, then: () => void): () => void {
  if (signal?.aborted) then()
  if (signal === undefined || signal.aborted) return nothing
  const { waiting, listener } = LISTENING.get(signal) ?? listen(signal)
  waiting.add(then)
  return () => {
    waiting.delete(then)
    if (waiting.size > 0 || LISTENING.get(signal)?.waiting !== waiting) return
    LISTENING.delete(signal)
    signal.removeEventListener('abort', listener)
  }
}

function listen(signal: AbortSignal): Listening {
  const waiting = new Set<() => void>()
  const listener = (): void => {
    LISTENING.delete(signal)
    for (const each of [...waiting]) each()
  }
  const listening = { waiting, listener }
  LISTENING.set(signal, listening)
  signal.addEventListener('abort', listener, { once: true })
  return listening
}

/** Aborted as soon as one of them is; `release` when nobody waits for it any more. */
export function either(...signals: readonly (AbortSignal | undefined)[]): {
  readonly signal: AbortSignal
  readonly release: () => void
} {
  const both = new AbortController()
  const releases = signals.map(each => onAbort(each, () => both.abort(each?.reason)))
  return {
    signal: both.signal,
    release: () => {
      for (const release of releases) release()
    },
  }
}

function nothing(): void {}
