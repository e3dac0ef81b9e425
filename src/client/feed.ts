/** c.feed: records that are appended, and read by offset, live or again. Results are those of docs/rpc.md. */
import type { Json, JsonObject } from '../base/json.ts'
import type { CallOptions } from './caller.ts'
import {
  type CallMethod,
  callWith,
  type Options,
  type Params,
  type Result,
  split,
} from './method-call.ts'
import type { FeedRecord } from './methods/index.ts'
import { stream, type Watcher } from './stream.ts'

/** What a record has besides its value; members that are not named here are kept in it. */
export type RecordMembers = Omit<Params<'feed.publish'>, 'feed' | 'value' | 'meta'> & JsonObject

/** An offset, `first`, `last`, `now`, `{ timeMs }`, offsets by partition, or what `next` of a read was. */
export type FeedFrom = Json

export interface FeedReadOptions extends CallOptions {
  /** Default: all, in the order of the log. */
  readonly partition?: number | undefined
  /** Default: the first record there is. */
  readonly from?: FeedFrom | undefined
  /** Offsets below it. */
  readonly to?: number | undefined
  /** At most so many records; default: to the end. */
  readonly limit?: number | undefined
  /** So many are asked for at a time; the next are asked for when these are taken. */
  readonly page?: number | undefined
}

export interface FeedSubscribeOptions extends CallOptions {
  readonly partition?: number | undefined
  /** Default: the next record. */
  readonly from?: FeedFrom | undefined
}

const PAGE = 100

export class Feeds {
  readonly #call: CallMethod
  readonly #watcher: Watcher

  constructor(call: CallMethod, watcher: Watcher) {
    this.#call = call
    this.#watcher = watcher
  }

  create(
    feed: string,
    options: Options<'feed.create', 'feed'> = {},
  ): Promise<Result<'feed.create'>> {
    return callWith(this.#call, 'feed.create', { feed }, options)
  }

  update(
    feed: string,
    options: Options<'feed.update', 'feed'> = {},
  ): Promise<Result<'feed.update'>> {
    return callWith(this.#call, 'feed.update', { feed }, options)
  }

  delete(feed: string, options: CallOptions = {}): Promise<Result<'feed.delete'>> {
    return callWith(this.#call, 'feed.delete', { feed }, options)
  }

  list(prefix = '', options: CallOptions = {}): Promise<Result<'feed.list'>> {
    return callWith(this.#call, 'feed.list', { prefix }, options)
  }

  info(feed: string, options: CallOptions = {}): Promise<Result<'feed.info'>> {
    return callWith(this.#call, 'feed.info', { feed }, options)
  }

  /** `duplicate`: its `id` was published before, at that offset. */
  publish(
    feed: string,
    value: Json,
    members: RecordMembers = {},
    options: CallOptions = {},
  ): Promise<Result<'feed.publish'>> {
    return callWith(this.#call, 'feed.publish', { ...members, feed, value }, options)
  }

  /** All of them or none, where their feeds are in one shard. */
  publishBatch(
    records: readonly (RecordMembers & { readonly feed: string; readonly value: Json })[],
    options: CallOptions = {},
  ): Promise<Result<'feed.publishBatch'>> {
    return callWith(this.#call, 'feed.publishBatch', { records }, options)
  }

  truncate(
    feed: string,
    options: Options<'feed.truncate', 'feed'>,
  ): Promise<Result<'feed.truncate'>> {
    return callWith(this.#call, 'feed.truncate', { feed }, options)
  }

  /** The records that are there when it begins. Throws OFFSET_OUT_OF_RANGE where they begin above `from`. */
  async *read(feed: string, options: FeedReadOptions = {}): AsyncGenerator<FeedRecord> {
    for await (const { records } of this.pages(feed, options)) yield* records
  }

  /** The same, as the answers of feed.read. */
  async *pages(feed: string, options: FeedReadOptions = {}): AsyncGenerator<Result<'feed.read'>> {
    const { limit = Number.POSITIVE_INFINITY, page = PAGE, from, ...rest } = options
    const { params, call } = split(rest)
    let [next, left] = [from, limit]
    let end: Offsets | undefined
    while (left > 0) {
      const where = next === undefined ? {} : { from: next }
      const asked = { ...params, feed, limit: Math.min(left, page), ...where }
      const answer = await this.#call('feed.read', asked, call)
      end ??= answer.last
      yield answer
      if (answer.records.length === 0 || isBehind(answer.next, end)) return
      left -= answer.records.length
      next = answer.next
    }
  }

  /**
   * Records as they are published, in order within a partition; over fail-overs, without a gap or a duplicate. A feed,
   * or a pattern: `orders.*` (one part), `orders.>` (all below).
   */
  subscribe(feed: string, options: FeedSubscribeOptions = {}): AsyncGenerator<FeedRecord> {
    const { params, call } = split(options)
    // A pattern can only be followed where it is pushed.
    const isPattern = /[*>]/.test(feed)
    const poll = isPattern ? undefined : { method: 'feed.read', items: recordsOf }
    const source = { method: 'feed.subscribe', params: { ...params, feed }, resume, poll }
    return stream(this.#watcher, { ...source, items: recordsIn }, call)
  }
}

/** Of one partition a number, of several by partition. */
type Offsets = Result<'feed.read'>['next']

function isBehind(next: Offsets, end: Offsets): boolean {
  if (typeof next === 'number') return next > Number(end)
  const ends = typeof end === 'number' ? {} : end
  return Object.entries(next).every(([partition, at]) => Number(at) > Number(ends[partition]))
}

/** Behind the last event or bookmark, or where the first answer said it begins. */
export function resume(params: JsonObject, { cursor }: JsonObject): JsonObject {
  return cursor === undefined ? params : { ...params, from: cursor }
}

/** Of an event. */
export const recordsIn = ({ result }: JsonObject): readonly FeedRecord[] =>
  recordsOf(result as JsonObject)

const recordsOf = ({ records }: JsonObject): readonly FeedRecord[] =>
  records as unknown as readonly FeedRecord[]
