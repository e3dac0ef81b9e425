/**
 * Dials one target for ever: 50 ms … 1 s between attempts, with jitter, so that members that lost
 * each other together do not come back in step. It stops only when told to.
 */
export interface RedialOptions {
  /** Waited before the first attempt and after a loss; the side that dials second gives more. */
  readonly patienceMs: number
  /** Nothing to do while this is true. */
  readonly satisfied: () => boolean
  /** One attempt; rejects when it failed. */
  readonly dial: (signal: AbortSignal) => Promise<void>
  readonly failed: (error: unknown) => void
}

const FIRST_MS = 50
const LAST_MS = 1000
const UNWELCOME_MS = 4000
const ATTEMPT_MS_MAX = 3000

export class Redial {
  readonly #options: RedialOptions
  readonly #stop = new AbortController()
  #attempt = 0
  #unwelcome = false
  #timer: NodeJS.Timeout | undefined
  #dialing = false

  constructor(options: RedialOptions) {
    this.#options = options
    this.#schedule(options.patienceMs)
  }

  /** The target was lost: try again, soon at first. */
  lost(): void {
    this.#schedule(this.#options.patienceMs + this.#delay())
  }

  /** There is news (an address, say): try at once instead of waiting out the delay. */
  poke(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.settled()
    this.#schedule(this.#options.patienceMs)
  }

  /** The target has proved good: the next loss starts with short delays again. */
  settled(): void {
    this.#attempt = 0
    this.#unwelcome = false
  }

  /** The target does not want us: ask rarely. */
  unwelcome(): void {
    this.#unwelcome = true
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#stop.abort()
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== undefined || this.#dialing || this.#stop.signal.aborted) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#run()
    }, delayMs)
  }

  async #run(): Promise<void> {
    if (this.#options.satisfied() || this.#stop.signal.aborted) return
    this.#dialing = true
    const attempt = new AbortController()
    const abort = (): void => attempt.abort()
    const timer = setTimeout(abort, ATTEMPT_MS_MAX)
    this.#stop.signal.addEventListener('abort', abort, { once: true })
    try {
      await this.#options.dial(attempt.signal)
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#options.failed(error)
    } finally {
      clearTimeout(timer)
      this.#stop.signal.removeEventListener('abort', abort)
      this.#dialing = false
    }
    if (!this.#options.satisfied()) this.#schedule(this.#delay())
  }

  /** Doubles from FIRST_MS to LAST_MS, times ½ … 1. */
  #delay(): number {
    const jitter = 0.5 + Math.random() / 2
    if (this.#unwelcome) return UNWELCOME_MS * jitter
    return Math.min(FIRST_MS * 2 ** this.#attempt++, LAST_MS) * jitter
  }
}
