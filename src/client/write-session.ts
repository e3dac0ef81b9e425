/**
 * The session in which a client numbers its writes, so that each may be sent again, through any node, and is
 * executed once. One for all writes of a client: many may be under way, within the window of answers that the
 * cluster keeps (contract, "Exactly once").
 */
import { ViewstampError } from './error.ts'
import { type Budget, Gate, within } from './gate.ts'

export interface SessionOptions {
  /** The cluster forgets a session that gave no sign of life for so long. Default 10 minutes. */
  readonly ttlMs?: number | undefined
}

/** A number in a session. It is given back when nobody will ask with it any more. */
export interface Ticket {
  readonly session: string
  readonly seq: number
  readonly done: () => void
}

/** As session.open gives it: answers of so many numbers below the highest are kept. */
export const WINDOW = 256
const TTL_MS = 600_000
const WAITING_MAX = 10_000
const LATE = 'no session could be opened in time: nothing was written'
/** Who has so much longer than the call that began to open a session goes on where that one gives up. */
const LONGER_MS = 1_000

/** session.open, repeated until it has an answer or the deadline has come. */
export interface Open {
  readonly deadline: number
  readonly session: Promise<string>
}

export class WriteSession {
  readonly #open: (ttlMs: number, deadline: number) => Open
  readonly #ttlMs: number
  #numbered: Numbered | undefined
  #opening: Opening | undefined

  /** `open` for a call with that deadline. */
  constructor(
    open: (ttlMs: number, deadline: number) => Open,
    { ttlMs = TTL_MS }: SessionOptions = {},
  ) {
    this.#open = open
    this.#ttlMs = ttlMs
  }

  /** Undefined: no write has needed it yet. */
  get id(): string | undefined {
    return this.#numbered?.id
  }

  /** Rejects with an error whose outcome is none. */
  async ticket(budget: Budget): Promise<Ticket> {
    for (;;) {
      const numbered = this.#usable() ?? (await this.#opened(budget))
      const ticket = await numbered.ticket(budget)
      if (!numbered.isLost) return ticket
      // It was lost while this write waited for its window: nothing was sent, so another one will do.
      ticket.done()
    }
  }

  /** The cluster does not know it any more: the next write opens another. */
  lost(id: string): void {
    if (this.#numbered?.id !== id) return
    this.#numbered.isLost = true
    this.#numbered = undefined
  }

  close(): void {
    this.#numbered?.close()
    this.#numbered = undefined
  }

  /** One that was idle for long may be forgotten by now, and then nobody could say what became of a write. */
  #usable(): Numbered | undefined {
    const isFresh = this.#numbered !== undefined && this.#numbered.idleMs < this.#ttlMs / 2
    return isFresh ? this.#numbered : undefined
  }

  /** Perhaps there is then a session that nobody uses; the write was not sent. */
  async #opened(budget: Budget): Promise<Numbered> {
    for (;;) {
      this.#opening ??= this.#begin(budget.deadline)
      const { numbered, deadline } = this.#opening
      try {
        return await within(numbered, budget, LATE)
      } catch (error) {
        const isLonger = budget.deadline - Math.max(deadline, performance.now()) >= LONGER_MS
        if (!(error instanceof ViewstampError && error.retryable && isLonger)) throw error
      }
    }
  }

  #begin(until: number): Opening {
    const { session, deadline } = this.#open(this.#ttlMs, until)
    const numbered = session
      .then(id => {
        this.#numbered = new Numbered(id)
        return this.#numbered
      })
      .finally(() => {
        this.#opening = undefined
      })
    return { numbered, deadline }
  }
}

interface Opening {
  readonly deadline: number
  readonly numbered: Promise<Numbered>
}

/** The numbers of one session. */
class Numbered {
  readonly id: string
  isLost = false
  /** Numbers that may still be asked with, lowest first. */
  readonly #open = new Set<number>()
  readonly #gate: Gate<number>
  #next = 1
  #used = moment()

  constructor(id: string) {
    this.id = id
    this.#gate = new Gate(() => this.#take(), WAITING_MAX)
  }

  get idleMs(): number {
    if (this.#open.size > 0) return 0
    const now = moment()
    return Math.max(now.wallMs - this.#used.wallMs, now.steadyMs - this.#used.steadyMs)
  }

  async ticket(budget: Budget): Promise<Ticket> {
    const seq = await this.#gate.enter(budget)
    return { session: this.id, seq, done: () => this.#done(seq) }
  }

  close(): void {
    this.#gate.close()
  }

  #take(): number | undefined {
    const [oldest = this.#next] = this.#open
    if (this.#next - oldest >= WINDOW) return undefined
    const seq = this.#next++
    this.#open.add(seq)
    return seq
  }

  #done(seq: number): void {
    this.#used = moment()
    this.#open.delete(seq)
    this.#gate.opened()
  }
}

/** A wall clock may be set back, and the other one stands still while the machine sleeps. */
const moment = () => ({ wallMs: Date.now(), steadyMs: performance.now() })
