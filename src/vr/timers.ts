/**
 * What happens because time passes. All timers run on the replica's own patience (`clockMs`): a tick that
 * comes late, because this process was held up, counts for little, so that a stalled replica does not
 * blame the primary for what it missed itself.
 */
import { present } from '../base/assert.ts'
import { quorumOf, replicasOf } from './configuration.ts'
import type { Effect } from './effect.ts'
import { firstLook, logTimeMs, setWall } from './log-time.ts'
import { broadcastCommit } from './normal.ts'
import { prepare, prepareWaiting } from './prepare.ts'
import { askAgain } from './reads.ts'
import { tickRecovery } from './recovery.ts'
import { tickRepair } from './repair.ts'
import { mustHandOver } from './space.ts'
import { tickStandby } from './standby.ts'
import type { Replica } from './state.ts'
import { currentPrimary, isPrimary, isStandby, opOf } from './state.ts'
import { tickTransfer } from './state-transfer.ts'
import { clientId, requestNumber } from './terms.ts'
import { doViewChange, voteToLeave } from './view-change.ts'

export function onTick(replica: Replica, nowMs: number, wallMs: number, effects: Effect[]): void {
  if (replica.nowMs === 0) firstLook(replica, nowMs)
  const elapsed = Math.max(0, nowMs - replica.nowMs)
  replica.clockMs += Math.min(elapsed, replica.options.tickMaxMs)
  replica.nowMs = nowMs
  setWall(replica, wallMs)
  if (replica.status === 'repairing') tickRepair(replica, effects)
  else if (isStandby(replica)) tickStandby(replica, effects)
  else if (replica.status === 'recovering') tickRecovery(replica, effects)
  else if (replica.status === 'view-change') tickViewChange(replica, effects)
  else if (isPrimary(replica)) tickPrimary(replica, effects)
  else tickBackup(replica, effects)
  if (!isStandby(replica)) tickTransfer(replica, effects)
  tickReads(replica, effects)
}

function tickPrimary(replica: Replica, effects: Effect[]): void {
  const { primary, options, clockMs } = replica
  // Commands that wait are work too: our own disk may hang while the others commit what they have.
  const idle = opOf(replica) === replica.commitNumber && primary.queue.length === 0
  if (idle) primary.lastProgressMs = clockMs
  const patience = 4 * options.viewChangeTimeoutMs
  const stuck = clockMs - primary.lastProgressMs > patience
  const alone = clockMs - quorumHeardMs(replica) > patience
  const full = mustHandOver(replica)
  if ((stuck || alone || full) && replica.configuration.replicaCount > 1) primary.abdicating = true
  if (primary.abdicating) {
    // We cannot do the work of a primary: say so, and be silent otherwise, until there is another.
    if (clockMs - replica.change.lastVoteMs >= options.resendMs) {
      const reason = full ? 'its disk is short of space' : 'no quorum answers here'
      voteToLeave(replica, stuck ? 'nothing commits here' : reason, effects)
    }
    return
  }
  if (clockMs - primary.lastHeartbeatMs >= options.heartbeatMs) broadcastCommit(replica, effects)
  prepareWaiting(replica, effects, 'now')
  tickPulse(replica, effects)
}

/** When a quorum, counting us, was last heard from. */
function quorumHeardMs(replica: Replica): number {
  const others = quorumOf(replica.configuration) - 1
  if (others === 0) return replica.clockMs
  const { heardMs } = replica.primary
  const heard = replicasOf(replica.configuration)
    .filter(i => i !== replica.replicaNumber)
    // Never heard: only in the very first view, which starts without a STARTVIEW.
    .map(i => heardMs.get(i) ?? replica.options.startGraceMs)
    .sort((a, b) => b - a)
  return present(heard[others - 1], 'a quorum is within the group')
}

/** What expires does so without traffic: an entry that carries nothing but its log time. */
function tickPulse(replica: Replica, effects: Effect[]): void {
  if (opOf(replica) > replica.commitNumber || replica.primary.queue.length > 0) return
  const service = replica.service.nextDeadline() ?? Number.POSITIVE_INFINITY
  if (logTimeMs(replica) < Math.min(service, replica.clientTable.nextExpiry)) return
  const pulse = {
    kind: 'pulse' as const,
    clientId: clientId(''),
    requestNumber: requestNumber(0),
    ackedNumber: requestNumber(0),
    meta: '',
    operation: new Uint8Array(0),
  }
  prepare(replica, [pulse], effects)
}

function tickBackup(replica: Replica, effects: Effect[]): void {
  const { backup, change, options, clockMs } = replica
  const silent = clockMs - backup.heardMs > backup.patienceMs
  const gone = replica.disconnected.has(currentPrimary(replica))
  if (!silent && !gone) return
  if (change.voted && clockMs - change.lastVoteMs < options.resendMs) return
  voteToLeave(replica, gone ? 'lost connection to primary' : 'no word from primary', effects)
}

function tickViewChange(replica: Replica, effects: Effect[]): void {
  const { change, options, clockMs } = replica
  // It speaks for what is on disk: the view, and a log that may have grown since (simulator seed 2416).
  const durable =
    replica.durableVsr.viewNumber === replica.viewNumber && replica.durableOp === opOf(replica)
  if (isJoining(replica)) {
    // The view has started, and we are on our way into it: no reason to leave it.
    change.startedMs = clockMs
    change.voted = false
    change.votes.delete(replica.replicaNumber)
    return
  }
  if (durable && clockMs - change.lastSentMs >= options.resendMs) {
    change.lastSentMs = clockMs
    if (change.startToken === undefined) effects.push(doViewChange(replica))
  }
  if (clockMs - change.startedMs < change.timeoutMs && !change.voted) return
  if (clockMs - change.lastVoteMs >= options.resendMs || !change.voted) {
    voteToLeave(replica, 'the view did not start in time', effects)
  }
}

function tickReads(replica: Replica, effects: Effect[]): void {
  const { reads, options, clockMs } = replica
  if (reads.wanted <= reads.answered || clockMs - reads.askedMs < options.resendMs) return
  askAgain(replica, effects)
}

/** State transfer from a view that has started, ours or a later one, gets answers. */
function isJoining({ transfer, viewNumber }: Replica): boolean {
  return transfer !== undefined && transfer.viewNumber >= viewNumber && transfer.unanswered < 3
}

/** The operator, or the host that shuts down, wants another primary. */
export function onStepDown(replica: Replica, effects: Effect[]): void {
  if (!isPrimary(replica) || replica.configuration.replicaCount === 1) return
  replica.primary.abdicating = true
  voteToLeave(replica, 'asked to step down', effects)
}
