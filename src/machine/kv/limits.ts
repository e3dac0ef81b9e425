/** Every bound of the key-value machine. Part of its version: replicas must agree on them. */

export const KEY_BYTES_MAX = 1024
/** Of the value's JSON text. */
export const VALUE_BYTES_MAX = 1024 * 1024
export const VALUE_DEPTH_MAX = 64

export const RANGE_LIMIT = 100
export const RANGE_LIMIT_MAX = 10_000
/** Keys of one kv.getMany. */
export const KEYS_MAX = 10_000
/** Of JSON text of values that one operation or query may hand out. */
export const READ_BYTES_MAX = 4 * 1024 * 1024

/** Compares, and operations of each branch, of one transaction. */
export const TXN_OPS_MAX = 1024
/** Keys that one operation may change: keeps an operation to milliseconds. */
export const CHANGES_MAX = 10_000

export const PROGRAM_CHARS_MAX = 16_384
export const PROGRAM_STATEMENTS_MAX = 256
export const PROGRAM_DEPTH_MAX = 256

/** A hundred years. */
export const TTL_MS_MAX = 100 * 366 * 86_400_000
