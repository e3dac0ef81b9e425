/**
 * The session in which a client numbers its writes, so that each may be sent again, through any node, and is
 * executed once. One for all writes of a client: many may be under way, within the window of answers that the
 * cluster keeps (contract, "Exactly once").
 */
import { aborted, notSent, ViewstampError, withOutcome } from './error.ts'
import { type Budget, Gate } from './gate.ts'

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

export class WriteSession {
  readonly #open: (ttlMs: number) => Promise<string>
  readonly #ttlMs: number
  #numbered: Numbered | undefined
  #opening: Promise<Numbered> | undefined

  /** `open`: session.open, repeated until it has an answer or gives up. */
  constructor(open: (ttlMs: number) => Promise<string>, { ttlMs = TTL_MS }: SessionOptions = {}) {
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
      const numbered = this.#usable() ?? (await within(this.#begin(), budget))
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

  #begin(): Promise<Numbered> {
    this.#opening ??= this.#open(this.#ttlMs)
      .then(id => {
        this.#numbered = new Numbered(id)
        return this.#numbered
      })
      .finally(() => {
        this.#opening = undefined
      })
    return this.#opening
  }
}

/** The numbers of one session. */
class Numbered {
  readonly id: string
  isLost = false
  /** Numbers that may still be asked with, lowest first. */
  readonly #open = new Set<number>()
  readonly #gate: Gate<number>
  #next = 1
  #usedAt = Date.now()

  constructor(id: string) {
    this.id = id
    this.#gate = new Gate(() => this.#take(), WAITING_MAX)
  }

  get idleMs(): number {
    return this.#open.size > 0 ? 0 : Date.now() - this.#usedAt
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
    this.#usedAt = Date.now()
    this.#open.delete(seq)
    this.#gate.opened()
  }
}

/** Waits for a session that others wait for, too: nobody's patience or signal ends it for the rest. */
function within<T>(opening: Promise<T>, { deadline, signal }: Budget): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => fail(notSent('no session could be opened in time: nothing was written')),
      deadline - Date.now(),
    )
    const stop = (): void => {
      if (signal) fail(aborted('none', signal))
    }
    const settle = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    }
    const fail = (error: unknown): void => {
      settle()
      // Perhaps there is a session that nobody uses; the write was not sent.
      reject(error instanceof ViewstampError ? withOutcome(error, 'none') : error)
    }
    signal?.addEventListener('abort', stop, { once: true })
    opening.then(value => {
      settle()
      resolve(value)
    }, fail)
  })
}
