/** c.group: consumers that share a feed, or remember how far they are. Results are those of docs/rpc.md. */
import type { JsonObject } from '../base/json.ts'
import type { CallOptions } from './caller.ts'
import { CLOSED, ViewstampError } from './error.ts'
import type { Feeds } from './feed.ts'
import { type CallMethod, callWith, type Options, type Params, type Result } from './method-call.ts'
import type { FeedRecord } from './methods/index.ts'
import { pause } from './pause.ts'

/** A record that is leased to a member: done, or to be delivered again. */
export interface Delivery extends FeedRecord {
  readonly delivery: string
  /** 1 the first time. */
  readonly attempt: number
  /** Throws NOT_OWNER when the lease has ended: somebody else may have it now. */
  ack(): Promise<void>
  nack(how?: Pick<Params<'group.nack'>, 'delayMs' | 'reason'>): Promise<void>
}

/** A record of a feed that is read in the name of a group. */
export interface Followed extends FeedRecord {
  /** The group goes on behind it. */
  commit(): Promise<void>
}

export interface ConsumeOptions extends CallOptions {
  /** A name of its own for each consumer. */
  readonly member: string
  /** Leased at a time; the next are fetched when these are taken. Default 10. */
  readonly limit?: number | undefined
}

type Fetched = FeedRecord & Pick<Delivery, 'delivery' | 'attempt'>

const LIMIT = 10
const WAIT_MS = 20_000
/** For the answer, beyond the wait for records. */
const ANSWER_MS = 5_000
const AGAIN_MS = 200

export class Groups {
  readonly #call: CallMethod
  readonly #feeds: Feeds

  constructor(call: CallMethod, feeds: Feeds) {
    this.#call = call
    this.#feeds = feeds
  }

  create(
    feed: string,
    group: string,
    options: Options<'group.create', 'feed' | 'group'> = {},
  ): Promise<Result<'group.create'>> {
    return callWith(this.#call, 'group.create', { feed, group }, options)
  }

  delete(feed: string, group: string, options: CallOptions = {}): Promise<Result<'group.delete'>> {
    return callWith(this.#call, 'group.delete', { feed, group }, options)
  }

  list(feed: string, options: CallOptions = {}): Promise<Result<'group.list'>> {
    return callWith(this.#call, 'group.list', { feed }, options)
  }

  info(feed: string, group: string, options: CallOptions = {}): Promise<Result<'group.info'>> {
    return callWith(this.#call, 'group.info', { feed, group }, options)
  }

  offsets(
    feed: string,
    group: string,
    options: CallOptions = {},
  ): Promise<Result<'group.offsets'>> {
    return callWith(this.#call, 'group.offsets', { feed, group }, options)
  }

  /** Of a cursor: where it goes on, by partition. */
  commit(
    feed: string,
    group: string,
    offsets: JsonObject,
    options: CallOptions = {},
  ): Promise<Result<'group.commit'>> {
    return callWith(this.#call, 'group.commit', { feed, group, offsets }, options)
  }

  seek(
    feed: string,
    group: string,
    to: Params<'group.seek'>['offsets'],
    options: CallOptions = {},
  ): Promise<Result<'group.seek'>> {
    return callWith(this.#call, 'group.seek', { feed, group, offsets: to }, options)
  }

  /** Of a queue: leases records. One whose answer is lost is leased all the same, until its time is over. */
  fetch(
    feed: string,
    group: string,
    member: string,
    options: Options<'group.fetch', 'feed' | 'group' | 'member'> = {},
  ): Promise<Result<'group.fetch'>> {
    return callWith(this.#call, 'group.fetch', { feed, group, member }, options)
  }

  ack(
    feed: string,
    group: string,
    member: string,
    deliveries: readonly string[],
    options: CallOptions = {},
  ): Promise<Result<'group.ack'>> {
    return callWith(this.#call, 'group.ack', { feed, group, member, deliveries }, options)
  }

  nack(
    feed: string,
    group: string,
    member: string,
    deliveries: readonly string[],
    options: Options<'group.nack', 'feed' | 'group' | 'member' | 'deliveries'> = {},
  ): Promise<Result<'group.nack'>> {
    return callWith(this.#call, 'group.nack', { feed, group, member, deliveries }, options)
  }

  /** Of a queue: records leased to this member, for as long as it is iterated; over fail-overs. */
  async *consume(
    feed: string,
    group: string,
    { member, limit = LIMIT, signal, timeoutMs = ANSWER_MS }: ConsumeOptions,
  ): AsyncGenerator<Delivery> {
    const how = { limit, waitMs: WAIT_MS, timeoutMs: WAIT_MS + timeoutMs, signal }
    while (!signal?.aborted) {
      try {
        const { records } = await this.fetch(feed, group, member, how)
        for (const record of records as readonly Fetched[]) {
          if (signal?.aborted) return
          yield this.#delivery(feed, group, member, record)
        }
      } catch (error) {
        if (signal?.aborted || (error instanceof ViewstampError && error.name === CLOSED)) return
        // What was leased by a fetch whose answer is lost comes again when its lease ends.
        if (!(error instanceof ViewstampError) || !error.retryable) throw error
        await pause(AGAIN_MS, signal).catch(() => undefined)
      }
    }
  }

  /** Of a cursor: its feed from where the group is, until the signal ends it. Commit as often as you like. */
  async *follow(feed: string, group: string, options: CallOptions = {}): AsyncGenerator<Followed> {
    const { offsets } = await this.offsets(feed, group, options)
    for await (const record of this.#feeds.subscribe(feed, { ...options, from: offsets })) {
      const { partition, offset } = record
      const commit = async (): Promise<void> => {
        await this.commit(feed, group, { [partition]: offset + 1 })
      }
      yield { ...record, commit }
    }
  }

  #delivery(feed: string, group: string, member: string, record: Fetched): Delivery {
    const deliveries = [record.delivery]
    return {
      ...record,
      ack: async () => {
        await this.ack(feed, group, member, deliveries)
      },
      nack: async (how = {}) => {
        await this.nack(feed, group, member, deliveries, how)
      },
    }
  }
}
