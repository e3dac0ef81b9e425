/**
 * A replica's state: the paper's Figure 2, what durability adds to it, and what a role needs while it
 * lasts. Plain data with one owner; src/vr changes it in place, nobody else does.
 */
import { assert } from '../base/assert.ts'
import type { ClientTable } from './client-table.ts'
import type { Configuration } from './configuration.ts'
import { primaryOf, replicasOf } from './configuration.ts'
import type { Effect, VsrRecord, Write } from './effect.ts'
import type { Command, Entry } from './entry.ts'
import type { Log } from './log.ts'
import { checksumAt, headOf } from './log.ts'
import type { CheckpointId, ColdText, DoViewChange, Message, Send, StateReport } from './message.ts'
import type { ReplicaOptions } from './options.ts'
import type { RecoveryState } from './recovery.ts'
import type { Asker, RepairState } from './repair.ts'
import type { Service, ServiceRecord, ServiceSnapshot } from './service.ts'
import type { Follower } from './standby.ts'
import type {
  ClientId,
  OpNumber,
  ReplicaNumber,
  RequestNumber,
  Status,
  ViewNumber,
} from './terms.ts'

export interface Replica {
  readonly shard: number
  /** i: our index in the configuration. */
  readonly replicaNumber: ReplicaNumber
  readonly configuration: Configuration
  readonly options: ReplicaOptions
  readonly service: Service

  // Figure 2.
  status: Status
  /** v. Never decreases; durable before anything that depends on it is sent. */
  viewNumber: ViewNumber
  /** v': the latest view whose log we installed; ≤ viewNumber, equal when normal. §4.2 */
  lastNormalView: ViewNumber
  /** Its head is the op-number n. */
  readonly log: Log
  /** k: executed here, in order. 0 ≤ commitNumber ≤ op-number; never decreases. */
  commitNumber: OpNumber
  readonly clientTable: ClientTable

  /** The latest Lamport time heard of, besides that of the log. */
  lamport: number
  /** Highest op known to be committed; our entries up to it (as far as we have them) are the committed ones. */
  knownCommit: OpNumber

  // Durability.
  /** Everything up to here is on disk, as part of the log that we hold now. */
  durableOp: OpNumber
  durableVsr: VsrRecord
  /** The last normal view whose log had to give way to what a later view committed. */
  cutView: ViewNumber | undefined
  nextToken: number
  /** Writes under way, in order; storage completes them in order. */
  readonly writes: WriteUnderWay[]
  /** Bytes of entries in them. */
  unwrittenBytes: number
  /** Raised when the log is cut: older writes no longer speak for it. */
  logGeneration: number
  /** As the host last said (space.ts). */
  isShortOfSpace: boolean

  // Time.
  /** Last tick, monotonic. */
  nowMs: number
  /** Own patience: monotonic, but a late tick counts for little. All timers run on it. */
  clockMs: number
  wallMs: number
  /** How far the clock of each other is ahead of our `nowMs` (log-time.ts). */
  readonly clocks: Map<ReplicaNumber, number>
  /** State of the jitter generator; its seed is an input. */
  jitter: number
  readonly disconnected: Set<ReplicaNumber>

  readonly primary: PrimaryState
  readonly backup: BackupState
  readonly change: ViewChangeState
  readonly reads: ReadState
  /** Set while the status is recovering. §4.3 */
  recovery: RecoveryState | undefined
  /** Set while entries of the log are damaged. */
  repair: RepairState | undefined
  transfer: Transfer | undefined
  /** Standbys that follow us. */
  readonly followers: Map<ReplicaNumber, Follower>
  /** At a standby: when it last had all that it knew to be committed, on our clock. */
  caughtUpMs: number
  /** Questions for entries on disk: who asked. */
  readonly loads: Map<number, Asker>
  readonly textLoads: Map<number, TextLoad>
  nextNonce: number

  // Checkpoints. §5.1
  /** The newest taken or installed; the next one is counted from it. */
  checkpoint: CheckpointId
  durableCheckpoint: OpNumber
  /** Cold records of checkpoints on their way to disk, oldest first: their texts are in memory. */
  readonly unsettled: { readonly opNumber: OpNumber; readonly ids: readonly string[] }[]
  /** Cold records fetched and written for an install to come, id → reference; they outlive a fetch given up. */
  readonly fetchedTexts: Map<string, string>
  /** Checkpoints that peers may fetch, oldest first. */
  readonly kept: KeptCheckpoint[]
  /** Where the log could be cut: checkpoints behind which it still exists. */
  readonly marks: LogMark[]
  /** First op still on disk. */
  firstOp: OpNumber
  /** State of the last checkpoints, to be compared with that of the others. */
  readonly states: StateReport[]
  /** Our state is not that of the others: nothing more comes out of this replica. */
  hasDiverged: boolean
}

/** A place in the log. */
export type LogMark = Pick<CheckpointId, 'opNumber' | 'rev' | 'timeMs'>

export interface WriteUnderWay {
  readonly token: number
  /** Head of the log when this is durable. */
  readonly opNumber: OpNumber
  readonly appends: boolean
  readonly bytes: number
  readonly logGeneration: number
  readonly vsr: VsrRecord | undefined
}

/** A request on its way through the log. */
export interface InFlight {
  readonly command: Command
  /** Who passed it on last. */
  from: ReplicaNumber
}

/** Meaningful while we are the primary of a normal view; reset at every view. */
export interface PrimaryState {
  /** Commands waiting for the next entry. */
  queue: Command[]
  queueBytes: number
  /** client-id → request-numbers queued or in the log and not executed. §2.4 */
  readonly inFlight: Map<ClientId, Map<RequestNumber, InFlight>>
  /** Durable op of each replica in this view: a set of acknowledgements, one a replica. */
  readonly acked: Map<ReplicaNumber, OpNumber>
  /** op-number at STARTVIEW: until it is committed we do not know all that was. §6 */
  viewStartOp: OpNumber
  lastHeartbeatMs: number
  /** When the commit-number last moved, or there was nothing to commit. */
  lastProgressMs: number
  readonly heardMs: Map<ReplicaNumber, number>
  /** Backups that said in this view that their disks are short of space, and that they are not. */
  readonly short: Set<ReplicaNumber>
  readonly roomy: Set<ReplicaNumber>
  abdicating: boolean
  /** Last checkpoint of each backup, and the latest that a quorum agrees on. */
  readonly reports: Map<ReplicaNumber, StateReport>
  agreed: StateReport | undefined
}

export interface BackupState {
  /** When the primary was last heard, on our clock. */
  heardMs: number
  patienceMs: number
}

export interface ViewChangeState {
  /** Votes to leave the current view, with the time they came. */
  readonly votes: Map<ReplicaNumber, number>
  voted: boolean
  lastVoteMs: number
  startedMs: number
  lastSentMs: number
  timeoutMs: number
  /** View changes since the last normal view: patience grows with it. */
  attempts: number
  /** At the primary-elect: DOVIEWCHANGEs of this view. */
  readonly received: Map<ReplicaNumber, DoViewChange>
  /** The write that starts the view; when it is durable the view is normal here. */
  startToken: number | undefined
}

export interface ReadState {
  /** Counts the questions «am I still primary?»; carried by COMMIT, returned by COMMITOK. */
  probe: number
  readonly ackedProbe: Map<ReplicaNumber, number>
  /** Reads waiting at the primary for its probe to be answered. */
  pending: {
    readonly from: ReplicaNumber
    readonly readNumber: number
    readonly probe: number
    readonly opNumber: OpNumber
  }[]
  /** Added to the numbers that go to the primary: another at each start, so that none comes twice. */
  readonly first: number
  /** Own reads: asked for by the node, asked at the primary, answered. */
  wanted: number
  asked: number
  answered: number
  askedMs: number
}

/** State transfer under way. §5.2 */
export interface Transfer {
  from: ReplicaNumber
  /** The latest view that we know to have started. */
  viewNumber: ViewNumber
  /** Of the question under way, however often it is repeated. */
  nonce: number
  sentMs: number
  /** Repeats of the question since an answer brought us further. */
  unanswered: number
  fetch: Fetch | undefined
}

/** A checkpoint being fetched: first all its records, then the texts of the cold ones that we lack. */
export interface Fetch {
  readonly id: CheckpointId
  readonly records: ServiceRecord[]
  /** Undefined: there are more records to come. */
  lacking: readonly ServiceRecord[] | undefined
  /** The write of texts that is under way; no more are asked for until it is done. */
  storing: number | undefined
}

/** Texts that a peer asked for, some of them being read from disk. */
export interface TextLoad {
  readonly to: ReplicaNumber
  readonly nonce: number
  readonly opNumber: OpNumber
  /** Those that were in memory. */
  readonly texts: readonly ColdText[]
}

export interface KeptCheckpoint {
  readonly id: CheckpointId
  readonly sessions: readonly ServiceRecord[]
  readonly snapshot: ServiceSnapshot
  lastAskedMs: number
}

export function currentPrimary(replica: Replica): ReplicaNumber {
  return primaryOf(replica.configuration, replica.viewNumber)
}

export function isPrimary(replica: Replica): boolean {
  return replica.status === 'normal' && currentPrimary(replica) === replica.replicaNumber
}

/** Follows, and is nothing that counts. */
export function isStandby({ replicaNumber, configuration }: Replica): boolean {
  return replicaNumber >= configuration.replicaCount
}

/** That we are normal in our view is on disk, and may be said. */
export function viewIsDurable(replica: Replica): boolean {
  return replica.durableVsr.lastNormalView === replica.viewNumber
}

export function opOf(replica: Replica): OpNumber {
  return headOf(replica.log)
}

/** The view numbers as they are in memory now. */
export function vsrOf(replica: Replica): VsrRecord {
  const vsr: VsrRecord = {
    epochNumber: replica.configuration.epochNumber,
    viewNumber: replica.viewNumber,
    lastNormalView: replica.lastNormalView,
    ...(replica.cutView === replica.lastNormalView && { cut: true }),
  }
  return replica.status === 'recovering' ? { ...vsr, recovering: true } : vsr
}

export interface WriteOrder {
  readonly truncateFrom?: OpNumber
  readonly append?: readonly Entry[]
  readonly repair?: readonly Entry[]
  readonly vsr?: VsrRecord
  readonly texts?: Write['texts']
  readonly install?: Write['install']
  readonly then?: readonly Send[]
}

/**
 * What is committed cuts off what we hold above the log that we have in common, and the last normal view stays:
 * who compares our log with what we acknowledged in it must know (wire/promised.ts).
 */
export function cutFrom(replica: Replica, op: OpNumber): WriteOrder {
  assert(replica.status !== 'normal', 'the log of a view is not cut while we are in it')
  replica.cutView = replica.lastNormalView
  return { truncateFrom: op, vsr: vsrOf(replica) }
}

/** Queues a write; returns its token. The log in memory must already be what the write makes it. */
export function write(replica: Replica, effects: Effect[], order: WriteOrder): number {
  const token = replica.nextToken++
  const append = order.append ?? []
  if (order.truncateFrom !== undefined || order.install !== undefined) {
    replica.logGeneration++
    const kept = order.truncateFrom === undefined ? replica.durableOp : order.truncateFrom - 1
    replica.durableOp = Math.min(replica.durableOp, kept) as OpNumber
  }
  let bytes = 0
  for (const entry of append) bytes += entry.bytes.length
  for (const { cold } of order.texts ?? []) bytes += cold?.text?.length ?? 0
  replica.unwrittenBytes += bytes
  replica.writes.push({
    token,
    opNumber: headOf(replica.log),
    appends: append.length > 0,
    bytes,
    logGeneration: replica.logGeneration,
    vsr: order.vsr,
  })
  effects.push({
    type: 'write',
    token,
    truncateFrom: order.truncateFrom,
    keptHead: order.truncateFrom && checksumAt(replica.log, order.truncateFrom - 1),
    append,
    repair: order.repair,
    vsr: order.vsr,
    texts: order.texts,
    install: order.install,
    then: order.then ?? [],
  })
  return token
}

/** The disk is far behind: nothing more is taken in until it has caught up; it will be sent again. */
export function isClogged(replica: Replica): boolean {
  return replica.unwrittenBytes > 4 * replica.options.pipelineBytesMax
}

/** A number in [0, 1): xorshift32 over the seed given at start. */
export function nextJitter(replica: Replica): number {
  let x = replica.jitter | 0 || 0x9e3779b9
  x ^= x << 13
  x ^= x >>> 17
  x ^= x << 5
  replica.jitter = x >>> 0
  return replica.jitter / 2 ** 32
}

/** To all others. */
export function broadcast(replica: Replica, message: Message, effects: Effect[]): void {
  for (const to of replicasOf(replica.configuration)) {
    if (to !== replica.replicaNumber) effects.push({ type: 'send', to, message })
  }
}
