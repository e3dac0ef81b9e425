/**
 * The node's own session at one shard: calls without `meta.session` go through it, so that the node's
 * repeats (a view change, a lost message) never execute twice. It is opened by the first write, and
 * opened anew when it was evicted.
 */
import { randomBytes } from 'node:crypto'
import { present } from '../base/assert.ts'
import { text } from '../base/bytes.ts'
import { ViewstampError } from '../base/errors.ts'
import { type Registration, registration, WINDOW_MAX } from '../vr/client-table.ts'
import { CLIENT_ID_BYTES_MAX, type Command } from '../vr/entry.ts'
import type { ClientId, RequestNumber } from '../vr/terms.ts'
import { clientId, requestNumber } from '../vr/terms.ts'

export const newClientId = (): ClientId => clientId(randomBytes(12).toString('hex'))

export function registerCommand(id: ClientId, wish: Registration): Command {
  return {
    kind: 'register',
    clientId: id,
    requestNumber: requestNumber(0),
    ackedNumber: requestNumber(0),
    meta: '',
    operation: registration(wish),
  }
}

/** The client-id that a registration was given. */
export function sessionIdOf(result: Uint8Array): ClientId {
  const { session } = JSON.parse(text(result)) as { session: string }
  return clientId(session)
}

/** Of a user's session (sessions.ts): by which op each shard calls its own. */
export const opsOf = (session: string): readonly string[] =>
  session.slice(session.lastIndexOf('@') + 1).split('.')

/** What shard `index` of so many calls a user's session. */
export function clientIdAt(session: string, index: number, shards: number): ClientId {
  const ops = opsOf(session)
  const op = ops.length === shards ? ops[index] : undefined
  const id = op === undefined ? session : `${session.slice(0, session.lastIndexOf('@'))}@${op}`
  if (Buffer.byteLength(id) <= CLIENT_ID_BYTES_MAX) return clientId(id)
  const message = `the session is longer than the limit of ${CLIENT_ID_BYTES_MAX} bytes: use the id that session.open gave`
  throw new ViewstampError('TOO_LARGE', message, {
    limit: CLIENT_ID_BYTES_MAX,
    path: 'meta.session',
  })
}

export class OwnSession {
  #clientId: ClientId | undefined
  #opening: Promise<void> | undefined
  #next = 1
  readonly #open: (name: ClientId) => Promise<ClientId>
  readonly #oldest: (client: ClientId) => RequestNumber | undefined

  /** `open` registers the name and gives the client-id; `oldest`: lowest number still waiting. */
  constructor(
    open: (name: ClientId) => Promise<ClientId>,
    oldest: (client: ClientId) => RequestNumber | undefined,
  ) {
    this.#open = open
    this.#oldest = oldest
  }

  get isOpen(): boolean {
    return this.#clientId !== undefined
  }

  /** Opens it, once for all who wait for it. Rejects when that fails: nothing was written then. */
  open(): Promise<void> {
    this.#opening ??= this.#register().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #register(): Promise<void> {
    this.#clientId = await this.#open(newClientId())
    this.#next = 1
  }

  /** The next command of the open session. */
  command(operation: Uint8Array, meta: string): Command {
    const id = present(this.#clientId, 'the session is open')
    const n = this.#next++
    return {
      kind: 'operation',
      clientId: id,
      requestNumber: requestNumber(n),
      // Everything below the oldest that waits has been answered.
      ackedNumber: requestNumber(Math.max(0, (this.#oldest(id) ?? n) - 1)),
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

  /** It is not in the client-table (any more): another must be opened. */
  lost(id: ClientId): void {
    if (this.#clientId === id) this.#clientId = undefined
  }
}
