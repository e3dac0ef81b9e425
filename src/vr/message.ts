/**
 * The messages, with the paper's names; the sender's replica-number comes with the delivery, proven by
 * the transport. What is ours is marked so; docs/divergence.md says why.
 */
import type { Command, Entry } from './entry.ts'
import type { ServiceRecord } from './service.ts'
import type {
  Checksum,
  ClientId,
  OpNumber,
  ReplicaNumber,
  RequestNumber,
  Rev,
  ViewNumber,
} from './terms.ts'

/** ⟨REQUEST op, c, s⟩, several at once, passed on by the replica that took them. §4.1 */
export interface Request {
  readonly type: 'REQUEST'
  /** The sender's clock (lamport.ts): at or above what the clients of these commands have seen. */
  readonly lamport: number
  readonly commands: readonly Command[]
}

/** ⟨REPLY v, s, x⟩ to the replica that passed the request on, where it cannot know by executing. §4.1 */
export interface Reply {
  readonly type: 'REPLY'
  readonly viewNumber: ViewNumber
  readonly clientId: ClientId
  readonly requestNumber: RequestNumber
  /** Of the operation: which request of that number is answered, should a client use it for several. */
  readonly fingerprint: number
  readonly answer: ReplyAnswer
}

/** What became of a request. */
export type ReplyAnswer =
  | {
      readonly type: 'executed'
      readonly opNumber: OpNumber
      readonly viewNumber: ViewNumber
      readonly rev: Rev
      readonly lamport: number
      readonly timeMs: number
      readonly result: Uint8Array
    }
  /** Certainly not in the log because of this sending. */
  | { readonly type: 'refused'; readonly reason: RefusalReason }
  /** The session's window has passed this number, or it is not known: it may have been executed before. */
  | { readonly type: 'forgotten'; readonly reason: 'no-session' | 'too-old' | 'result-dropped' }
  /** The request-number was used for another operation, which was executed: this one never is. */
  | { readonly type: 'reused' }

/**
 * number-in-use: another operation with this request-number is on its way · no-space: the disks of too many
 * replicas are nearly full.
 */
export type RefusalReason =
  | 'not-primary'
  | 'view-change'
  | 'overloaded'
  | 'number-in-use'
  | 'no-space'

/** ⟨PREPARE v, m, n, k⟩. §4.1 */
export interface Prepare {
  readonly type: 'PREPARE'
  readonly viewNumber: ViewNumber
  readonly entry: Entry
  readonly commitNumber: OpNumber
}

/** ⟨PREPAREOK v, n, i⟩: i holds every op up to and including n, durably. §4.1 */
export interface PrepareOk {
  readonly type: 'PREPAREOK'
  readonly viewNumber: ViewNumber
  readonly opNumber: OpNumber
}

/** Ours: the hash of the state once everything up to the op was executed. */
export interface StateReport {
  readonly opNumber: OpNumber
  readonly stateHash: string
}

/**
 * ⟨COMMIT v, k⟩, also the heartbeat. §4.1 step 6. `probe`: counts the primary's questions «am I still
 * primary?». `agreed`: a quorum had this state (agreement.ts).
 */
export interface Commit {
  readonly type: 'COMMIT'
  readonly viewNumber: ViewNumber
  readonly commitNumber: OpNumber
  readonly opNumber: OpNumber
  readonly probe: number
  readonly agreed: StateReport | undefined
}

/**
 * Ours: ⟨COMMITOK v, n, p, i⟩ answers a COMMIT: i is normal in v, holds n durably, has seen probe p.
 * `state`: of its last checkpoint. And how its disk is, and its clock.
 */
export interface CommitOk {
  readonly type: 'COMMITOK'
  readonly viewNumber: ViewNumber
  readonly opNumber: OpNumber
  readonly probe: number
  readonly state: StateReport
  readonly isShortOfSpace: boolean
  /** Its clock on the wall: log time is what a quorum agrees on (log-time.ts). */
  readonly wallMs: number
}

/** ⟨STARTVIEWCHANGE v, i⟩. §4.2 Ours: a vote to leave view v, not yet a promise. */
export interface StartViewChange {
  readonly type: 'STARTVIEWCHANGE'
  readonly viewNumber: ViewNumber
}

/** ⟨DOVIEWCHANGE v, l, v', n, k, i⟩; l is the part of the log that may be uncommitted. §4.2, §5.3 */
export interface DoViewChange {
  readonly type: 'DOVIEWCHANGE'
  readonly viewNumber: ViewNumber
  /** v': the latest view whose log this replica installed. */
  readonly lastNormalView: ViewNumber
  readonly opNumber: OpNumber
  readonly commitNumber: OpNumber
  /** Ours: as in COMMITOK. */
  readonly wallMs: number
  /** Checksum of the op before the suffix, which is committed. */
  readonly parent: Checksum
  /** Dense up to opNumber; may be empty. */
  readonly suffix: readonly Entry[]
}

/** ⟨STARTVIEW v, l, n, k⟩; l as in DOVIEWCHANGE. §4.2 */
export interface StartView {
  readonly type: 'STARTVIEW'
  readonly viewNumber: ViewNumber
  readonly opNumber: OpNumber
  readonly commitNumber: OpNumber
  readonly parent: Checksum
  readonly suffix: readonly Entry[]
}

/**
 * ⟨RECOVERY v, x, i⟩: i has lost what it promised. §4.3 Ours: v, once known, is the view that all must
 * reach for i to take part again; 0 before.
 */
export interface Recovery {
  readonly type: 'RECOVERY'
  readonly viewNumber: ViewNumber
  readonly nonce: number
}

/** ⟨RECOVERYRESPONSE v, x, j⟩: j is in view v, or was on its way into it. §4.3 */
export interface RecoveryResponse {
  readonly type: 'RECOVERYRESPONSE'
  readonly viewNumber: ViewNumber
  readonly nonce: number
}

/** ⟨GETSTATE v, n', i⟩: send me what follows n'. §5.2 `nonce` ties the answer to the question. */
export interface GetState {
  readonly type: 'GETSTATE'
  readonly viewNumber: ViewNumber
  readonly opNumber: OpNumber
  readonly nonce: number
}

/** Ours: the entries first … last, to whoever knows the checksum of the last one (repair.ts). */
export interface GetEntries {
  readonly type: 'GETENTRIES'
  readonly nonce: number
  readonly first: OpNumber
  readonly last: OpNumber
}

/** Ours: those of them that the sender has, from the last down without a gap. `isNormal`: it lacks nothing. */
export interface NewEntries {
  readonly type: 'NEWENTRIES'
  readonly nonce: number
  readonly entries: readonly Entry[]
  readonly isNormal: boolean
}

/** ⟨NEWSTATE v, l, n, k⟩: l follows the n' asked for, as far as it fits; or a checkpoint to fetch first. §5.2 */
export interface NewState {
  readonly type: 'NEWSTATE'
  readonly viewNumber: ViewNumber
  readonly nonce: number
  readonly entries: readonly Entry[]
  readonly opNumber: OpNumber
  readonly commitNumber: OpNumber
  readonly checkpoint: CheckpointId | undefined
}

/** Names a checkpoint: the state after executing `opNumber`. §5.1 */
export interface CheckpointId {
  readonly opNumber: OpNumber
  /** Checksum of the entry at opNumber: the log goes on from here. */
  readonly checksum: Checksum
  readonly rev: Rev
  readonly timeMs: number
  readonly lamport: number
  readonly stateHash: string
}

/** Ours: asks for the records of a checkpoint that follow `after` (undefined: from the first). §5.2 */
export interface GetCheckpoint {
  readonly type: 'GETCHECKPOINT'
  readonly nonce: number
  readonly opNumber: OpNumber
  readonly after: string | undefined
}

/** Ours: some records of a checkpoint, in order; `last`: there are no more. `gone`: not kept any longer. */
export interface NewCheckpoint {
  readonly type: 'NEWCHECKPOINT'
  readonly nonce: number
  readonly opNumber: OpNumber
  readonly records: readonly ServiceRecord[]
  readonly progress: 'more' | 'last' | 'gone'
}

/** Ours: asks for the texts of these cold records (cold.ts) of a checkpoint. */
export interface GetTexts {
  readonly type: 'GETTEXTS'
  readonly nonce: number
  readonly opNumber: OpNumber
  readonly ids: readonly string[]
}

/** Ours: the texts asked for, as far as they are still there. */
export interface NewTexts {
  readonly type: 'NEWTEXTS'
  readonly nonce: number
  readonly opNumber: OpNumber
  readonly texts: readonly ColdText[]
}

export interface ColdText {
  readonly id: string
  readonly text: string
}

/** Ours: a backup asks for the commit-number that a read must have seen (read-index). §6.3 */
export interface ReadIndex {
  readonly type: 'READINDEX'
  readonly readNumber: number
}

/** Ours: reads up to `readNumber` may be served from op `opNumber` on. */
export interface ReadIndexOk {
  readonly type: 'READINDEXOK'
  readonly viewNumber: ViewNumber
  readonly readNumber: number
  readonly opNumber: OpNumber
}

export type Message =
  | Request
  | Reply
  | Prepare
  | PrepareOk
  | Commit
  | CommitOk
  | StartViewChange
  | DoViewChange
  | StartView
  | Recovery
  | RecoveryResponse
  | GetState
  | NewState
  | GetEntries
  | NewEntries
  | GetCheckpoint
  | NewCheckpoint
  | GetTexts
  | NewTexts
  | ReadIndex
  | ReadIndexOk

export type MessageType = Message['type']

/** A message with its addressee; `to` may be the sender itself. */
export interface Send {
  readonly type: 'send'
  readonly to: ReplicaNumber
  readonly message: Message
}
