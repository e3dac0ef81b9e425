/**
 * Start and restart. The paper's recovery (§4.3) asks the others what a crash made us forget; it loses
 * committed ops and cannot restart a whole group (docs/divergence.md 2). We forget nothing that we
 * promised, because promises are on disk before they are made: a restart is having been slow.
 */
import { assert } from '../base/assert.ts'
import { keep, loadRecords, stateHash } from './checkpoint.ts'
import { emptyClientTable } from './client-table.ts'
import type { Configuration } from './configuration.ts'
import type { Effect, VsrRecord } from './effect.ts'
import type { Entry } from './entry.ts'
import { committedHere, executeCommitted, learnCommit } from './execute.ts'
import { assertInvariants } from './invariants.ts'
import { append, emptyLog } from './log.ts'
import { setWall } from './log-time.ts'
import type { CheckpointId } from './message.ts'
import type { ReplicaOptions } from './options.ts'
import { beginRecovery } from './recovery.ts'
import type { Damage } from './repair.ts'
import { beginRepair, repairOf } from './repair.ts'
import type { Service, ServiceRecord } from './service.ts'
import { beginFollowing } from './standby.ts'
import type { LogMark, Replica } from './state.ts'
import { currentPrimary, isStandby, opOf } from './state.ts'
import type { OpNumber, ReplicaNumber } from './terms.ts'
import { checksumOf, epochNumber, opNumber, revOf, viewNumber } from './terms.ts'
import { doViewChange, enterView } from './view-change.ts'

/** What the disk held. */
export interface Durable {
  readonly vsr: VsrRecord
  readonly checkpoint: CheckpointId
  /** Where the log on disk begins: the op before its first entry; at or below the checkpoint. */
  readonly start: LogMark
  /** Entries behind the checkpoint that are damaged. */
  readonly damage?: Damage | undefined
}

export interface ReplicaIdentity {
  readonly shard: number
  readonly replicaNumber: ReplicaNumber
  readonly configuration: Configuration
  readonly options: ReplicaOptions
  /** Any number; different at each start. */
  readonly nonce: number
}

/** The state before any op: of a shard whose log starts with `genesis`. */
export function genesis(checksum: string): { vsr: VsrRecord; checkpoint: CheckpointId } {
  const zero = opNumber(0)
  return {
    vsr: {
      epochNumber: epochNumber(0),
      viewNumber: viewNumber(0),
      lastNormalView: viewNumber(0),
    },
    checkpoint: {
      opNumber: zero,
      checksum: checksumOf(checksum),
      rev: revOf(0),
      timeMs: 0,
      lamport: 0,
      stateHash: '',
    },
  }
}

/**
 * A replica at the op of its checkpoint. The host then hands it the checkpoint's records (`restore`, in
 * pieces), ends them (`restored`), hands it the log behind them in order (`replay`; as far as it is not damaged),
 * and ends with `boot`.
 */
export function createReplica(
  identity: ReplicaIdentity,
  durable: Durable,
  service: Service,
): Replica {
  const { shard, replicaNumber, configuration, options, nonce } = identity
  const { vsr, checkpoint, start, damage } = durable
  assert(vsr.lastNormalView <= vsr.viewNumber, 'last normal view ≤ view-number')
  const replica: Replica = {
    shard,
    replicaNumber,
    configuration,
    options,
    service,
    status: 'normal',
    viewNumber: vsr.viewNumber,
    lastNormalView: vsr.lastNormalView,
    log: emptyLog(checkpoint),
    commitNumber: checkpoint.opNumber,
    clientTable: emptyClientTable(),
    lamport: 0,
    knownCommit: checkpoint.opNumber,
    durableOp: checkpoint.opNumber,
    durableVsr: vsr,
    cutView: vsr.cut ? vsr.lastNormalView : undefined,
    nextToken: 1,
    writes: [],
    unwrittenBytes: 0,
    logGeneration: 0,
    isShortOfSpace: false,
    nowMs: 0,
    clockMs: 0,
    wallMs: 0,
    clocks: new Map(),
    jitter: (nonce ^ Math.imul(replicaNumber + 1, 0x9e3779b1)) >>> 0,
    disconnected: new Set(),
    ...freshRoles(identity, checkpoint.opNumber),
    recovery: undefined,
    repair: damage && repairOf(damage, nonce),
    transfer: undefined,
    followers: new Map(),
    caughtUpMs: Number.NEGATIVE_INFINITY,
    loads: new Map(),
    textLoads: new Map(),
    nextNonce: nonce + 1,
    checkpoint,
    durableCheckpoint: checkpoint.opNumber,
    unsettled: [],
    fetchedTexts: new Map(),
    kept: [],
    marks: start.opNumber < checkpoint.opNumber ? [start, checkpoint] : [checkpoint],
    firstOp: opNumber(start.opNumber + 1),
    states: [{ opNumber: checkpoint.opNumber, stateHash: checkpoint.stateHash }],
    hasDiverged: false,
  }
  return replica
}

/** What a role collects, before it has collected anything. */
function freshRoles(
  { options, nonce }: ReplicaIdentity,
  checkpoint: OpNumber,
): Pick<Replica, 'primary' | 'backup' | 'change' | 'reads'> {
  return {
    primary: {
      queue: [],
      queueBytes: 0,
      inFlight: new Map(),
      acked: new Map(),
      viewStartOp: checkpoint,
      lastHeartbeatMs: 0,
      lastProgressMs: 0,
      heardMs: new Map(),
      short: new Set(),
      roomy: new Set(),
      abdicating: false,
      reports: new Map(),
      agreed: undefined,
    },
    // As if heard at the end of the grace; whoever is heard before is expected to go on as usual.
    backup: { heardMs: options.startGraceMs, patienceMs: options.viewChangeTimeoutMs },
    change: {
      votes: new Map(),
      voted: false,
      lastVoteMs: 0,
      startedMs: 0,
      lastSentMs: 0,
      timeoutMs: options.startGraceMs,
      attempts: 0,
      received: new Map(),
      startToken: undefined,
    },
    reads: {
      probe: 0,
      ackedProbe: new Map(),
      pending: [],
      first: (nonce >>> 0) * 2 ** 20,
      wanted: 0,
      asked: 0,
      answered: 0,
      askedMs: 0,
    },
  }
}

/** Some records of the checkpoint. */
export function restore(replica: Replica, records: Iterable<ServiceRecord>): void {
  loadRecords(replica, records)
}

/** All records of the checkpoint are loaded: peers may fetch it from us. Throws when they are not its. */
export function restored(replica: Replica): void {
  const { checkpoint } = replica
  if (checkpoint.opNumber > 0 && stateHash(replica) !== checkpoint.stateHash) {
    throw new Error(
      `the records of checkpoint ${checkpoint.opNumber} do not hash to what it claims: this data directory is damaged`,
    )
  }
  keep(replica, replica.checkpoint)
}

/** The next entries from disk: executed as far as they are known to be committed. */
export function replay(replica: Replica, entries: readonly Entry[]): Effect[] {
  const effects: Effect[] = []
  for (const entry of entries) append(replica.log, entry)
  replica.durableOp = opOf(replica)
  learnCommit(replica, committedHere(replica))
  executeCommitted(replica, effects)
  return effects
}

/**
 * The log is read: take up the role that the durable view numbers allow. `wallMs`: the clock on the wall, which
 * the first message may have to tell.
 */
export function boot(replica: Replica, firstBoot: boolean, wallMs: number): Effect[] {
  const effects: Effect[] = []
  setWall(replica, wallMs)
  const started = firstBoot && opOf(replica) === 0
  if (isStandby(replica) && !replica.repair) {
    beginFollowing(replica, effects)
  } else if (replica.repair) {
    beginRepair(replica, replica.repair, effects)
  } else if (replica.durableVsr.recovering) {
    beginRecovery(replica)
    const reason = 'what it promised is lost: it asks the others'
    effects.push({ type: 'event', event: { type: 'status', status: 'recovering', reason } })
  } else if (replica.lastNormalView < replica.viewNumber) {
    // The view change that we had promised to take part in, with the same log as then.
    replica.status = 'view-change'
    effects.push(doViewChange(replica))
  } else if (currentPrimary(replica) === replica.replicaNumber && !started) {
    // We may have sent a PREPARE that did not reach our disk: in the same view another entry could get
    // its viewstamp. So a restarted primary never resumes its view.
    enterView(replica, viewNumber(replica.viewNumber + 1), 'restart of the primary', effects)
  } else {
    const primary = currentPrimary(replica)
    const event = { type: 'view-started' as const, viewNumber: replica.viewNumber, primary }
    effects.push({ type: 'event', event })
  }
  assertInvariants(replica)
  return effects
}
