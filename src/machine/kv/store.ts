/**
 * The state of the key-value machine: records in order of key, the deadlines of those that expire,
 * and which have changed. Knows nothing of commands.
 */
import type { Frozen, StateRecord } from '../machine.ts'
import { compareKeys, KeyOrder } from './key.ts'
import type { KvRecord } from './record.ts'
import { decodeRecord, encodeRecord } from './record.ts'
import type { Tree } from './tree.ts'
import { makeTree } from './tree.ts'

/** Keys from `start` (included) to `end` (excluded; `undefined`: to the last). */
export interface Span {
  readonly start: string
  readonly end: string | undefined
}

/** Ordered by time, then key: the order of expiry must not depend on the order of insertion. */
interface Deadline {
  readonly atMs: number
  readonly key: string
}

const compareDeadlines = (a: Deadline, b: Deadline): number =>
  a.atMs - b.atMs || compareKeys(a.key, b.key)

export class KvStore {
  readonly #order = new KeyOrder()
  readonly #records: Tree<string, KvRecord> = makeTree(this.#order.compare)
  /** The same records. Most look-ups are of one key, and a tree takes ten times as long for it. */
  readonly #byKey = new Map<string, KvRecord>()
  readonly #deadlines: Tree<Deadline, undefined> = makeTree(compareDeadlines)
  readonly #dirty = new Set<string>()

  get size(): number {
    return this.#records.size
  }

  /** The record of the key, expired or not. */
  get(key: string): KvRecord | undefined {
    return this.#byKey.get(key)
  }

  /** Puts `after` (`undefined`: nothing) in the place of `before`, which must be what is there. */
  replace(key: string, before: KvRecord | undefined, after: KvRecord | undefined): void {
    if (before !== undefined && before.expiresMs !== 0) {
      this.#deadlines.delete({ atMs: before.expiresMs, key })
    }
    if (after === undefined) this.#remove(key)
    else this.#insert(key, after, before === undefined)
    this.#dirty.add(key)
  }

  #remove(key: string): void {
    this.#records.delete(key)
    this.#byKey.delete(key)
  }

  #insert(key: string, record: KvRecord, isNew: boolean): void {
    if (isNew) this.#order.admit(key)
    const own = isNew ? flat(key) : key
    this.#records.set(own, record)
    this.#byKey.set(own, record)
    if (record.expiresMs !== 0) {
      this.#deadlines.set({ atMs: record.expiresMs, key }, undefined)
    }
  }

  /** Records of the span in order of key, expired ones included. Do not change the store meanwhile. */
  *scan(span: Span): Generator<[string, KvRecord], undefined> {
    for (const pair of this.#records.entries(span.start)) {
      if (span.end !== undefined && compareKeys(pair[0], span.end) >= 0) return
      yield pair
    }
  }

  /** As scan, from the last to the first. */
  *scanBack(span: Span): Generator<[string, KvRecord], undefined> {
    for (const pair of this.#records.entriesReversed(span.end, undefined, true)) {
      if (compareKeys(pair[0], span.start) < 0) return
      yield pair
    }
  }

  /** How many keys of the span are there at `timeMs`; does not look at each. */
  count(span: Span, timeMs: number): number {
    const last = this.#records.maxKey()
    if (last === undefined) return 0
    const { start, end } = span
    const high = end ?? last
    if (compareKeys(start, high) > 0) return 0
    const all = this.#records.forRange(start, high, end === undefined)
    let gone = 0
    for (const { key } of this.#expired(timeMs)) {
      if (compareKeys(key, start) >= 0 && (end === undefined || compareKeys(key, end) < 0)) gone++
    }
    return all - gone
  }

  nextDeadline(): number | undefined {
    return this.#deadlines.minKey()?.atMs
  }

  /** Keys that are gone at `timeMs` and still have a record, in order of deadline. */
  expiredKeys(timeMs: number): string[] {
    return Array.from(this.#expired(timeMs), deadline => deadline.key)
  }

  *#expired(timeMs: number): Generator<Deadline, undefined> {
    for (const deadline of this.#deadlines.keys()) {
      if (deadline.atMs > timeMs) return
      yield deadline
    }
  }

  takeDirty(): string[] {
    const keys = this.#order.sort([...this.#dirty])
    this.#dirty.clear()
    return keys
  }

  record(key: string): string | undefined {
    const record = this.#byKey.get(key)
    return record && encodeRecord(record)
  }

  freeze(): Frozen {
    return new FrozenStore(this.#records.clone())
  }

  clear(): void {
    this.#records.clear()
    this.#byKey.clear()
    this.#deadlines.clear()
    this.#dirty.clear()
  }

  load(key: string, record: string): void {
    this.#insert(key, decodeRecord(record), true)
  }
}

/**
 * The same text with its characters in one place. A key that was cut out of a longer text holds on to
 * that, and comparing it, which is what a tree does all day, takes four times as long.
 */
function flat(key: string): string {
  return String(JSON.parse(JSON.stringify(key)))
}

class FrozenStore implements Frozen {
  readonly #records: Tree<string, KvRecord>

  constructor(records: Tree<string, KvRecord>) {
    this.#records = records
  }

  *records(after: string | undefined): Generator<StateRecord, undefined> {
    for (const [id, record] of this.#records.entries(after)) {
      if (id !== after) yield { id, value: encodeRecord(record) }
    }
  }

  record(id: string): string | undefined {
    const record = this.#records.get(id)
    return record && encodeRecord(record)
  }
}
