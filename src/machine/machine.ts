/**
 * The interface of a deterministic state machine, as the shard's state sees it.
 *
 * All replicated state is a set of records, id → text. That one idea gives incremental
 * checkpoints (write the records that changed), state transfer (send them in order of id), the
 * state hash (a sum over records) and restart (load them), the same for every machine.
 */
import type { Json } from '../base/json.ts'

/** One piece of state. `undefined`: the record is gone. */
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
  apply(command: Json, context: ApplyContext, changes: Change[]): Json

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
}
