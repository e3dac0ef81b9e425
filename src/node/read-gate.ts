/**
 * Reads that wait: for the primary to confirm an op (linearizable), or for this node to have executed
 * one (session). Those that come while a question is under way share the next.
 */
import { ViewstampError } from '../base/errors.ts'

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: ViewstampError) => void
  readonly deadlineMs: number
}

interface Asking extends Waiting {
  readonly readNumber: number
}

interface Behind extends Waiting {
  readonly opNumber: number
}

const WAITING_MAX = 65_536

export class ReadGate {
  readonly #ask: (readNumber: number) => void
  readonly #executed: () => number
  #asking: Asking[] = []
  #behind: Behind[] = []
  #next = 1
  #scheduled = false

  /** `ask`: reads up to this number want an op to wait for. `executed`: op reached here. */
  constructor(ask: (readNumber: number) => void, executed: () => number) {
    this.#ask = ask
    this.#executed = executed
  }

  get size(): number {
    return this.#asking.length + this.#behind.length
  }

  /** Resolves when a read of this node's state is linearizable. */
  linearizable(timeoutMs: number): Promise<void> {
    return this.#wait(timeoutMs, waiting => {
      this.#asking.push({ ...waiting, readNumber: this.#next++ })
      if (this.#scheduled) return
      this.#scheduled = true
      setImmediate(() => this.retry())
    })
  }

  /** Resolves when op has been executed here. */
  async reached(opNumber: number, timeoutMs: number): Promise<void> {
    if (this.#executed() >= opNumber) return
    await this.#wait(timeoutMs, waiting => this.#behind.push({ ...waiting, opNumber }))
  }

  /** Asks for all that wait. */
  retry(): void {
    this.#scheduled = false
    if (this.#asking.length > 0) this.#ask(this.#next - 1)
  }

  ready(readNumber: number, opNumber: number): void {
    const done = this.#executed() >= opNumber
    const still: Asking[] = []
    for (const read of this.#asking) {
      if (read.readNumber > readNumber) still.push(read)
      else if (done) read.resolve()
      else this.#behind.push({ ...read, opNumber })
    }
    this.#asking = still
  }

  applied(opNumber: number): void {
    if (this.#behind.length === 0) return
    const still: Behind[] = []
    for (const read of this.#behind) {
      if (read.opNumber <= opNumber) read.resolve()
      else still.push(read)
    }
    this.#behind = still
  }

  tick(nowMs: number): void {
    const late = (read: Waiting): boolean => read.deadlineMs <= nowMs
    for (const read of [...this.#asking, ...this.#behind]) if (late(read)) read.reject(timedOut())
    this.#asking = this.#asking.filter(read => !late(read))
    this.#behind = this.#behind.filter(read => !late(read))
  }

  stop(why: ViewstampError): void {
    for (const read of [...this.#asking, ...this.#behind]) read.reject(why)
    this.#asking = []
    this.#behind = []
  }

  #wait(timeoutMs: number, queue: (waiting: Waiting) => void): Promise<void> {
    if (this.size >= WAITING_MAX) {
      return Promise.reject(new ViewstampError('OVERLOADED', 'too many reads wait at this node'))
    }
    return new Promise((resolve, reject) => {
      queue({ resolve, reject, deadlineMs: performance.now() + timeoutMs })
    })
  }
}

function timedOut(): ViewstampError {
  const message =
    'no quorum confirmed the read in time; retry, or read with consistency "local" if what this node knows will do'
  return new ViewstampError('NO_QUORUM', message, { outcome: 'none' })
}
