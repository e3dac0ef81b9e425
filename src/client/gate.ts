/** A bounded number of places; those who come later wait their turn, a bounded number of them, in order. */
import { onAbort } from './abort.ts'
import { aborted, clientClosed, crowded, notSent, ViewstampError, withOutcome } from './error.ts'

/** How long a call may take and what may end it before. */
export interface Budget {
  /** By performance.now(), a clock that nobody sets. */
  readonly deadline: number
  readonly signal: AbortSignal | undefined
}

interface Waiting<T> {
  readonly enter: (place: T) => void
  readonly refuse: (error: ViewstampError) => void
}

export class Gate<T> {
  readonly #take: () => T | undefined
  readonly #waitingMax: number
  readonly #waiting = new Set<Waiting<T>>()
  #isClosed = false

  /** `take` gives a place, or undefined while there is none. */
  constructor(take: () => T | undefined, waitingMax: number) {
    this.#take = take
    this.#waitingMax = waitingMax
  }

  /** Rejects with an error whose outcome is none. */
  async enter({ deadline, signal }: Budget): Promise<T> {
    if (signal?.aborted) throw aborted('none', signal)
    if (this.#isClosed) throw clientClosed('none')
    const place = this.#waiting.size === 0 ? this.#take() : undefined
    if (place !== undefined) return place
    if (this.#waiting.size >= this.#waitingMax) throw crowded(this.#waitingMax)
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiting)
        clearTimeout(timer)
        release()
      }
      const waiting: Waiting<T> = {
        enter: given => {
          leave()
          resolve(given)
        },
        refuse: error => {
          leave()
          reject(error)
        },
      }
      const timer = setTimeout(
        () =>
          waiting.refuse(notSent('the time was over before earlier calls were: nothing was sent')),
        deadline - performance.now(),
      )
      const release = onAbort(signal, () => {
        if (signal) waiting.refuse(aborted('none', signal))
      })
      this.#waiting.add(waiting)
    })
  }

  /** There may be places again. */
  opened(): void {
    for (const waiting of this.#waiting) {
      const place = this.#take()
      if (place === undefined) return
      waiting.enter(place)
    }
  }

  close(): void {
    this.#isClosed = true
    for (const waiting of [...this.#waiting]) waiting.refuse(clientClosed('none'))
  }
}

/** Waits for what others wait for, too: nobody's time or signal ends it for the rest. Nothing was sent by then. */
export function within<T>(
  awaited: Promise<T>,
  { deadline, signal }: Budget,
  late: string,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let release = (): void => {}
    const settle = (): void => {
      clearTimeout(timer)
      release()
    }
    const fail = (error: unknown): void => {
      settle()
      reject(error instanceof ViewstampError ? withOutcome(error, 'none') : error)
    }
    const timer = setTimeout(() => fail(notSent(late)), deadline - performance.now())
    release = onAbort(signal, () => {
      if (signal) fail(aborted('none', signal))
    })
    awaited.then(value => {
      settle()
      resolve(value)
    }, fail)
  })
}
