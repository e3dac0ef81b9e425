/**
 * Normal operation, VRR §4.1; how commands become entries is in prepare.ts.
 *
 *   REQUEST → [entry] → PREPARE → PREPAREOK (durable, cumulative) → commit → execute → COMMIT
 *
 * A replica that passed a request on learns the result by executing the entry itself; a REPLY is sent
 * only where it cannot.
 */
import { assert, present } from '../base/assert.ts'
import { equalBytes } from '../base/bytes.ts'
import { onAgreed, onStateReport, stateReport } from './agreement.ts'
import { lookup } from './client-table.ts'
import { quorumOf, replicasOf } from './configuration.ts'
import type { Effect } from './effect.ts'
import type { Command, Entry } from './entry.ts'
import { executeCommitted, learnCommit } from './execute.ts'
import { hearLamport } from './lamport.ts'
import { append, chains, entryAt } from './log.ts'
import { noteClock } from './log-time.ts'
import type {
  Commit,
  CommitOk,
  Message,
  Prepare,
  PrepareOk,
  ReplyAnswer,
  Request,
} from './message.ts'
import { batchOf, prepareOk, prepareWaiting, sizeOf } from './prepare.ts'
import { maybeAnswerReads } from './reads.ts'
import { answer, refuse } from './reply.ts'
import { noteSpace, refusalForSpace } from './space.ts'
import type { Replica } from './state.ts'
import { currentPrimary, isClogged, isPrimary, opOf, viewIsDurable, write } from './state.ts'
import { startTransfer } from './state-transfer.ts'
import type { ClientId, OpNumber, ReplicaNumber, RequestNumber } from './terms.ts'
import { opNumber } from './terms.ts'

/** Commands from our own node (`from` is us) or passed on by another replica. §4.1 step 1 */
export function onRequest(
  replica: Replica,
  from: ReplicaNumber,
  { commands, lamport }: Pick<Request, 'commands' | 'lamport'>,
  effects: Effect[],
): void {
  if (isPrimary(replica)) {
    hearLamport(replica, lamport)
    for (const command of commands) admit(replica, from, command, effects)
    prepareWaiting(replica, effects)
    return
  }
  if (replica.status === 'normal' && from === replica.replicaNumber) {
    for (let rest = commands; rest.length > 0; ) {
      // What piled up during a view change need not fit one message.
      const { count } = batchOf(replica, rest)
      const message: Message = { type: 'REQUEST', lamport, commands: rest.slice(0, count) }
      effects.push({ type: 'send', to: currentPrimary(replica), message })
      rest = rest.slice(count)
    }
    return
  }
  const reason = replica.status === 'normal' ? 'not-primary' : 'view-change'
  for (const command of commands) refuse(replica, from, command, reason, effects)
}

/** §4.1 step 2: the client-table keeps out what was executed, the pipeline what is on its way. */
function admit(replica: Replica, from: ReplicaNumber, command: Command, effects: Effect[]): void {
  const { queue, inFlight } = replica.primary
  const underWay = inFlight.get(command.clientId)?.get(command.requestNumber)
  if (underWay) {
    // Which of two operations has the number is not decided before one of them is committed.
    const isSame = equalBytes(underWay.command.operation, command.operation)
    if (!isSame) return refuse(replica, from, command, 'number-in-use', effects)
    underWay.from = from
    return
  }
  if (command.kind === 'operation') {
    const known = lookup(replica.clientTable, command)
    // Only the log can tell that a session is not there: it may be on its way, before this request,
    // or we may be the primary of a view that has ended (§2.4; simulator seed 151).
    const isUnknown = known?.type === 'forgotten' && known.reason === 'no-session'
    if (known && !isUnknown) return answer(replica, from, command, known, effects)
  }
  const noRoom = refusalForSpace(replica)
  if (noRoom) return refuse(replica, from, command, noRoom, effects)
  const { queueCommandsMax, queueBytesMax } = replica.options
  const bytes = sizeOf(command)
  if (queue.length >= queueCommandsMax || replica.primary.queueBytes + bytes > queueBytesMax) {
    return refuse(replica, from, command, 'overloaded', effects)
  }
  queue.push(command)
  replica.primary.queueBytes += bytes
  noteInFlight(replica, command, from)
}

export function noteInFlight(replica: Replica, command: Command, from: ReplicaNumber): void {
  const { inFlight } = replica.primary
  const ofClient = inFlight.get(command.clientId)
  if (ofClient) ofClient.set(command.requestNumber, { command, from })
  else inFlight.set(command.clientId, new Map([[command.requestNumber, { command, from }]]))
}

/** §4.1 step 4, at a backup. */
export function onPrepare(
  replica: Replica,
  from: ReplicaNumber,
  m: Prepare,
  effects: Effect[],
): void {
  if (!isFromCurrentPrimary(replica, from, m.viewNumber, effects)) return
  const { entry } = m
  learnCommit(replica, m.commitNumber)
  if (isClogged(replica)) {
    // As if it had been lost: the disk must not be outrun for ever.
  } else if (chains(replica.log, entry)) {
    append(replica.log, entry)
    write(replica, effects, { append: [entry], then: [prepareOk(replica, entry.opNumber)] })
    return
  } else if (entry.opNumber > opOf(replica)) {
    // A gap (or a head that is not what the primary has: impossible within a view). §5.2
    assert(entry.opNumber > opOf(replica) + 1, 'logs of one view do not differ')
    startTransfer(replica, from, m.viewNumber, effects)
  } else {
    const ours = entryAt(replica.log, entry.opNumber)
    assert(!ours || ours.checksum === entry.checksum, 'logs of one view do not differ')
    // Sent again because our answer was lost; answer again with what is durable.
    if (viewIsDurable(replica)) effects.push(prepareOk(replica, replica.durableOp))
  }
  executeCommitted(replica, effects)
}

/** What was committed before is executed when the messages that others wait for have left. */
export function executeLater(replica: Replica, effects: Effect[]): void {
  if (replica.commitNumber < replica.knownCommit) effects.push({ type: 'execute' })
}

/** Steps 5 and 7, behind the write of a later entry. */
export function onExecute(replica: Replica, effects: Effect[]): void {
  if (isPrimary(replica)) commitAndTell(replica, effects)
  else executeCommitted(replica, effects)
}

/** ⟨COMMIT v, k⟩: the commit-number, and the primary's sign of life. §4.1 steps 6 and 7 */
export function onCommit(
  replica: Replica,
  from: ReplicaNumber,
  m: Commit,
  effects: Effect[],
): void {
  if (!isFromCurrentPrimary(replica, from, m.viewNumber, effects)) return
  learnCommit(replica, m.commitNumber)
  executeCommitted(replica, effects)
  if (m.opNumber > opOf(replica)) startTransfer(replica, from, m.viewNumber, effects)
  // COMMITOK says «normal in v»: true only once that is on disk.
  if (!viewIsDurable(replica)) return
  const { viewNumber, durableOp, isShortOfSpace, wallMs } = replica
  const { probe, agreed } = m
  const message: CommitOk = {
    type: 'COMMITOK',
    viewNumber,
    opNumber: durableOp,
    probe,
    state: stateReport(replica),
    isShortOfSpace,
    wallMs,
  }
  effects.push({ type: 'send', to: from, message })
  onAgreed(replica, agreed, effects)
}

/**
 * True when the message is of our view and we are a normal backup in it. A later view that has
 * started without us is caught up with by state transfer, never by just following (§5.2).
 */
function isFromCurrentPrimary(
  replica: Replica,
  from: ReplicaNumber,
  view: number,
  effects: Effect[],
): boolean {
  if (view < replica.viewNumber) return false
  const behind = view > replica.viewNumber || replica.status !== 'normal'
  if (behind) {
    startTransfer(replica, from, view as Replica['viewNumber'], effects)
    return false
  }
  if (from !== currentPrimary(replica) || from === replica.replicaNumber) return false
  replica.backup.heardMs = replica.clockMs
  // Fresh word from the primary withdraws our vote to leave its view.
  replica.change.voted = false
  replica.change.votes.delete(replica.replicaNumber)
  return true
}

/** §4.1 step 5, at the primary. */
export function onPrepareOk(
  replica: Replica,
  from: ReplicaNumber,
  m: PrepareOk,
  effects: Effect[],
): void {
  if (!isPrimary(replica) || m.viewNumber !== replica.viewNumber) return
  noteAck(replica, from, m.opNumber, effects)
}

export function onCommitOk(
  replica: Replica,
  from: ReplicaNumber,
  m: CommitOk,
  effects: Effect[],
): void {
  if (!isPrimary(replica) || m.viewNumber !== replica.viewNumber) return
  const { ackedProbe, probe } = replica.reads
  // An answer to a question that was not asked would confirm reads that are still to come.
  if (m.probe > probe) return
  ackedProbe.set(from, Math.max(ackedProbe.get(from) ?? 0, m.probe))
  noteSpace(replica, from, m.isShortOfSpace)
  noteClock(replica, from, m.wallMs)
  noteAck(replica, from, m.opNumber, effects)
  maybeAnswerReads(replica, effects)
  onStateReport(replica, from, m.state, effects)
}

/** One replica holds everything up to n. Acknowledgements are kept per replica: duplicates count once. */
export function noteAck(
  replica: Replica,
  from: ReplicaNumber,
  n: OpNumber,
  effects: Effect[],
): void {
  if (n > opOf(replica)) return
  const { acked, heardMs } = replica.primary
  heardMs.set(from, replica.clockMs)
  if (n <= (acked.get(from) ?? -1)) return
  acked.set(from, n)
  const durable = replicasOf(replica.configuration)
    .map(i => acked.get(i) ?? opNumber(0))
    .sort((a, b) => b - a)
  const k = present(durable[quorumOf(replica.configuration) - 1], 'a quorum is within the group')
  if (k <= replica.knownCommit) return
  learnCommit(replica, k)
  commitAndTell(replica, effects)
}

/** Frees the pipeline, executes, and lets those who passed requests on know at once. */
export function commitAndTell(replica: Replica, effects: Effect[]): void {
  const opBefore = opOf(replica)
  prepareWaiting(replica, effects)
  if (opOf(replica) > opBefore) return executeLater(replica, effects)
  const before = effects.length
  const executed = executeCommitted(replica, effects)
  if (executed.length > 0) replica.primary.lastProgressMs = replica.clockMs
  const waiting = new Set<ReplicaNumber>()
  for (const effect of effects.slice(before)) {
    if (effect.type === 'executed') settle(replica, effect.entry, effect.answers, waiting, effects)
  }
  prepareWaiting(replica, effects)
  maybeAnswerReads(replica, effects)
  if (!isToldByPrepare(replica)) {
    for (const to of [...waiting].sort()) sendCommit(replica, to, effects)
  }
}

/** A PREPARE that left lately carries the commit-number already. */
function isToldByPrepare(replica: Replica): boolean {
  const head = entryAt(replica.log, opOf(replica))
  if (head?.viewNumber !== replica.viewNumber) return false
  return head.commitNumber >= replica.commitNumber
}

/** The commands of an executed entry are no longer in flight; finds out who still waits for them. */
function settle(
  replica: Replica,
  entry: Entry,
  answers: readonly (ReplyAnswer | undefined)[],
  waiting: Set<ReplicaNumber>,
  effects: Effect[],
): void {
  entry.commands.forEach((command, i) => {
    const from = takeInFlight(replica, command.clientId, command.requestNumber)
    const known = answers[i]
    if (from === undefined || from === replica.replicaNumber || known === undefined) return
    // It has the entry: the commit-number is all it needs. Else it lags, and gets the result itself.
    if ((replica.primary.acked.get(from) ?? 0) >= entry.opNumber) waiting.add(from)
    else answer(replica, from, command, known, effects)
  })
}

function takeInFlight(
  replica: Replica,
  client: ClientId,
  n: RequestNumber,
): ReplicaNumber | undefined {
  const ofClient = replica.primary.inFlight.get(client)
  const from = ofClient?.get(n)?.from
  if (ofClient?.delete(n) && ofClient.size === 0) replica.primary.inFlight.delete(client)
  return from
}

export function sendCommit(replica: Replica, to: ReplicaNumber, effects: Effect[]): void {
  const { viewNumber, commitNumber } = replica
  const { probe } = replica.reads
  const message: Commit = {
    type: 'COMMIT',
    viewNumber,
    commitNumber,
    opNumber: opOf(replica),
    probe,
    agreed: replica.primary.agreed,
  }
  effects.push({ type: 'send', to, message })
}

/** The heartbeat, and the question «am I still primary?». */
export function broadcastCommit(replica: Replica, effects: Effect[]): void {
  for (const i of replicasOf(replica.configuration)) {
    if (i !== replica.replicaNumber) sendCommit(replica, i, effects)
  }
  for (const i of replica.followers.keys()) sendCommit(replica, i, effects)
  replica.primary.lastHeartbeatMs = replica.clockMs
}
