/** A bounded number of places; those who come later wait their turn, a bounded number of them, in order. */
import { aborted, clientClosed, crowded, notSent, type ViewstampError } from './error.ts'

/** How long a call may take and what may end it before. */
export interface Budget {
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

  /** `take` gives a place, or undefined while there is none. */
  constructor(take: () => T | undefined, waitingMax: number) {
    this.#take = take
    this.#waitingMax = waitingMax
  }

  /** Rejects with an error whose outcome is none. */
  async enter({ deadline, signal }: Budget): Promise<T> {
    if (signal?.aborted) throw aborted('none', signal)
    const place = this.#waiting.size === 0 ? this.#take() : undefined
    if (place !== undefined) return place
    if (this.#waiting.size >= this.#waitingMax) throw crowded(this.#waitingMax)
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiting)
        clearTimeout(timer)
        signal?.removeEventListener('abort', stop)
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
        deadline - Date.now(),
      )
      const stop = (): void => {
        if (signal) waiting.refuse(aborted('none', signal))
      }
      signal?.addEventListener('abort', stop, { once: true })
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
    for (const waiting of [...this.#waiting]) waiting.refuse(clientClosed('none'))
  }
}
