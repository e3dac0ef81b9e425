/**
 * One operation at work: it changes the store at once, so that its later parts see the earlier ones,
 * and keeps what was there, so that a refusal half-way leaves nothing behind.
 */
import type { Json } from '../../base/json.ts'
import type { ApplyContext, Change } from '../machine.ts'
import { Rejected } from '../machine.ts'
import { KvPut, KvRemoval } from './change.ts'
import { CHANGES_MAX } from './limits.ts'
import type { KvRecord } from './record.ts'
import type { KvStore } from './store.ts'
import { View } from './view.ts'

/** A value with its text, made by textOfValue. */
export interface Written {
  readonly value: Json
  readonly text: string
  /** Log time at which it goes; 0: never. */
  readonly expiresMs: number
  /** Of an import: as they were where the change was made. */
  readonly createRev?: number | undefined
  readonly version?: number | undefined
}

interface Touched {
  readonly key: string
  readonly before: KvRecord | undefined
  after: KvRecord | undefined
  value: Json
}

const LINEAR_MAX = 8
const NONE: readonly Touched[] = []

export class Work extends View {
  readonly rev: number
  /** In the order in which they were first written. */
  #touched: Touched[] | undefined
  /** Made when it is worth it: most operations touch one key. */
  #byKey: Map<string, Touched> | undefined

  constructor(store: KvStore, context: ApplyContext) {
    super(store, context.timeMs)
    this.rev = context.rev
  }

  put(key: string, written: Written): void {
    const stored = this.stored(key)
    const live = stored && this.isLive(stored) ? stored : undefined
    const record: KvRecord = {
      text: written.text,
      rev: this.rev,
      createRev: written.createRev ?? (live ? live.createRev : this.rev),
      version: written.version ?? (live ? this.#nextVersion(key, live) : 1),
      expiresMs: written.expiresMs,
    }
    this.#change(key, stored, record, written.value)
  }

  /** One operation is one change of a key, however often it writes it. */
  #nextVersion(key: string, live: KvRecord): number {
    return this.#find(key) ? live.version : live.version + 1
  }

  remove(key: string): void {
    const stored = this.stored(key)
    if (stored) this.#change(key, stored, undefined, null)
  }

  #change(
    key: string,
    stored: KvRecord | undefined,
    after: KvRecord | undefined,
    value: Json,
  ): void {
    const touched = this.#find(key)
    if (touched) {
      touched.after = after
      touched.value = value
    } else {
      this.#touch({ key, before: stored, after, value })
    }
    this.store.replace(key, stored, after)
    this.remember(key, after)
  }

  #find(key: string): Touched | undefined {
    if (this.#byKey) return this.#byKey.get(key)
    for (const touched of this.#touched ?? NONE) if (touched.key === key) return touched
    return undefined
  }

  #touch(touched: Touched): void {
    // Made with its one place, for most operations need no more.
    if (!this.#touched) {
      this.#touched = [touched]
      return
    }
    if (this.#touched.length === CHANGES_MAX) {
      throw new Rejected(
        'TXN_TOO_LARGE',
        `one operation may change ${CHANGES_MAX} keys at most: do it in several`,
        { limit: CHANGES_MAX },
      )
    }
    const count = this.#touched.push(touched)
    if (count === LINEAR_MAX) this.#byKey = new Map(this.#touched.map(t => [t.key, t]))
    else this.#byKey?.set(touched.key, touched)
  }

  /** Tells what has changed: each key once, in the order in which they were first written. */
  commit(changes: Change[]): void {
    for (const { key, before, after, value } of this.#touched ?? NONE) {
      if (after) changes.push(new KvPut(key, before, after, value))
      else if (before) changes.push(new KvRemoval(key, before, this.rev))
    }
  }

  /** Puts everything back. */
  rollback(): void {
    for (const { key, before, after } of this.#touched ?? NONE)
      this.store.replace(key, after, before)
  }
}
