/**
 * Whether what a copy holds is what the log says up to the rev that the copy has reached: other writes take revs, too,
 * and to go on behind them would leave out as many operations of the source. The newest keys are compared, and the newest
 * record of each partition.
 */
import { isDeepStrictEqual } from 'node:util'
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import type { Client } from '../../client/client.ts'
import { ViewstampError } from '../../client/error.ts'
import { objects } from '../cluster-nodes.ts'

interface Seen {
  readonly key: string
  readonly value?: Json | undefined
  readonly expiresMs?: Json | undefined
  readonly rev: number
}

/** The newest record of a partition. */
interface SeenRecord {
  readonly feed: string
  readonly partition: number
  readonly offset: number
  readonly record: JsonObject
}

const KEYS = 64

export class CopyCheck {
  readonly #client: Client
  readonly #meta: JsonObject
  readonly #reached: number
  /** The newest last. */
  readonly #newest = new Map<string, Seen>()
  /** By feed and partition. */
  readonly #records = new Map<string, SeenRecord>()
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

  skipped(rev: number, operation: readonly JsonObject[]): void {
    this.reads(rev)
    for (const { machine, key: name, value, expiresMs } of operation) {
      const key = String(name)
      if (machine === 'feed') this.#skippedFeed(key, value)
      else renew(this.#newest, key, { key, value, expiresMs, rev })
    }
  }

  #skippedFeed(key: string, value: Json | undefined): void {
    const [feed = '', partition, offset] = key.split('/')
    if (value === undefined && partition === undefined) {
      for (const [place, each] of this.#records) if (each.feed === feed) this.#records.delete(place)
    }
    if (offset === undefined || partition === 'group' || !isObject(value)) return
    const record = value as JsonObject
    const seen = { feed, partition: Number(partition), offset: Number(offset), record }
    renew(this.#records, `${feed}/${partition}`, seen)
  }

  /** They go from the copy by its own clock: it says nothing whether they are there. */
  expired(changes: readonly JsonObject[]): void {
    for (const { machine, key } of changes) if (machine !== 'feed') this.#newest.delete(String(key))
  }

  /** The log ends before the copy does: newer writes may have changed any key. */
  get isShort(): boolean {
    return this.#read < this.#reached
  }

  get short(): string {
    return `what was read ends at rev ${this.#read}, before the copy does: nothing was compared`
  }

  async run(): Promise<void> {
    await Promise.all([
      ...[...this.#newest.values()].map(each => this.#compare(each)),
      ...[...this.#records.values()].map(each => this.#compareRecord(each)),
    ])
  }

  async #compare(seen: Seen): Promise<void> {
    const { key, rev } = seen
    const { kv } = await this.#client.call('kv.get', { key, ...this.#meta })
    if (isSame(seen, kv)) return
    throw this.#other(key, rev)
  }

  async #compareRecord({ feed, partition, offset, record }: SeenRecord): Promise<void> {
    const place = { feed, partition, from: offset, limit: 1, ...this.#meta }
    const rev = Number(record['rev'])
    const page = await this.#client.call('feed.read', place).catch((error: unknown) => {
      if (!(error instanceof ViewstampError)) throw error
      // It may be too old for the copy, too.
      const first = isObject(error.data) ? Number(error.data['first']) : Number.NaN
      if (error.name === 'OFFSET_OUT_OF_RANGE' && first > offset) return undefined
      const isOther = error.name === 'OFFSET_OUT_OF_RANGE' || error.name === 'FEED_NOT_FOUND'
      throw isOther ? this.#other(`${feed}/${partition}/${offset}`, rev) : error
    })
    const found = page && objects(page.records as Json)[0]
    // Of a compacted feed it goes when its key was deleted for long enough.
    if (found === undefined || found['offset'] !== offset) return
    if (found['rev'] === rev && isDeepStrictEqual(found['value'], record['value'])) return
    throw this.#other(`${feed}/${partition}/${offset}`, rev)
  }

  #other(key: string, rev: number): ViewstampError {
    const name = JSON.stringify(key)
    const message = `the copy is at rev ${this.#reached}, but not with what was read: ${name}, changed at rev ${rev} there, is another here`
    const facts = { code: 1001, name: 'COMPARE_FAILED', outcome: 'none', retryable: false } as const
    return new ViewstampError(message, { ...facts, data: { key, rev } })
  }
}

/** As the newest of at most so many. */
function renew<T>(newest: Map<string, T>, key: string, seen: T): void {
  newest.delete(key)
  newest.set(key, seen)
  for (const oldest of newest.keys()) {
    if (newest.size <= KEYS) break
    newest.delete(oldest)
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
