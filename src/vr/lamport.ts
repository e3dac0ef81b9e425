/**
 * Lamport's clock (Time, Clocks, and the Ordering of Events, 1978), ours. The commands of the log are the events. An
 * entry has a time above all that its maker has heard of, and its commands have those that follow: times rise
 * along the log, and a command's is above that of whatever its client had seen, in this shard or elsewhere.
 * What a node can know of other events came to it in entries, checkpoints, answers and requests, so it is these
 * messages that carry the clock (docs/decisions/0021).
 */
import { lamportAfter } from './entry.ts'
import type { Replica } from './state.ts'

/**
 * The latest time that a client may claim to have seen, unless the node has seen it too. So the clock cannot be
 * driven to its end: as many commands are left as are before it.
 */
export const LAMPORT_GIVEN_MAX = 2 ** 52
/** No message that tells of a later one is sound. */
const LAMPORT_MAX = 2 ** 53 - 2 ** 32

/** The latest time that this replica has heard of. */
export function lamportOf({ log, lamport }: Replica): number {
  const last = log.entries.at(-1)
  return Math.max(lamport, last ? lamportAfter(last) : log.base.lamport)
}

/** Somebody has seen this time: what is made from now on is later. */
export function hearLamport(replica: Replica, lamport: number): void {
  if (lamport > replica.lamport) replica.lamport = lamport
}

/** Of an entry. */
export const isLamport = (lamport: number): boolean =>
  Number.isSafeInteger(lamport) && lamport >= 0 && lamport <= LAMPORT_MAX

/** What others tell of is further from the end: entries that are made above it are sound in any case. */
export const isLamportTold = (lamport: number): boolean =>
  isLamport(lamport) && lamport <= LAMPORT_MAX - 2 ** 40
