/**
 * Whether what a copy holds is what the log says up to the rev that the copy has reached: other writes take revs, too,
 * and to go on behind them would leave out as many operations of the source. The newest keys are compared.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Json, JsonObject } from '../../base/json.ts'
import type { Client } from '../../client/client.ts'
import { ViewstampError } from '../../client/error.ts'

interface Change {
  readonly key: string
  readonly value?: unknown
  readonly expiresMs?: number | undefined
}

type Seen = Change & { readonly rev: number }

const KEYS = 64

export class CopyCheck {
  readonly #client: Client
  readonly #meta: JsonObject
  readonly #reached: number
  /** The newest last. */
  readonly #newest = new Map<string, Seen>()
  #read = 0

  constructor(client: Client, meta: JsonObject, reached: number) {
    this.#client = client
    this.#meta = meta
    this.#reached = reached
  }

  /** The log was read up to this rev. */
  reads(rev: number): void {
    this.#read = Math.max(this.#read, rev)
  }

  skipped(rev: number, operation: readonly Change[]): void {
    this.reads(rev)
    for (const change of operation) {
      this.#newest.delete(change.key)
      this.#newest.set(change.key, { ...change, rev })
    }
    for (const key of this.#newest.keys()) {
      if (this.#newest.size <= KEYS) break
      this.#newest.delete(key)
    }
  }

  /** They go from the copy by its own clock: it says nothing whether they are there. */
  expired(changes: readonly Change[]): void {
    for (const { key } of changes) this.#newest.delete(key)
  }

  /** The log ends before the copy does: newer writes may have changed any key. */
  get isShort(): boolean {
    return this.#read < this.#reached
  }

  get short(): string {
    return `what was read ends at rev ${this.#read}, before the copy does: nothing was compared`
  }

  async run(): Promise<void> {
    await Promise.all([...this.#newest.values()].map(each => this.#compare(each)))
  }

  async #compare(seen: Seen): Promise<void> {
    const { key, rev } = seen
    const { kv } = await this.#client.call('kv.get', { key, ...this.#meta })
    if (isSame(seen, kv)) return
    const name = JSON.stringify(key)
    const message = `the copy is at rev ${this.#reached}, but not with what was read: ${name}, changed at rev ${rev} there, is another here`
    const facts = { code: 1001, name: 'COMPARE_FAILED', outcome: 'none', retryable: false } as const
    throw new ViewstampError(message, { ...facts, data: { key, rev } })
  }
}

function isSame(
  { value, rev, expiresMs }: Seen,
  kv: { readonly rev: number; readonly value?: Json } | null,
): boolean {
  // Its time may be over at the copy.
  if (kv === null) return value === undefined || expiresMs !== undefined
  return kv.rev === rev && isDeepStrictEqual(kv.value, value)
}
