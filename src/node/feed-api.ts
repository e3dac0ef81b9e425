/** What RPC methods may ask of a node about feeds: the part of NodeApi that is about them. */
import type { ViewstampError } from '../base/errors.ts'
import type { JsonObject } from '../base/json.ts'
import type { Answer, Header, Meta } from './api.ts'

/**
 * Where reading starts: an offset (negative: so many from the end), the first or the last record there
 * is, the next to come («now»), the first of a time or later, or offsets of several partitions; as text,
 * `12` or `0:12,1:7`, which is what positions look like in answers and events.
 */
export type FeedFrom =
  | number
  | string
  | { readonly timeMs: number }
  | Readonly<Record<string, number>>

export interface FeedReadOptions {
  /** Undefined: all of them, in the order of the log. */
  readonly partition?: number | undefined
  readonly from?: FeedFrom | undefined
  /** Offsets below it. */
  readonly to?: number | undefined
  readonly limit: number
  /** How long to wait for the first record. */
  readonly waitMs: number
}

/** Of one partition a number; of several, by partition. */
export type Offsets = number | Readonly<Record<string, number>>

export interface FeedRead {
  /** JSON texts. */
  readonly records: readonly string[]
  readonly next: Offsets
  readonly first: Offsets
  /** Of the newest record there is; −1: there never was one. */
  readonly last: Offsets
  readonly header: Header
}

/** Records of one partition, in order. */
export interface FeedEvent {
  readonly feed: string
  readonly partition: number
  /** JSON texts. */
  readonly records: readonly string[]
  readonly next: number
  /** JSON of all this, made once for all who follow. */
  readonly text: string
  /** Where the subscription goes on behind it. */
  readonly cursor: string
  /** Where it goes on when records from this offset on have not been taken. */
  cursorAt(offset: number): string
}

export interface FeedSubscription {
  readonly cursor: string
  /** Everything before this cursor has been delivered. */
  reached(): string
  cancel(): void
}

export interface FeedApi {
  /** Feeds that are not known here are made first, if feeds.autoCreate says so; undefined: all are known. */
  ensure(feeds: readonly string[], meta: Meta): Promise<void> | undefined
  /** A command of the feed machine to the shard of the feed. */
  write(feed: string, body: JsonObject, meta: Meta): Promise<Answer>
  /** With what the configuration says where the caller says nothing. */
  create(feed: string, given: JsonObject, meta: Meta): Promise<Answer>
  /** One commit for each shard that has feeds of it. */
  publishBatch(records: readonly JsonObject[], meta: Meta): Promise<Answer>
  truncate(feed: string, options: TruncateOptions, meta: Meta): Promise<Answer>
  list(prefix: string, meta: Meta): Promise<Answer>
  info(feed: string, meta: Meta): Promise<Answer>
  read(feed: string, options: FeedReadOptions, meta: Meta): Promise<FeedRead>
  /**
   * Committed records of a feed, or of all that a pattern stands for, from there on, each once, in order
   * of offset within a partition; `deliver` is called synchronously, never before this has returned.
   */
  subscribe(options: SubscribeOptions): FeedSubscription
  readonly groups: GroupApi
  /** Resolves when the feed is known here; throws when there is none. */
  known(feed: string): Promise<void> | undefined
}

export interface TruncateOptions {
  readonly beforeOffset?: number | undefined
  readonly beforeTimeMs?: number | undefined
  readonly partition?: number | undefined
}

export interface SubscribeOptions {
  readonly target: string
  readonly partition?: number | undefined
  readonly from?: FeedFrom | undefined
  readonly deliver: (event: FeedEvent) => void
  /** The next records cannot be delivered; nothing more will come. */
  readonly ended: (error: ViewstampError) => void
}

/** Consumer groups of feeds: src/machine/feed/groups.ts has the commands. */
export interface GroupApi {
  /** A command to the shard of the feed. */
  write(feed: string, body: JsonObject, meta: Meta): Promise<Answer>
  create(feed: string, group: string, options: GroupOptions, meta: Meta): Promise<Answer>
  /** To offsets, or to where a position is now. */
  seek(feed: string, group: string, to: FeedFrom, meta: Meta): Promise<Answer>
  list(feed: string, meta: Meta): Promise<Answer>
  info(feed: string, group: string, meta: Meta): Promise<Answer>
  /** Leases records, waiting up to `waitMs` for the first. */
  fetch(feed: string, group: string, options: FetchOptions, meta: Meta): Promise<Fetched>
  /** Gives records back; those that are exhausted go to the dead-letter feed. */
  nack(feed: string, group: string, given: JsonObject, meta: Meta): Promise<Answer>
}

export interface GroupOptions {
  readonly mode?: 'cursor' | 'queue' | undefined
  readonly from?: FeedFrom | undefined
  readonly ackWaitMs?: number | undefined
  readonly maxDeliver?: number | undefined
  readonly deadLetter?: string | undefined
}

export interface FetchOptions {
  readonly member: string
  readonly limit: number
  readonly waitMs: number
}

export interface Fetched {
  /** JSON texts, each with `delivery` and `attempt`. */
  readonly records: readonly string[]
  readonly header: Header
}
