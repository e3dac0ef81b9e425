/**
 * What clients of one feed asked and were told, a fact each (scripts/nemesis/README.md). Records are named by partition and
 * offset, and by the id that their publisher gave them; no two are published with the same id.
 */

/** Times are milliseconds since the run began. `returned` null: no answer came. */
interface Asked {
  readonly called: number
  readonly returned: number | null
  readonly node?: string
}

/** One record, from the first time it was sent until the last answer to it. */
export interface FeedPublish extends Asked {
  readonly type: 'publish'
  readonly client: string
  readonly id: string
  /** ok: published, and where · fail: not published, for certain · info: perhaps. */
  readonly status: 'ok' | 'fail' | 'info'
  readonly partition?: number
  readonly offset?: number
  /** Those that were sent in one batch have the same. */
  readonly batch?: string
}

export interface SeenRecord {
  readonly offset: number
  readonly id: string
  /** Tells its bytes from others: a hash, or the text. */
  readonly bytes: string
}

/** Records of one partition as they were given: all from `from` up to before `next`. */
export interface FeedPage extends Asked {
  readonly type: 'page'
  readonly client: string
  /**
   * stream: goes on where the page of this client before it ended · look: one page for itself ·
   * whole: from the first record to the end, when all is over.
   */
  readonly kind: 'stream' | 'look' | 'whole'
  readonly partition: number
  readonly from: number
  readonly next: number
  readonly records: readonly SeenRecord[]
  /** Of a linearizable read: the offset that the next record was to get. */
  readonly end?: number
}

/** A worker of a cursor group: `found`: where the group was, as told · `commit`: all below `offset` is done. */
export interface FeedCursor extends Asked {
  readonly type: 'found' | 'commit'
  readonly client: string
  readonly group: string
  readonly partition: number
  readonly offset: number
  readonly status: 'ok' | 'fail' | 'info'
}

export interface FeedQueue {
  readonly type: 'queue'
  readonly group: string
  readonly ackWaitMs: number
  /** Log time may be so far behind the clock that wrote this history. */
  readonly slackMs: number
}

/** Members of a queue: a record was leased to one; it said that it is done (ack), or is not (nack). */
export interface FeedLease extends Asked {
  readonly type: 'lease' | 'ack' | 'nack'
  readonly client: string
  readonly group: string
  readonly partition: number
  readonly offset: number
  readonly attempt: number
  /** Of a lease always ok. fail: refused, the lease had ended. */
  readonly status: 'ok' | 'fail' | 'info'
}

export type FeedFact = FeedPublish | FeedPage | FeedCursor | FeedQueue | FeedLease

export interface FeedFinding {
  readonly what: string
  /** Those that contradict each other; of a page only the record that does. */
  readonly facts: readonly FeedFact[]
}

export const placeOf = (partition: number, offset: number): string => `${partition}/${offset}`

export const endOf = ({ returned }: Asked): number => returned ?? Number.POSITIVE_INFINITY

/** The page as far as it speaks of one record; of none: without records. */
export function trimmed(page: FeedPage, offset?: number): FeedPage {
  return { ...page, records: page.records.filter(record => record.offset === offset) }
}

export function factsOf<T extends FeedFact['type']>(
  facts: readonly FeedFact[],
  ...types: readonly T[]
): Extract<FeedFact, { type: T }>[] {
  return facts.filter((fact): fact is Extract<FeedFact, { type: T }> =>
    types.some(type => type === fact.type),
  )
}
