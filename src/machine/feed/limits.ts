/** Every bound of the feed machine. Part of its version: replicas must agree on them. */

export const FEEDS_MAX = 10_000
export const NAME_CHARS_MAX = 255
/** Of one feed. */
export const PARTITIONS_MAX = 256
/** Of all feeds of a shard: each costs every replica some memory. */
export const PARTITIONS_TOTAL_MAX = 20_000

/** Of a record's JSON text; its value alone may have VALUE_BYTES_MAX of the key-value machine. */
export const RECORD_BYTES_MAX = 1_179_648
export const HEADERS_MAX = 64
/** Of the JSON text of all headers of a record. */
export const HEADERS_BYTES_MAX = 16_384
export const ID_BYTES_MAX = 256
/** Correlation and causation ids. */
export const TRACE_BYTES_MAX = 256
/** Records of one publishBatch, or published by one transaction or command of a machine. */
export const BATCH_MAX = 10_000

export const DEDUPE_MS = 120_000
export const DEDUPE_MS_MAX = 7 * 86_400_000
/** Ids that one feed remembers; the oldest are forgotten before their time when there are more. */
export const IDS_MAX = 100_000
/** Keys of one partition of a compacted feed. */
export const COMPACTED_KEYS_MAX = 1_000_000
/** A deleted key is shown as deleted for so long, for readers that were away. */
export const TOMBSTONE_MS = 86_400_000
/** Of one partition in one entry; what is left is due still. */
export const EXPIRE_MAX = 10_000

export const GROUPS_MAX = 1_000
/** Records of one group that are delivered and not acknowledged. */
export const PENDING_MAX = 5_000
export const ACK_WAIT_MS = 30_000
export const MAX_DELIVER_MAX = 1_000_000

/** A chunk is sealed when it has so much text. A record is never split. */
export const CHUNK_CHARS = 65_536

/** Those that a simulation sets smaller, to meet every edge soon; the same on every replica. */
export interface FeedBounds {
  readonly chunkChars: number
  readonly idsMax: number
  readonly tombstoneMs: number
}

export const BOUNDS: FeedBounds = {
  chunkChars: CHUNK_CHARS,
  idsMax: IDS_MAX,
  tombstoneMs: TOMBSTONE_MS,
}

export const READ_LIMIT_MAX = 10_000
/** Of text that one read gives, beyond the first record. */
export const READ_CHARS_MAX = 1_048_576

export const RETENTION_MS_MAX = 100 * 366 * 86_400_000
