/**
 * What goes into `step` and what comes out: plain data. Ordering is data too: a write carries in
 * `then` the messages that it releases, so nothing that promises can leave before it is durable.
 */
import type { Command, Entry } from './entry.ts'
import type { CheckpointId, ColdText, Message, ReplyAnswer, Send } from './message.ts'
import type { ChangeRecord, ServiceRecord } from './service.ts'
import type {
  Checksum,
  ClientId,
  EpochNumber,
  OpNumber,
  ReplicaNumber,
  RequestNumber,
  ViewNumber,
} from './terms.ts'

export type Input =
  /** Time has passed: `nowMs` monotonic, `wallMs` the clock on the wall (for log time only). */
  | { readonly type: 'tick'; readonly nowMs: number; readonly wallMs: number }
  | { readonly type: 'deliver'; readonly from: ReplicaNumber; readonly message: Message }
  /** Commands taken by this node, and the latest Lamport time that it or their clients have seen. */
  | {
      readonly type: 'request'
      readonly lamport: number
      readonly commands: readonly Command[]
    }
  /** The write with this token, and all before it, are durable. */
  | { readonly type: 'written'; readonly token: number }
  /** Answer to `load`; empty when they are no longer there. */
  | { readonly type: 'loaded'; readonly token: number; readonly entries: readonly Entry[] }
  /** Answer to `load-texts`: those that are there. */
  | { readonly type: 'texts-loaded'; readonly token: number; readonly texts: readonly ColdText[] }
  /** The checkpoint is durable. */
  | { readonly type: 'checkpointed'; readonly opNumber: OpNumber }
  /** Linearizable reads taken by this node up to this number want an op to wait for. */
  | { readonly type: 'read'; readonly readNumber: number }
  /** The transport lost or regained a peer. */
  | { readonly type: 'peer'; readonly replica: ReplicaNumber; readonly connected: boolean }
  /** This replica's disk has less free than it should keep, or has enough again. */
  | { readonly type: 'space'; readonly isShort: boolean }
  /** The operator asks this replica to make others take over. */
  | { readonly type: 'step-down' }
  /** What the effect `execute` asked for: what came before it has been started. */
  | { readonly type: 'execute' }

/** View and last normal view change in the same write as the log they speak for. */
export interface VsrRecord {
  readonly epochNumber: EpochNumber
  readonly viewNumber: ViewNumber
  readonly lastNormalView: ViewNumber
  /** What was promised before is lost: nothing is voted for or acknowledged until a log is installed. §4.3 */
  readonly recovering?: true
  /** The log of lastNormalView was cut: a later view committed other entries, which are not acknowledged. */
  readonly cut?: true
}

export interface Write {
  readonly type: 'write'
  readonly token: number
  /** Entries from this op on are replaced: removed in the same atomic write. */
  readonly truncateFrom: OpNumber | undefined
  /** Checksum of the entry before that: with nothing behind it, it is the head, and a disk has to know its head. */
  readonly keptHead?: Checksum | undefined
  readonly append: readonly Entry[]
  /** They come back where they were damaged (repair.ts); what is written now goes with nothing else. */
  readonly repair?: readonly Entry[] | undefined
  readonly vsr: VsrRecord | undefined
  /** Texts of cold records for a checkpoint that is being fetched: they count with its `install`. */
  readonly texts: readonly ServiceRecord[] | undefined
  /** A checkpoint got by state transfer replaces state and log below it, in the same atomic write. */
  readonly install: (CheckpointId & { readonly records: readonly ServiceRecord[] }) | undefined
  readonly then: readonly Send[]
}

/** One entry was executed here: what the callers and followers on this node wait for. */
export interface Executed {
  readonly type: 'executed'
  readonly entry: Entry
  /** One per command; `undefined` where the command had no effect of its own (pulse). */
  readonly answers: readonly (ReplyAnswer | undefined)[]
  readonly changes: readonly ChangeRecord[]
}

export type ReplicaEvent =
  | { readonly type: 'status'; readonly status: string; readonly reason: string }
  | {
      readonly type: 'view-change-started'
      readonly viewNumber: ViewNumber
      readonly reason: string
    }
  | {
      readonly type: 'view-started'
      readonly viewNumber: ViewNumber
      readonly primary: ReplicaNumber
    }
  | { readonly type: 'checkpoint'; readonly opNumber: OpNumber }
  | { readonly type: 'sync-started'; readonly opNumber: OpNumber }
  | { readonly type: 'sync-finished'; readonly opNumber: OpNumber }
  /** Damaged entries are whole again, up to the head; the replica starts now. */
  | { readonly type: 'repaired'; readonly opNumber: OpNumber }
  /** A quorum of others is normal without this damaged entry. The host closes the replica, and its data is set aside. */
  | { readonly type: 'not-repairable'; readonly opNumber: OpNumber }
  /** The others had another state at this op. The host ends the process, and its data is set aside. */
  | { readonly type: 'diverged'; readonly opNumber: OpNumber }

export type Effect =
  | Send
  | Write
  | Executed
  /**
   * Committed entries wait: step with `execute` once the effects before this one are carried out. So a write
   * begins before the execution of earlier entries, not behind it.
   */
  | { readonly type: 'execute' }
  /** Read entries first … last from storage (as many as fit bytesMax) and step with `loaded`. */
  | {
      readonly type: 'load'
      readonly token: number
      readonly first: OpNumber
      readonly last: OpNumber
      readonly bytesMax: number
    }
  /** Read the texts of these cold records (reference and all) from storage and step with `texts-loaded`. */
  | {
      readonly type: 'load-texts'
      readonly token: number
      readonly records: readonly ServiceRecord[]
    }
  /** Make the checkpoint durable: changed records first, its name last; then step with `checkpointed`. */
  | {
      readonly type: 'checkpoint'
      readonly id: CheckpointId
      readonly records: readonly ServiceRecord[]
    }
  /** Entries below this op are not needed any longer. */
  | { readonly type: 'trim'; readonly below: OpNumber }
  /** What became of a request that this node took and will not see executed. */
  | {
      readonly type: 'answer'
      readonly clientId: ClientId
      readonly requestNumber: RequestNumber
      /** Of its operation. */
      readonly fingerprint: number
      readonly answer: ReplyAnswer
    }
  /** Reads up to `readNumber` may be served once `opNumber` is executed here. */
  | { readonly type: 'read-ready'; readonly readNumber: number; readonly opNumber: OpNumber }
  | { readonly type: 'event'; readonly event: ReplicaEvent }
