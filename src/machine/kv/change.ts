/**
 * What became of one key in one operation, for watches, history and the log of state changes.
 *
 * `prev` is parsed only when somebody asks, and has no place in the JSON form: who stores changes
 * has stored it already, as the value of the change before.
 */
import type { Json } from '../../base/json.ts'
import type { Change } from '../machine.ts'
import type { KvRecord } from './record.ts'
import { valueIn } from './record.ts'

export class KvPut implements Change {
  readonly rev: number
  readonly machine = 'kv'
  readonly key: string
  readonly value: Json
  readonly createRev: number
  readonly version: number
  /** Log time at which the key goes; undefined: it stays. */
  readonly expiresMs: number | undefined
  readonly #before: KvRecord | undefined

  constructor(key: string, before: KvRecord | undefined, after: KvRecord, value: Json) {
    this.rev = after.rev
    this.key = key
    this.value = value
    this.createRev = after.createRev
    this.version = after.version
    this.expiresMs = after.expiresMs === 0 ? undefined : after.expiresMs
    this.#before = before
  }

  get prev(): Json | undefined {
    return this.#before && valueIn(this.#before)
  }

  /** The key has, or had until now, a time to live: what became of it does not follow from key and value. */
  get isTimed(): boolean {
    return (
      this.expiresMs !== undefined || (this.#before !== undefined && this.#before.expiresMs !== 0)
    )
  }
}

/** Deleted, or its time to live has passed. */
export class KvRemoval implements Change {
  readonly rev: number
  readonly machine = 'kv'
  readonly key: string
  readonly #before: KvRecord

  constructor(key: string, before: KvRecord, rev: number) {
    this.rev = rev
    this.key = key
    this.#before = before
  }

  get prev(): Json {
    return valueIn(this.#before)
  }
}
