/**
 * View changes, VRR §4.2, made durable and given a vote first:
 *
 *   suspicion → STARTVIEWCHANGE v «let us leave v» from a quorum → view v + 1, durable → DOVIEWCHANGE
 *   → at the primary-elect, from a quorum: choose the log, durable → STARTVIEW → installed, durable
 *
 * One replica that hears nothing cannot end a view that serves the others (the paper's form lets it);
 * one that was told of a later view goes there. What a replica promised is on disk before it says so.
 */
import { assert, present } from '../base/assert.ts'
import { primaryOf, quorumOf, replicasOf } from './configuration.ts'
import type { Effect } from './effect.ts'
import type { Entry } from './entry.ts'
import { committedHere, executeCommitted, learnCommit } from './execute.ts'
import { append, checksumAt, entryAt, headOf, suffixFrom, truncateFrom } from './log.ts'
import { noteClock } from './log-time.ts'
import type { DoViewChange, Message, Send, StartView, StartViewChange } from './message.ts'
import { commitAndTell, noteAck, noteInFlight } from './normal.ts'
import { prepareOk } from './prepare.ts'
import { dropReads } from './reads.ts'
import { refuse } from './reply.ts'
import type { Replica } from './state.ts'
import { broadcast, currentPrimary, isPrimary, nextJitter, opOf, vsrOf, write } from './state.ts'
import { finish, startTransfer } from './state-transfer.ts'
import type { Checksum, OpNumber, ReplicaNumber, ViewNumber } from './terms.ts'
import { opNumber, viewNumber } from './terms.ts'

/** Votes older than this many time-outs are stale. */
const VOTE_LIFE = 4

/** We vote to leave our view: §4.2 step 1, but not yet a step out of it. */
export function voteToLeave(replica: Replica, reason: string, effects: Effect[]): void {
  const { change, status } = replica
  if (status === 'recovering') return
  if (!change.voted) {
    change.voted = true
    const event = { type: 'status' as const, status: 'suspects', reason }
    effects.push({ type: 'event', event })
  }
  change.votes.set(replica.replicaNumber, replica.clockMs)
  change.lastVoteMs = replica.clockMs
  // A vote says that we are in the view; §4.3 counts on that being on disk when it leaves.
  const { viewNumber } = replica
  const message = { type: 'STARTVIEWCHANGE' as const, viewNumber }
  if (replica.durableVsr.viewNumber === viewNumber) broadcast(replica, message, effects)
  else write(replica, effects, { then: sendsToOthers(replica, message) })
  countVotes(replica, reason, effects)
}

/** ⟨STARTVIEWCHANGE v, i⟩: i wants to leave v, and is in it (perhaps not yet durably: it is no promise). */
export function onStartViewChange(
  replica: Replica,
  from: ReplicaNumber,
  m: StartViewChange,
  effects: Effect[],
): void {
  if (m.viewNumber < replica.viewNumber) return
  if (m.viewNumber > replica.viewNumber) enterView(replica, m.viewNumber, 'told of it', effects)
  replica.change.votes.set(from, replica.clockMs)
  const primary = currentPrimary(replica)
  // The view's own primary gives up (or cannot take the view): nobody need wait for the timer.
  if (from === primary && primary !== replica.replicaNumber && !replica.change.voted) {
    voteToLeave(replica, 'its primary gives up the view', effects)
  } else {
    countVotes(replica, 'a quorum wants to leave', effects)
  }
}

function countVotes(replica: Replica, reason: string, effects: Effect[]): void {
  const { change, options } = replica
  const oldest = replica.clockMs - VOTE_LIFE * options.viewChangeTimeoutMs
  let fresh = 0
  for (const at of change.votes.values()) if (at >= oldest) fresh++
  if (fresh < quorumOf(replica.configuration)) return
  enterView(replica, viewNumber(replica.viewNumber + 1), reason, effects)
}

/** Into view w: from here on nothing of an earlier view is accepted (the safety hinge, §8.1). */
export function enterView(
  replica: Replica,
  w: ViewNumber,
  reason: string,
  effects: Effect[],
): void {
  assert(w > replica.viewNumber, 'views go up')
  leaveRole(replica, effects)
  replica.viewNumber = w
  if (replica.status === 'recovering') {
    write(replica, effects, { vsr: vsrOf(replica) })
    return
  }
  replica.status = 'view-change'
  const { change, options } = replica
  change.attempts++
  change.startedMs = replica.clockMs
  change.lastSentMs = replica.clockMs
  const backoff = Math.min(2 ** (change.attempts - 1), 32)
  change.timeoutMs = options.viewChangeTimeoutMs * backoff * (1 + nextJitter(replica))
  effects.push({ type: 'event', event: { type: 'view-change-started', viewNumber: w, reason } })
  // Behind all appends in the queue: when this is durable, so is the log that it speaks for.
  write(replica, effects, { vsr: vsrOf(replica), then: [doViewChange(replica)] })
  if (replica.disconnected.has(currentPrimary(replica))) {
    voteToLeave(replica, 'the next primary is not connected', effects)
  }
}

/** What a role collected ends with its view: acknowledgements, votes, waiting commands and reads. */
function leaveRole(replica: Replica, effects: Effect[]): void {
  const { primary, change } = replica
  for (const command of primary.queue) {
    const from = primary.inFlight.get(command.clientId)?.get(command.requestNumber)?.from
    refuse(replica, from ?? replica.replicaNumber, command, 'view-change', effects)
  }
  primary.queue = []
  primary.queueBytes = 0
  primary.inFlight.clear()
  primary.acked.clear()
  primary.heardMs.clear()
  primary.short.clear()
  primary.roomy.clear()
  primary.abdicating = false
  change.votes.clear()
  change.voted = false
  change.received.clear()
  change.startToken = undefined
  dropReads(replica)
  // A clock that was mended since must not count as it was: the next view hears a quorum of them anew.
  replica.clocks.clear()
  // A checkpoint that we are fetching stays good, whatever the view: it is committed.
  if (replica.transfer?.fetch === undefined) replica.transfer = undefined
}

/** ⟨DOVIEWCHANGE v, l, v', n, k, i⟩, with the part of the log that others may lack. */
export function doViewChange(replica: Replica): Send {
  const start = suffixStart(replica)
  const message: DoViewChange = {
    type: 'DOVIEWCHANGE',
    viewNumber: replica.viewNumber,
    lastNormalView: replica.lastNormalView,
    wallMs: replica.wallMs,
    opNumber: opOf(replica),
    commitNumber: committedHere(replica),
    parent: present(checksumAt(replica.log, start), 'the suffix starts in memory'),
    suffix: suffixFrom(replica.log, start + 1),
  }
  return { type: 'send', to: currentPrimary(replica), message }
}

/**
 * The op before the suffix that we send: committed, and ours; some way below what others may lack, so that
 * a primary-elect that lags a little connects to it instead of giving up its view.
 */
function suffixStart(replica: Replica): OpNumber {
  const { log } = replica
  let start: number = Math.max(committedHere(replica), log.base.opNumber)
  let bytes = 0
  while (start > log.base.opNumber) {
    bytes += present(entryAt(log, start), 'the op is in memory').bytes.length
    if (bytes > replica.options.suffixBytesMax) break
    start--
  }
  return opNumber(start)
}

/** §4.2 step 3, at the primary-elect. */
export function onDoViewChange(
  replica: Replica,
  from: ReplicaNumber,
  m: DoViewChange,
  effects: Effect[],
): void {
  if (m.viewNumber < replica.viewNumber) return
  if (m.viewNumber > replica.viewNumber) {
    enterView(replica, m.viewNumber, 'told of it', effects)
  }
  if (currentPrimary(replica) !== replica.replicaNumber || replica.status === 'recovering') return
  if (replica.status === 'normal') {
    // It missed our STARTVIEW.
    if (isPrimary(replica)) effects.push({ type: 'send', to: from, message: startView(replica) })
    return
  }
  replica.change.received.set(from, m)
  noteClock(replica, from, m.wallMs)
  maybeStartView(replica, effects)
}

/** The log of the new view: of those with the latest last normal view, the longest. §4.2 step 3 */
export function chooseLog(received: Iterable<DoViewChange>): DoViewChange {
  let best: DoViewChange | undefined
  for (const m of received) {
    if (
      best === undefined ||
      m.lastNormalView > best.lastNormalView ||
      (m.lastNormalView === best.lastNormalView && m.opNumber > best.opNumber)
    ) {
      best = m
    }
  }
  return present(best, 'a quorum is not empty')
}

function maybeStartView(replica: Replica, effects: Effect[]): void {
  const { change } = replica
  if (change.startToken !== undefined) return
  if (change.received.size < quorumOf(replica.configuration)) return
  const chosen = chooseLog(change.received.values())
  if (!connects(replica, chosen)) {
    // We lack committed entries below the chosen suffix. The replica that has them will be elected in
    // a view to come; rather than fetch them now, give up this one (docs/divergence.md 7).
    if (!change.voted) voteToLeave(replica, 'we lag behind what is committed', effects)
    return
  }
  replica.transfer = undefined
  const cut = installSuffix(replica, chosen.opNumber, chosen.suffix)
  for (const m of change.received.values()) learnCommit(replica, m.commitNumber)
  replica.lastNormalView = replica.viewNumber
  const then = sendsToOthers(replica, startView(replica))
  change.startToken = write(replica, effects, { ...cut, vsr: vsrOf(replica), then })
}

/** A broadcast that leaves when a write is durable. */
export function sendsToOthers(replica: Replica, message: Message): Send[] {
  return replicasOf(replica.configuration)
    .filter(to => to !== replica.replicaNumber)
    .map(to => ({ type: 'send', to, message }))
}

/** Called when a write is durable: if it was the one that starts our view, we are its primary. */
export function maybeEnterNormal(replica: Replica, token: number, effects: Effect[]): void {
  const { startToken } = replica.change
  if (startToken === undefined || token < startToken) return
  enterNormal(replica, effects)
  const { primary } = replica
  primary.viewStartOp = opOf(replica)
  primary.lastProgressMs = replica.clockMs
  primary.lastHeartbeatMs = replica.clockMs
  primary.reports.clear()
  primary.agreed = undefined
  // However long the view took to start, its backups have had no time to answer yet.
  for (const i of replicasOf(replica.configuration)) primary.heardMs.set(i, replica.clockMs)
  // What is inherited and not yet executed is in flight: a repeat of it must not enter the log twice.
  for (const entry of suffixFrom(replica.log, replica.commitNumber + 1)) {
    for (const command of entry.commands) noteInFlight(replica, command, replica.replicaNumber)
  }
  commitAndTell(replica, effects)
  // Our own PREPAREOK for what the view starts with: the write that starts it is durable. As a message it
  // would come before the view is normal here, and be lost.
  noteAck(replica, replica.replicaNumber, primary.viewStartOp, effects)
}

export function enterNormal(replica: Replica, effects: Effect[]): void {
  assert(replica.lastNormalView === replica.viewNumber, 'the log of the view is installed')
  const { change } = replica
  replica.status = 'normal'
  replica.recovery = undefined
  if (replica.transfer) finish(replica, effects)
  replica.backup.heardMs = replica.clockMs
  replica.backup.patienceMs = replica.options.viewChangeTimeoutMs * (1 + 0.2 * nextJitter(replica))
  change.startToken = undefined
  change.attempts = 0
  change.votes.clear()
  change.voted = false
  change.received.clear()
  const { viewNumber } = replica
  const primary = currentPrimary(replica)
  effects.push({ type: 'event', event: { type: 'view-started', viewNumber, primary } })
}

function startView(replica: Replica): Message {
  const start = suffixStart(replica)
  return {
    type: 'STARTVIEW',
    viewNumber: replica.viewNumber,
    opNumber: opOf(replica),
    commitNumber: committedHere(replica),
    parent: present(checksumAt(replica.log, start), 'the suffix starts in memory'),
    suffix: suffixFrom(replica.log, start + 1),
  }
}

/** §4.2 step 5. Accepted for a later view, or for ours while we wait for it: never backwards. */
export function onStartView(
  replica: Replica,
  from: ReplicaNumber,
  m: StartView,
  effects: Effect[],
): void {
  if (m.viewNumber < replica.viewNumber) return
  if (m.viewNumber === replica.viewNumber && replica.status === 'normal') return
  if (from !== primaryOf(replica.configuration, m.viewNumber)) return
  if (!connects(replica, m)) {
    startTransfer(replica, from, m.viewNumber, effects)
    return
  }
  installView(replica, m.viewNumber, m.commitNumber, m, effects)
}

export interface Suffix {
  /** Checksum of the op before the suffix. */
  readonly parent: Checksum
  readonly opNumber: OpNumber
  readonly suffix: readonly Entry[]
}

/** The log of view w, whole and in hand, replaces ours from our commit on: one atomic write. §3.1 */
export function installView(
  replica: Replica,
  w: ViewNumber,
  k: OpNumber,
  log: Suffix,
  effects: Effect[],
): void {
  const cut = installSuffix(replica, log.opNumber, log.suffix)
  if (w > replica.viewNumber) leaveRole(replica, effects)
  replica.viewNumber = w
  replica.lastNormalView = w
  enterNormal(replica, effects)
  learnCommit(replica, k)
  const ok = prepareOk(replica, opOf(replica))
  write(replica, effects, { ...cut, vsr: vsrOf(replica), then: [ok] })
  executeCommitted(replica, effects)
}

/**
 * True when the suffix can stand on our log: the op before it is committed here, or is the same entry
 * as ours; and it does not end before, or contradict, what we executed.
 */
export function connects(replica: Replica, { parent, opNumber: n, suffix }: Suffix): boolean {
  const start = n - suffix.length
  const k = replica.commitNumber
  if (n < k) return false
  if (start > k) return checksumAt(replica.log, start) === parent
  const theirs = start === k ? parent : suffix[k - start - 1]?.checksum
  const ours = checksumAt(replica.log, k)
  return theirs === present(ours, 'the last executed entry is in memory')
}

/** Makes our log end with the suffix; keeps entries that are already the same. Gives what to write. */
function installSuffix(
  replica: Replica,
  n: OpNumber,
  suffix: readonly Entry[],
): { truncateFrom?: OpNumber; append: readonly Entry[] } {
  const { log } = replica
  let same = Math.max(n - suffix.length, replica.commitNumber)
  const at = (op: number): Entry =>
    present(suffix[op - (n - suffix.length) - 1], 'op is in the suffix')
  while (same < n && checksumAt(log, same + 1) === at(same + 1).checksum) same++
  const fresh: Entry[] = []
  for (let op = same + 1; op <= n; op++) fresh.push(at(op))
  const cut = headOf(log) > same ? opNumber(same + 1) : undefined
  if (cut !== undefined) truncateFrom(log, cut)
  for (const entry of fresh) append(log, entry)
  assert(headOf(log) === n, 'the log ends where the view’s log ends')
  return cut === undefined ? { append: fresh } : { truncateFrom: cut, append: fresh }
}
