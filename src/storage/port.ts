/**
 * What the node needs of storage. One process, one Store, one writer: `commit` is the only way in,
 * one call at a time, and when it resolves everything in it is durable (fdatasync) and atomic. The
 * first error it gives is final: the process must end (docs/storage.md).
 */
import type { VsrRecord } from '../vr/effect.ts'
import type { Entry } from '../vr/entry.ts'
import type { CheckpointId } from '../vr/message.ts'
import type { Damage } from '../vr/repair.ts'
import type { ServiceRecord } from '../vr/service.ts'
import type { Checksum } from '../vr/terms.ts'
import type { Promised } from '../wire/promised.ts'

/** Who this data directory belongs to; written at founding, never changed. */
export interface ClusterRecord {
  readonly clusterId: string
  /** Random, made at founding: two clusters of one name are told apart by it. */
  readonly foundingId: string
  readonly peerId: string
  readonly name: string
  /** Random 64-bit hex, new whenever a data directory is made: a lost disk is another replica. */
  readonly incarnation: string
  readonly members: readonly {
    readonly name: string
    readonly peerId: string
    readonly addresses: readonly string[]
  }[]
  readonly shards: number
  /** Hash of the snapshot that the cluster was founded from. The chain of every shard begins with it. */
  readonly restoredFrom?: string | undefined
}

export interface ShardWrite {
  readonly shard: number
  /** Remove entries from this op on, before appending. */
  readonly truncateFrom?: number | undefined
  /** Checksum of the entry before that; what is appended tells as well. */
  readonly keptHead?: Checksum | undefined
  readonly append?: readonly Entry[] | undefined
  /** Entries that were damaged, back in their places. */
  readonly repair?: readonly Entry[] | undefined
  /** Raises the superblock's floor too, after the batch is durable. */
  readonly vsr?: VsrRecord | undefined
  /** Changes made by executed entries, as JSON text; may arrive any time after the entry. */
  readonly changes?: readonly { readonly opNumber: number; readonly text: string }[] | undefined
  /** A slice of the records of a checkpoint under way; `checkpoint` completes it. */
  readonly records?:
    | { readonly opNumber: number; readonly records: readonly ServiceRecord[] }
    | undefined
  /** All records for it have been written: from now on a restart begins here. */
  readonly checkpoint?: CheckpointId | undefined
  /** Texts of cold records for an install to come; without it they go at the next opening. */
  readonly installTexts?: readonly ServiceRecord[] | undefined
  /** As `records`/`checkpoint`, but for a state that replaces the old one and the log up to it. */
  readonly installRecords?:
    | { readonly opNumber: number; readonly records: readonly ServiceRecord[] }
    | undefined
  readonly install?: CheckpointId | undefined
  /** Remove entries and changes below this op (a slice at a time, newest data untouched). */
  readonly trimBelow?: number | undefined
}

/** What a shard held when the store was opened, audited. */
export interface ShardImage {
  readonly shard: number
  readonly vsr: VsrRecord
  readonly checkpoint: CheckpointId
  /** First op still in the log (checkpoint may be above it). */
  readonly first: number
  /** Last op in the log, or the checkpoint's. */
  readonly head: number
  /** Entries behind the checkpoint that are damaged or missing: not to be read before they are repaired. */
  readonly damage?: Damage | undefined
}

/** The last life of a peer that was seen. */
export interface PeerSeen {
  readonly incarnation: string
  readonly boot: number
  /** Random in each process of it. */
  readonly nonce?: string | undefined
  /** What this incarnation promised, by shard: all that was noted here, and after a restart most of it. */
  readonly promised?: readonly (Promised | undefined)[] | undefined
}

export interface Store {
  readonly cluster: ClusterRecord
  /** Raised durably at every open, before it returns. */
  readonly bootCounter: number
  readonly shards: readonly ShardImage[]
  /** What the opening did without, in sentences for the operator. */
  readonly notes: readonly string[]
  commit(writes: readonly ShardWrite[]): Promise<void>
  /** Entries first … last in order, at least one if there is one, at most about bytesMax. */
  readEntries(shard: number, first: number, last: number, bytesMax: number): Promise<Entry[]>
  readChanges(
    shard: number,
    first: number,
    last: number,
  ): Promise<{ opNumber: number; text: string }[]>
  /** Records of the shard's checkpoint in order of id as stored, from behind `after` on. */
  readRecords(shard: number, after?: string): AsyncIterable<ServiceRecord>
  /**
   * The text of a cold record, by the id that the checkpoint has it under. Undefined: the checkpoint has no
   * such record. Rejects with TextDamage when it has, and the text is missing, or not what the reference names.
   */
  readCold(shard: number, id: string, reference: string): Promise<string | undefined>
  /**
   * The texts of what is in the checkpoint now, and of what later ones add, stay until the function that it
   * gives is called; others may go meanwhile. For who reads a state that was frozen.
   */
  keepTexts(shard: number): () => void
  /** Known incarnations and boots of the peers (peer id → what was seen), kept durably. */
  peerSeen(peerId: string): PeerSeen | undefined
  notePeer(peerId: string, seen: PeerSeen): Promise<void>
  /** It promised this as well. Known at once, durable soon, and when the store is closed. */
  notePromise(peerId: string, shard: number, promised: Promised): void
  freeBytes(): Promise<number>
  /** What it holds must not be trusted, as `why` says: from the next opening on it counts as damaged. */
  condemn(why: string): Promise<void>
  close(): Promise<void>
}

/** Storage that must not be used: `message` says what is wrong, where, and what to do next. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  readonly reason:
    | 'missing'
    | 'damaged'
    | 'locked'
    | 'foreign'
    | 'rolled-back'
    | 'unwritable'
    | 'version'

  constructor(reason: StorageError['reason'], message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.reason = reason
  }
}

/** The text of a cold record is not what was written. A start does not read them: it must be told (`condemn`). */
export class TextDamage extends StorageError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('damaged', message, options)
  }
}
