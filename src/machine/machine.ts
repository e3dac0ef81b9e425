/**
 * The interface of a deterministic state machine, as the shard's state sees it.
 *
 * All replicated state is a set of records, id → text. That one idea gives incremental
 * checkpoints (write the records that changed), state transfer (send them in order of id), the
 * state hash (a sum over records) and restart (load them), the same for every machine.
 */
import type { Json } from '../base/json.ts'

/** One piece of state. `undefined`: the record is gone. A cold record's value is its reference. */
export interface StateRecord {
  /** Unique within its machine; ordered by its UTF-8 bytes. */
  readonly id: string
  readonly value: string | undefined
}

/** What an operation may know besides the state: all of it is in the log, none of it is ambient. */
export interface ApplyContext {
  readonly opNumber: number
  /** Dense number of this operation in its shard's log. */
  readonly rev: number
  /** Log time in ms since 1970, given by the primary, never going back. */
  readonly timeMs: number
  readonly session: string
  readonly correlationId?: string | undefined
  readonly causationId?: string | undefined
  /** Of the view whose primary made the entry. */
  readonly viewNumber?: number | undefined
  /** Lamport timestamp of the command. */
  readonly lamport?: number | undefined
}

/** The feeds, as other machines see them. Call it last, when nothing else can fail. */
export interface Feeds {
  /**
   * Publishes records in the commit of the operation at hand: all of them, or it throws `Rejected` and nothing is
   * published. Gives where each is. `made`: a feed that is not there is made; `there`: it is refused.
   */
  publish(
    records: readonly Json[],
    at: { readonly context: ApplyContext; readonly changes: Change[] },
    feeds: 'there' | 'made',
  ): readonly Json[]
  /** What an operation changed of the feeds of another cluster, `{key, value?}` each: all of it, or it throws. */
  takeOver(
    changes: readonly Json[],
    at: { readonly context: ApplyContext; readonly changes: Change[] },
  ): void
}

/** A state change, as `log read --as changes`, watches and history show it. */
export interface Change {
  readonly rev: number
  readonly machine: string
  readonly key: string
  /** Absent: deleted. */
  readonly value?: Json
  /** The value before. May be a getter, and is not part of the JSON form: each value is stored once. */
  readonly prev?: Json | undefined
  readonly createRev?: number
  readonly version?: number
  /** Log time at which the key goes. */
  readonly expiresMs?: number | undefined
  /** Of kv: it does not follow from the command alone. May be a getter; no part of the JSON form. */
  readonly isTimed?: boolean
}

/** An operation that the machine refuses: an answer like any other, the same on every replica. */
export class Rejected extends Error {
  override readonly name = 'Rejected'
  readonly errorName: string
  readonly data: Json

  constructor(errorName: string, message: string, data: Json = {}, options?: ErrorOptions) {
    super(message, options)
    this.errorName = errorName
    this.data = data
  }
}

/** A view of the state at one op that later operations do not touch; cheap to take. */
export interface Frozen {
  /** Records in order of id, from the first id > `after` (`undefined`: from the start). */
  records(after: string | undefined): Iterable<StateRecord>
  /** The record as it was. */
  record(id: string): string | undefined
}

export interface Machine {
  readonly name: string
  /** Part of the answers' meaning: replicas of different versions do not run together. */
  readonly version: number

  /**
   * Executes one operation: synchronous, total, deterministic. Pushes what it changed. A throw of
   * `Rejected` must leave the state untouched.
   */
  apply(command: Json, context: ApplyContext, changes: Change[], feeds?: Feeds): Json

  /** Of the machine that keeps feeds: for the others. */
  readonly feeds?: Feeds

  /** Reads. `timeMs` is the log time reached. Throws `Rejected`. */
  query(query: Json, timeMs: number): Json

  /** Log time has reached `timeMs`: drop what has expired by then. Runs before each entry's operations. */
  advance(timeMs: number, context: ApplyContext, changes: Change[]): void

  /** When `advance` will next have something to do, in log time; `undefined`: never. */
  nextDeadline(): number | undefined

  /** Ids of the records changed since the last call, in order of id. */
  takeDirty(): string[]
  /** The record now. */
  record(id: string): string | undefined
  freeze(): Frozen

  /** Restart and state transfer: `clear`, then `load` each record, in any order. */
  clear(): void
  load(record: StateRecord): void

  /** Absent: all state is kept in memory. */
  readonly cold?: ColdRecords
}

/**
 * Cold records: large ones that are written once, whose text stays in memory only until a checkpoint that
 * carries it is durable, and is on disk only from then on (docs/decisions/0017).
 *
 * To the machine such a record is its reference, a short text: `coldReference` of `vr/cold.ts` makes it when
 * the record is made, and the machine keeps it for as long as the record is part of the state. `record`,
 * `freeze` and `load` know the reference only, never the text: so hash, restart, snapshots and state transfer
 * cost what the references cost. Making and removing one is marked in `takeDirty` like any change. Outside of
 * the machine, `Shard.readCold` (node) and `Store.readCold` read the text.
 *
 *   made        record(id) = reference   text(id) = the text     the checkpoint under way takes both
 *   settled     record(id) = reference   text(id) = undefined    on disk; after a restart all are
 *   removed     record(id) = undefined   text(id) = undefined    off the disk some time later
 */
export interface ColdRecords {
  /** Function of the id alone: all records with such an id are cold. */
  isCold(id: string): boolean
  /**
   * The text, while it is in memory. An id names one text for good: one that was removed is not made again
   * with another (put what tells them apart into the id, as the rev that made it).
   */
  text(id: string): string | undefined
  /** The texts are on disk: drop them. Ids removed meanwhile are among them. */
  settle(ids: readonly string[]): void
}
