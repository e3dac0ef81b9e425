/**
 * Room on the disks (ours; no section of the paper). A full disk ends a replica, so a host tells its core in
 * time (input `space`), and backups tell the primary (COMMITOK). What replicas must write among themselves
 * goes on: view changes, checkpoints, state transfer. Clients' writes need a quorum of disks with room; a
 * primary whose own has none hands its role on, if the others have.
 */
import { quorumOf, replicasOf } from './configuration.ts'
import type { RefusalReason } from './message.ts'
import type { Replica } from './state.ts'
import type { ReplicaNumber } from './terms.ts'

/** What to tell a client whose write came to this primary; undefined: there is room. */
export function refusalForSpace(replica: Replica): RefusalReason | undefined {
  const { isShortOfSpace, primary } = replica
  if (!isShortOfSpace && primary.short.size === 0) return undefined
  const others = othersHeard(replica).filter(i => !primary.short.has(i)).length
  const quorum = quorumOf(replica.configuration)
  // Short ourselves, we are about to hand over: the next primary takes it.
  if (isShortOfSpace) return others >= quorum ? 'view-change' : 'no-space'
  return others + 1 >= quorum ? undefined : 'no-space'
}

/** Our disk is short of space, and a quorum of others has said in this view that theirs are not. */
export function mustHandOver(replica: Replica): boolean {
  if (!replica.isShortOfSpace) return false
  const { roomy } = replica.primary
  const others = othersHeard(replica).filter(i => roomy.has(i)).length
  return others >= quorumOf(replica.configuration)
}

/** A backup's COMMITOK says how its disk is. */
export function noteSpace(replica: Replica, from: ReplicaNumber, isShort: boolean): void {
  const { short, roomy } = replica.primary
  ;(isShort ? short : roomy).add(from)
  ;(isShort ? roomy : short).delete(from)
}

/** Heard lately: others hold nothing for us, however much room they have. */
function othersHeard({ primary, clockMs, options, configuration, replicaNumber }: Replica) {
  const oldest = clockMs - 4 * options.viewChangeTimeoutMs
  const heardMs = (i: ReplicaNumber) => primary.heardMs.get(i) ?? options.startGraceMs
  return replicasOf(configuration).filter(i => i !== replicaNumber && heardMs(i) >= oldest)
}
