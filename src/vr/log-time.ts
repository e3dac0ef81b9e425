/**
 * Log time (§4.4: the primary's clock, in the log). It ends sessions, leases and records on all replicas, so one
 * clock that is wrong must not make it: it is the latest time that the clocks of a quorum have reached, and never
 * goes back. The primary has the others' clocks from DOVIEWCHANGE and COMMITOK, and lets them run on at the pace of
 * its own. A late sample makes a clock seem behind, never ahead.
 */
import { quorumOf, replicasOf } from './configuration.ts'
import { headMark } from './log.ts'
import type { Replica } from './state.ts'
import type { ReplicaNumber } from './terms.ts'

/** A clock of before 1970 shows 0: what others hear of it is a time in any case. */
export function setWall(replica: Replica, wallMs: number): void {
  replica.wallMs = Math.max(0, Math.floor(wallMs))
}

/** What the clock on the wall of another showed when it sent this. */
export function noteClock(replica: Replica, from: ReplicaNumber, wallMs: number): void {
  if (from !== replica.replicaNumber) replica.clocks.set(from, wallMs - replica.nowMs)
}

/** The first look at our own clock for intervals: what was heard before is not older than the start. */
export function firstLook({ clocks }: Replica, nowMs: number): void {
  for (const [from, lead] of clocks) clocks.set(from, lead - nowMs)
}

/** Of an entry that would be made now, at the primary. */
export function logTimeMs(replica: Replica): number {
  return Math.max(headMark(replica.log).timeMs, agreedMs(replica))
}

/** What the clocks of a quorum have reached; log time may be far ahead of it. */
export function agreedMs({ clocks, configuration, nowMs, wallMs, viewNumber }: Replica): number {
  const known = [wallMs]
  for (const i of replicasOf(configuration)) {
    const lead = clocks.get(i)
    if (lead !== undefined) known.push(lead + nowMs)
  }
  known.sort((a, b) => b - a)
  const agreed = known[quorumOf(configuration) - 1]
  if (agreed !== undefined) return Math.floor(agreed)
  // A view begins with the clocks of a quorum. Only the first one does not: until it is heard, ours must do.
  return viewNumber === 0 ? wallMs : 0
}
