/**
 * The front door: one input in, effects out. Read this first; then message.ts (the vocabulary),
 * normal.ts and prepare.ts §4.1, view-change.ts §4.2, restart.ts (of an intact disk), recovery.ts §4.3 (of a lost one),
 * repair.ts (of a damaged one), state-transfer.ts §5.2, checkpoint.ts §5.1, reads.ts §6, standby.ts (who only follows),
 * state.ts for what a replica holds.
 *
 * Pure and synchronous: no clock, no randomness, no input or output. The daemon, the simulator and the
 * golden traces run this same code.
 */
import { unreachable } from '../base/assert.ts'
import { onCheckpointed, onGetCheckpoint, onNewCheckpoint } from './checkpoint.ts'
import type { Effect, Input } from './effect.ts'
import { assertInvariants } from './invariants.ts'
import type { Message } from './message.ts'
import {
  executeLater,
  onCommit,
  onCommitOk,
  onExecute,
  onPrepare,
  onPrepareOk,
  onRequest,
} from './normal.ts'
import { prepareWaiting } from './prepare.ts'
import { onRead, onReadIndex, onReadIndexOk } from './reads.ts'
import { mayHear, onRecovery, onRecoveryResponse } from './recovery.ts'
import { onGetEntries, onNewEntries, onRepairWritten } from './repair.ts'
import { onReply } from './reply.ts'
import { isSound } from './sound.ts'
import {
  answerFollowers,
  isOfStandby,
  onFollowed,
  onPrimaryCommit,
  onReplicaSeen,
} from './standby.ts'
import type { Replica } from './state.ts'
import { isStandby } from './state.ts'
import { onGetState, onLoaded, onNewState } from './state-transfer.ts'
import type { ReplicaNumber } from './terms.ts'
import { opNumber } from './terms.ts'
import { onGetTexts, onNewTexts, onTextsLoaded, onTextsWritten } from './texts.ts'
import { onStepDown, onTick } from './timers.ts'
import { maybeEnterNormal, onDoViewChange, onStartView, onStartViewChange } from './view-change.ts'

/** Throws only when something that must hold does not: then this replica must stop. */
export function step(replica: Replica, input: Input): Effect[] {
  const effects: Effect[] = []
  if (replica.hasDiverged) return effects
  onInput(replica, input, effects)
  if (replica.followers.size > 0) answerFollowers(replica, effects)
  assertInvariants(replica)
  return effects
}

function onInput(replica: Replica, input: Input, effects: Effect[]): void {
  switch (input.type) {
    case 'tick':
      return onTick(replica, input.nowMs, input.wallMs, effects)
    case 'deliver':
      return onMessage(replica, input.from, input.message, effects)
    case 'request':
      return onRequest(replica, replica.replicaNumber, input, effects)
    case 'written':
      return onWritten(replica, input.token, effects)
    case 'loaded':
      return onLoaded(replica, input.token, input.entries, effects)
    case 'texts-loaded':
      return onTextsLoaded(replica, input.token, input.texts, effects)
    case 'checkpointed':
      return onCheckpointed(replica, input.opNumber, effects)
    case 'read':
      return onRead(replica, input.readNumber, effects)
    case 'peer':
      return onPeer(replica, input.replica, input.connected, effects)
    case 'space':
      replica.isShortOfSpace = input.isShort
      return
    case 'step-down':
      return onStepDown(replica, effects)
    case 'execute':
      return onExecute(replica, effects)
    default:
      unreachable(input)
  }
}

function onMessage(replica: Replica, from: ReplicaNumber, m: Message, effects: Effect[]): void {
  if (!isOfStandby(replica, from, m) || !mayHear(replica, m) || !isSound(replica, m)) return
  switch (m.type) {
    // §4.1 Normal operation
    case 'REQUEST':
      return onRequest(replica, from, m, effects)
    case 'PREPARE':
      return onPrepare(replica, from, m, effects)
    case 'PREPAREOK':
      return onPrepareOk(replica, from, m, effects)
    case 'COMMIT':
      if (isStandby(replica)) return onPrimaryCommit(replica, from, m, effects)
      return onCommit(replica, from, m, effects)
    case 'COMMITOK':
      return onCommitOk(replica, from, m, effects)
    case 'REPLY':
      return onReply(replica, m, effects)
    // §4.2 View changes
    case 'STARTVIEWCHANGE':
      return onStartViewChange(replica, from, m, effects)
    case 'DOVIEWCHANGE':
      return onDoViewChange(replica, from, m, effects)
    case 'STARTVIEW':
      return onStartView(replica, from, m, effects)
    // §4.3 Recovery
    case 'RECOVERY':
      return onRecovery(replica, from, m, effects)
    case 'RECOVERYRESPONSE':
      return onRecoveryResponse(replica, from, m, effects)
    // §5.2 State transfer, §5.1 checkpoints; repair of damaged entries
    case 'GETSTATE':
      return onGetState(replica, from, m, effects)
    case 'NEWSTATE':
      if (isStandby(replica)) return onFollowed(replica, m, effects)
      return onNewState(replica, m, effects)
    case 'GETENTRIES':
      return onGetEntries(replica, from, m, effects)
    case 'NEWENTRIES':
      return onNewEntries(replica, from, m, effects)
    case 'GETCHECKPOINT':
      return onGetCheckpoint(replica, from, m, effects)
    case 'NEWCHECKPOINT':
      return onNewCheckpoint(replica, m, effects)
    case 'GETTEXTS':
      return onGetTexts(replica, from, m, effects)
    case 'NEWTEXTS':
      return onNewTexts(replica, m, effects)
    // §6 Reads
    case 'READINDEX':
      return onReadIndex(replica, from, m, effects)
    case 'READINDEXOK':
      return onReadIndexOk(replica, m, effects)
    default:
      unreachable(m)
  }
}

/** The write with this token is durable, and with it all before: storage works in order. */
function onWritten(replica: Replica, token: number, effects: Effect[]): void {
  for (;;) {
    const write = replica.writes[0]
    if (write === undefined || write.token > token) break
    replica.writes.shift()
    replica.unwrittenBytes -= write.bytes
    if (write.vsr) replica.durableVsr = write.vsr
    if (write.logGeneration === replica.logGeneration) {
      replica.durableOp = opNumber(Math.max(replica.durableOp, write.opNumber))
    }
  }
  onTextsWritten(replica, token, effects)
  maybeEnterNormal(replica, token, effects)
  onRepairWritten(replica, token, effects)
  prepareWaiting(replica, effects)
  executeLater(replica, effects)
}

/** Losing the connection to the primary is suspicion at once; a timer is for silence only. */
function onPeer(
  replica: Replica,
  peer: ReplicaNumber,
  connected: boolean,
  effects: Effect[],
): void {
  if (connected) replica.disconnected.delete(peer)
  else replica.disconnected.add(peer)
  if (isStandby(replica)) onReplicaSeen(replica, peer, effects)
  if (!connected) onTick(replica, replica.nowMs, replica.wallMs, effects)
}
