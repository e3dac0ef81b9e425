/**
 * The id and the method of a call, from the first bytes of its message, where they stand as most programs write them.
 * A node with more calls than it may have under way refuses with these alone: parsing what it will not do would
 * take the time from what it does. Whatever begins otherwise is read whole (decode.ts).
 */

export interface CallHead {
  /** As it stands there, JSON. */
  readonly id: string
  readonly method: string
}

/** Enough for the longest id and name that are looked for. */
const HEAD_BYTES = 160
const HEAD =
  /^\{"jsonrpc":"2\.0","id":([0-9]{1,15}|"[\w.:-]{0,40}"),"method":"([a-zA-Z.]{1,60})"[,}]/

/** undefined: a batch, a notification, another order or spacing, or no call at all. */
export function callHead(bytes: Buffer): CallHead | undefined {
  const found = HEAD.exec(bytes.toString('latin1', 0, HEAD_BYTES))
  return found ? { id: found[1] ?? '', method: found[2] ?? '' } : undefined
}
