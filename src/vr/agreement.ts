/**
 * Do the replicas agree on the state? Ours: the paper trusts the service to be deterministic. Each backup
 * says with COMMITOK which hash its state had at its last checkpoint; the primary, once a quorum has said
 * the same, passes that on with COMMIT. Whoever had another hash at that op has diverged (a fault of
 * memory, a state machine that is not deterministic, two versions of it) and stops: what it would answer
 * from here on cannot be trusted, and its log and votes rest on the same machine.
 *
 * Without a quorum for any hash nobody knows who is right: then the primary stops, rather than answer.
 */
import { quorumOf } from './configuration.ts'
import type { Effect } from './effect.ts'
import type { StateReport } from './message.ts'
import type { Replica } from './state.ts'
import type { OpNumber, ReplicaNumber } from './terms.ts'

/** Own checkpoints that are remembered, to be compared with those of replicas that lag a little. */
const STATES_KEPT = 8

export function noteOwnState(replica: Replica, { opNumber, stateHash }: StateReport): void {
  replica.states.push({ opNumber, stateHash })
  if (replica.states.length > STATES_KEPT) replica.states.shift()
}

/** The last checkpoint, as COMMITOK tells it. */
export function stateReport({ checkpoint }: Replica): StateReport {
  return { opNumber: checkpoint.opNumber, stateHash: checkpoint.stateHash }
}

/** At the primary: a backup has told its last checkpoint. */
export function onStateReport(
  replica: Replica,
  from: ReplicaNumber,
  report: StateReport,
  effects: Effect[],
): void {
  const { reports, agreed } = replica.primary
  reports.set(from, report)
  const op = report.opNumber
  if (op === 0 || op <= (agreed?.opNumber ?? 0)) return
  const own = ownHashAt(replica, op)
  const said = [...reports.values()].filter(r => r.opNumber === op).map(r => r.stateHash)
  if (own !== undefined) said.push(own)
  const stateHash = majorityOf(said, quorumOf(replica.configuration))
  if (stateHash !== undefined) {
    replica.primary.agreed = { opNumber: op, stateHash }
    onAgreed(replica, replica.primary.agreed, effects)
  } else if (said.length === replica.configuration.replicaCount) {
    diverged(replica, op, effects)
  }
}

/** A quorum had this hash at this op. */
export function onAgreed(
  replica: Replica,
  agreed: StateReport | undefined,
  effects: Effect[],
): void {
  if (agreed === undefined) return
  const own = ownHashAt(replica, agreed.opNumber)
  if (own !== undefined && own !== agreed.stateHash) diverged(replica, agreed.opNumber, effects)
}

function ownHashAt(replica: Replica, op: OpNumber): string | undefined {
  return replica.states.find(state => state.opNumber === op)?.stateHash
}

function majorityOf(hashes: readonly string[], quorum: number): string | undefined {
  return hashes.find(hash => hashes.filter(other => other === hash).length >= quorum)
}

/** The host ends the process; until it has, nothing more comes out of this replica (replica.ts). */
function diverged(replica: Replica, opNumber: OpNumber, effects: Effect[]): void {
  if (replica.hasDiverged) return
  replica.hasDiverged = true
  effects.push({ type: 'event', event: { type: 'diverged', opNumber } })
}
