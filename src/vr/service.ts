/**
 * The service code that the paper calls up to (§4.1 step 5, §5.1): what a replica needs of the state
 * machines of its shard. Pure and synchronous; src/machine/compose.ts is the implementation.
 */
export interface ExecuteContext {
  readonly opNumber: number
  readonly rev: number
  readonly lamport?: number | undefined
  readonly timeMs: number
  readonly session: string
  readonly correlationId?: string | undefined
  readonly causationId?: string | undefined
  /** The view whose primary made the entry: the same on every replica. */
  readonly viewNumber?: number | undefined
}

/** A state change, opaque here. */
export type ChangeRecord = object

export interface ServiceRecord {
  readonly id: string
  /** `undefined`: the record is gone. Of a cold record: its reference (cold.ts). */
  readonly value: string | undefined
  /** Marks a cold record where it goes to disk. `text` is absent when the disk has it, or it is gone. */
  readonly cold?: { readonly text?: string | undefined }
}

/** The whole state at one op; later operations do not touch it. */
export interface ServiceSnapshot {
  /** Records in a fixed order, starting behind `after`. */
  records(after: string | undefined): Iterable<ServiceRecord>
  /** Those that are cold. */
  coldRecords(): Iterable<ServiceRecord>
  /** Of the cold record of this id, if the state had one. */
  coldReference(id: string): string | undefined
}

export interface Service {
  /** Executes one operation and gives its result; never throws for bad operations. */
  execute(operation: Uint8Array, context: ExecuteContext, changes: ChangeRecord[]): Uint8Array
  /** Log time has reached `timeMs` (§4.4, log-time.ts). */
  advance(timeMs: number, context: ExecuteContext, changes: ChangeRecord[]): void
  /** When `advance` has work next, in log time. */
  nextDeadline(): number | undefined
  /** Records changed since the last call. */
  takeDirty(): ServiceRecord[]
  /** Immutable view, for checkpoints and state transfer. */
  freeze(): ServiceSnapshot
  /** Same on every replica that executed the same ops. 32 hex digits. */
  stateHash(): string
  clear(): void
  load(record: ServiceRecord): void

  /** A function of the id. */
  isCold(id: string): boolean
  /** Of the cold record of this id, if the state has one. */
  coldReference(id: string): string | undefined
  /** The text of a cold record while it is in memory: until it is settled. */
  coldText(id: string): string | undefined
  /** Bytes of cold records made since takeDirty; the same on every replica that asks after each entry. */
  coldBytes(): number
  /** These cold records are on disk: their texts may go from memory. */
  settle(ids: readonly string[]): void
}
