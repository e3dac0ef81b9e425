/**
 * The node's own session at one shard: calls without `meta.session` go through it, so that the node's
 * repeats (a view change, a lost message) never execute twice. It is opened by the first write, in the
 * same batch, and opened anew when it was evicted.
 */
import { randomBytes } from 'node:crypto'
import { registration, WINDOW_MAX } from '../vr/client-table.ts'
import type { Command } from '../vr/entry.ts'
import type { ClientId, RequestNumber } from '../vr/terms.ts'
import { clientId, requestNumber } from '../vr/terms.ts'

export const newClientId = (): ClientId => clientId(randomBytes(12).toString('hex'))

export function registerCommand(id: ClientId, window: number, ttlMs: number): Command {
  return {
    kind: 'register',
    clientId: id,
    requestNumber: requestNumber(0),
    ackedNumber: requestNumber(0),
    meta: '',
    operation: registration({ window, ttlMs }),
  }
}

export class OwnSession {
  #clientId: ClientId | undefined
  #next = 1
  readonly #open: (command: Command) => void
  readonly #oldest: (client: ClientId) => RequestNumber | undefined

  /** `open` sends a command and sees to it that it arrives; `oldest`: lowest number still waiting. */
  constructor(
    open: (command: Command) => void,
    oldest: (client: ClientId) => RequestNumber | undefined,
  ) {
    this.#open = open
    this.#oldest = oldest
  }

  /** The next command of this session. */
  command(operation: Uint8Array, meta: string): Command {
    if (this.#clientId === undefined) {
      this.#clientId = newClientId()
      this.#next = 1
      this.#open(registerCommand(this.#clientId, WINDOW_MAX, 0))
    }
    const n = this.#next++
    return {
      kind: 'operation',
      clientId: this.#clientId,
      requestNumber: requestNumber(n),
      // Everything below the oldest that waits has been answered; number 0 is the registration.
      ackedNumber: requestNumber(Math.max(0, (this.#oldest(this.#clientId) ?? n) - 1)),
      meta,
      operation,
    }
  }

  /** The numbers of one session must fit its window: false while too many wait. */
  get room(): boolean {
    if (this.#clientId === undefined) return true
    const oldest = this.#oldest(this.#clientId)
    return oldest === undefined || this.#next - oldest < WINDOW_MAX / 2
  }

  /** It is not in the client-table (any more): the next command opens a new one. */
  lost(id: ClientId): void {
    if (this.#clientId === id) this.#clientId = undefined
  }
}
