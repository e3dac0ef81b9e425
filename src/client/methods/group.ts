// Written by scripts/client-types.mjs from src/rpc/methods. Do not edit.
import type { Json, JsonObject } from '../../base/json.ts'
import type { FeedRecord, Header, Meta } from './components.ts'

export interface GroupMethods {
  /** Makes a group. cursor: readers commit how far they are. queue: records are leased to members until they acknowledge. */
  'group.create': {
    readonly params: {
      /** name of the feed */
      readonly feed: string
      /** name of the group */
      readonly group: string
      /** how it works (cursor) */
      readonly mode?: 'cursor' | 'queue' | undefined
      /** where it begins, as feed.read ("first") */
      readonly from?: Json | undefined
      /** of a queue: a lease ends after this time (30000) */
      readonly ackWaitMs?: number | undefined
      /** of a queue: after so many deliveries a record goes to deadLetter; 0: never (0, or 5 with deadLetter) */
      readonly maxDeliver?: number | undefined
      /** a feed, made when needed (<feed>.<group>.dead) */
      readonly deadLetter?: string | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly group: string
      readonly config: JsonObject
      readonly offsets: JsonObject
      readonly lag: number
      readonly pending?: number
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** Deletes a group; the feed stays. */
  'group.delete': {
    readonly params: {
      /** name of the feed */
      readonly feed: string
      /** name of the group */
      readonly group: string
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly group: string
      readonly deleted: boolean
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** The groups of a feed, and how far behind each is. */
  'group.list': {
    readonly params: {
      /** name of the feed */
      readonly feed: string
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly groups: readonly {
        readonly group: string
        readonly config: JsonObject
        readonly offsets: JsonObject
        readonly lag: number
        readonly pending?: number
      }[]
      readonly header: Header
    }
  }
  /** One group: offsets, and lag, the number of records not yet committed or acknowledged. */
  'group.info': {
    readonly params: {
      /** name of the feed */
      readonly feed: string
      /** name of the group */
      readonly group: string
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly group: string
      readonly config: JsonObject
      readonly offsets: JsonObject
      readonly lag: number
      readonly pending?: number
      readonly header: Header
    }
  }
  /** Where the group goes on, by partition: everything below is done. */
  'group.offsets': {
    readonly params: {
      /** name of the feed */
      readonly feed: string
      /** name of the group */
      readonly group: string
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly offsets: JsonObject
      readonly lag: number
      readonly header: Header
    }
  }
  /** Of a cursor: the offsets at which its readers go on. */
  'group.commit': {
    readonly params: {
      /** name of the feed */
      readonly feed: string
      /** name of the group */
      readonly group: string
      /** by partition, as {"0":12} */
      readonly offsets: JsonObject
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly offsets: JsonObject
      readonly lag: number
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** Moves the group: to offsets by partition, or to "first", "last", "now", {timeMs}. A queue forgets its leases. */
  'group.seek': {
    readonly params: {
      /** name of the feed */
      readonly feed: string
      /** name of the group */
      readonly group: string
      /** by partition, as {"0":12}; or a position as feed.read takes them */
      readonly offsets: Json
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly offsets: JsonObject
      readonly lag: number
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** Of a queue: leases records to a member, who acknowledges each within ackWaitMs, or it is delivered again. */
  'group.fetch': {
    readonly params: {
      /** name of the feed */
      readonly feed: string
      /** name of the group */
      readonly group: string
      /** who asks: a name of its own for each consumer */
      readonly member: string
      /** at most so many (10) */
      readonly limit?: number | undefined
      /** how long to wait for the first (0) */
      readonly waitMs?: number | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly records: readonly FeedRecord[]
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** The records are done. All of them or, if the member has no lease of one (any more), none: NOT_OWNER. */
  'group.ack': {
    readonly params: {
      /** name of the feed */
      readonly feed: string
      /** name of the group */
      readonly group: string
      /** who asks: a name of its own for each consumer */
      readonly member: string
      /** what group.fetch gave: the member `delivery` of records */
      readonly deliveries: readonly string[]
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly acked: number
      readonly lamport?: number
      readonly header: Header
    }
  }
  /** The records are not done: they are delivered again, or, after maxDeliver, go to the dead-letter feed with the reason. */
  'group.nack': {
    readonly params: {
      /** name of the feed */
      readonly feed: string
      /** name of the group */
      readonly group: string
      /** who asks: a name of its own for each consumer */
      readonly member: string
      /** what group.fetch gave: the member `delivery` of records */
      readonly deliveries: readonly string[]
      /** not before this time (0) */
      readonly delayMs?: number | undefined
      /** kept with a dead letter */
      readonly reason?: string | undefined
      readonly meta?: Meta | undefined
    }
    readonly result: {
      readonly nacked: number
      readonly lamport?: number
      readonly header: Header
    }
  }
}
