// Written by scripts/client-types.mjs from src/rpc/methods. Do not edit.
import type { Json, JsonObject } from '../../base/json.ts'
import type { FeedRecord, Header, Meta } from './components.ts'

export interface FeedMethods {
  /** Makes a feed. The number of partitions, and whether it is compacted, are for good. */
  'feed.create': {
    readonly params: {
      /** name of the feed */
      readonly feed: string
      /** parts, each with an order of its own (1) */
      readonly partitions?: number | undefined
      /** how long records stay; null takes a bound away */
      readonly retention?:
        | {
            /** records older than this go */
            readonly ageMs?: number | null | undefined
            /** of each partition: the oldest go when there are more */
            readonly bytes?: number | null | undefined
            /** of each partition: the oldest go when there are more */
            readonly records?: number | null | undefined
          }
        | undefined
      /** an id is remembered for so long (120000); 0: not at all */
      readonly dedupeMs?: number | undefined
      /** key: only the last record of each key is kept (none) */
      readonly compact?: 'none' | 'key' | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly feed: string
      readonly config: {
        readonly partitions: number
        readonly retention: JsonObject
        readonly compact: string
        readonly dedupeMs: number
      }
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** Changes how long records and ids are kept. */
  'feed.update': {
    readonly params: {
      /** name of the feed */
      readonly feed: string
      /** how long records stay; null takes a bound away */
      readonly retention?:
        | {
            /** records older than this go */
            readonly ageMs?: number | null | undefined
            /** of each partition: the oldest go when there are more */
            readonly bytes?: number | null | undefined
            /** of each partition: the oldest go when there are more */
            readonly records?: number | null | undefined
          }
        | undefined
      /** an id is remembered for so long (120000); 0: not at all */
      readonly dedupeMs?: number | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly feed: string
      readonly config: {
        readonly partitions: number
        readonly retention: JsonObject
        readonly compact: string
        readonly dedupeMs: number
      }
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** Deletes a feed and all its records. */
  'feed.delete': {
    readonly params: {
      /** name of the feed */
      readonly feed: string
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly feed: string
      readonly deleted: boolean
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** Appends a record. Members that are not named here are kept in it. */
  'feed.publish': {
    readonly params: {
      /** name of the feed */
      readonly feed: string
      /** any JSON */
      readonly value: Json
      /** records with one key stay in order, in one partition */
      readonly key?: string | undefined
      /** names with strings, numbers or booleans */
      readonly headers?: JsonObject | undefined
      /** published once within dedupeMs, however often it is sent */
      readonly id?: string | undefined
      /** only if it gets this offset, else WRONG_OFFSET */
      readonly expectOffset?: number | undefined
      /** where it goes; none: by key, else by id, else in turn */
      readonly partition?: number | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly partition: number
      readonly offset: number
      readonly rev: number
      readonly lamport?: number
      readonly timeMs: number
      readonly duplicate: boolean
      readonly header: Header
    }
  }
  /** Appends records, of several feeds: all of them or none, in one commit (of each shard, where the feeds are in several). */
  'feed.publishBatch': {
    readonly params: {
      /** as feed.publish takes them */
      readonly records: readonly {
        /** name of the feed */
        readonly feed: string
        /** any JSON */
        readonly value: Json
        /** records with one key stay in order, in one partition */
        readonly key?: string | undefined
        /** names with strings, numbers or booleans */
        readonly headers?: JsonObject | undefined
        /** published once within dedupeMs, however often it is sent */
        readonly id?: string | undefined
        /** only if it gets this offset, else WRONG_OFFSET */
        readonly expectOffset?: number | undefined
        /** where it goes; none: by key, else by id, else in turn */
        readonly partition?: number | undefined
      }[]
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly results: readonly {
        readonly partition: number
        readonly offset: number
        readonly rev: number
        readonly lamport?: number
        readonly timeMs: number
        readonly duplicate: boolean
      }[]
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** Records below an offset, or before a time, go. Readers that want one get OFFSET_OUT_OF_RANGE. */
  'feed.truncate': {
    readonly params: {
      /** name of the feed */
      readonly feed: string
      /** the first offset that stays */
      readonly beforeOffset?: number | undefined
      /** records from this time on stay */
      readonly beforeTimeMs?: number | undefined
      /** one partition */
      readonly partition?: number | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly first: number | JsonObject
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** The feeds there are, in order of name. */
  'feed.list': {
    readonly params: {
      /** names that begin so */
      readonly prefix?: string | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly feeds: readonly {
        readonly feed: string
        readonly config: {
          readonly partitions: number
          readonly retention: JsonObject
          readonly compact: string
          readonly dedupeMs: number
        }
        readonly records: number
        readonly bytes: number
      }[]
      readonly header: Header
    }
  }
  /** How a feed is set up, and where its partitions begin and end. */
  'feed.info': {
    readonly params: {
      /** name of the feed */
      readonly feed: string
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly feed: string
      readonly config: {
        readonly partitions: number
        readonly retention: JsonObject
        readonly compact: string
        readonly dedupeMs: number
      }
      readonly partitions: readonly {
        readonly partition: number
        readonly shard: string
        readonly first: number
        readonly next: number
        readonly bytes: number
        readonly records: number
      }[]
      readonly groups: readonly {
        readonly group: string
        readonly lag: number
      }[]
      readonly header: Header
    }
  }
  /** Records from a position on, committed ones only; go on with from = next. Below the first: OFFSET_OUT_OF_RANGE. */
  'feed.read': {
    readonly params: {
      /** name of the feed */
      readonly feed: string
      /** one partition; none: all, in the order of the log */
      readonly partition?: number | undefined
      /** an offset, "first" (default), "last", "now", {timeMs}, or what next was */
      readonly from?: Json | undefined
      /** offsets below it */
      readonly to?: number | undefined
      /** at most so many (100) */
      readonly limit?: number | undefined
      /** how long to wait for the first (0) */
      readonly waitMs?: number | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly records: readonly FeedRecord[]
      readonly next: number | JsonObject
      readonly first: number | JsonObject
      readonly last: number | JsonObject
      readonly header: Header
    }
  }
  /** WebSocket only. Every committed record as sub.event, in order within a partition, none left out. */
  'feed.subscribe': {
    readonly params: {
      /** a feed, or a pattern: orders.* (one part), orders.> (all below) */
      readonly feed: string
      /** as feed.read, or a cursor ("now") */
      readonly from?: Json | undefined
      /** one partition */
      readonly partition?: number | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly subscription: string
      readonly cursor: string
      readonly header: Header
    }
  }
}
