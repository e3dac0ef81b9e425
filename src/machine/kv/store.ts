/**
 * The state of the key-value machine: records in order of key, the deadlines of those that expire,
 * and which have changed. Knows nothing of commands.
 */
import { present } from '../../base/assert.ts'
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

/** What was under the keys that changed since, until the next cut: all that an older view needs to know. */
class Before {
  readonly records = new Map<string, KvRecord | undefined>()
  next: Before | undefined
}

export class KvStore {
  readonly #order = new KeyOrder()
  /** Which keys there are. Writing one again, which is most of what happens, does not touch it. */
  readonly #keys: Tree<string, undefined> = makeTree(this.#order.compare)
  #byKey = new Map<string, KvRecord>()
  readonly #deadlines: Tree<Deadline, undefined> = makeTree(compareDeadlines)
  /** Since the last cut. */
  #before = new Before()
  /** All since takeDirty, in order; the last is `#before`. */
  #untaken = [this.#before]

  get size(): number {
    return this.#byKey.size
  }

  /** The record of the key, expired or not. */
  get(key: string): KvRecord | undefined {
    return this.#byKey.get(key)
  }

  /** Puts `after` (`undefined`: nothing) in the place of `before`, which must be what is there. */
  replace(key: string, before: KvRecord | undefined, after: KvRecord | undefined): void {
    const { records } = this.#before
    if (!records.has(key)) records.set(key, before)
    if (before !== undefined && before.expiresMs !== 0) {
      this.#deadlines.delete({ atMs: before.expiresMs, key })
    }
    if (after === undefined) this.#remove(key)
    else this.#insert(key, after, before === undefined)
  }

  #remove(key: string): void {
    this.#keys.delete(key)
    this.#byKey.delete(key)
  }

  #insert(key: string, record: KvRecord, isNew: boolean): void {
    if (isNew) this.#admit(flat(key), record)
    else this.#byKey.set(key, record)
    if (record.expiresMs !== 0) {
      this.#deadlines.set({ atMs: record.expiresMs, key }, undefined)
    }
  }

  #admit(key: string, record: KvRecord): void {
    this.#order.admit(key)
    this.#keys.set(key, undefined)
    this.#byKey.set(key, record)
  }

  /** Records of the span in order of key, expired ones included. Do not change the store meanwhile. */
  *scan(span: Span): Generator<[string, KvRecord], undefined> {
    for (const key of this.#keys.keys(span.start)) {
      if (span.end !== undefined && compareKeys(key, span.end) >= 0) return
      yield [key, this.#present(key)]
    }
  }

  /** As scan, from the last to the first. */
  *scanBack(span: Span): Generator<[string, KvRecord], undefined> {
    for (const [key] of this.#keys.entriesReversed(span.end, undefined, true)) {
      if (compareKeys(key, span.start) < 0) return
      yield [key, this.#present(key)]
    }
  }

  #present(key: string): KvRecord {
    return present(this.#byKey.get(key), 'a key has its record')
  }

  /** How many keys of the span are there at `timeMs`; does not look at each. */
  count(span: Span, timeMs: number): number {
    const last = this.#keys.maxKey()
    if (last === undefined) return 0
    const { start, end } = span
    const high = end ?? last
    if (compareKeys(start, high) > 0) return 0
    const all = this.#keys.forRange(start, high, end === undefined)
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
    const dirty = new Set(this.#untaken.flatMap(({ records }) => [...records.keys()]))
    this.#cut()
    this.#untaken = [this.#before]
    return this.#order.sort([...dirty])
  }

  /** What changes from now on is told apart from what changed before. */
  #cut(): void {
    if (this.#before.records.size === 0) return
    const next = new Before()
    this.#before.next = next
    this.#before = next
    this.#untaken.push(next)
  }

  record(key: string): string | undefined {
    const record = this.#byKey.get(key)
    return record && encodeRecord(record)
  }

  freeze(): Frozen {
    this.#cut()
    return new FrozenStore(this.#keys.clone(), this.#byKey, this.#before)
  }

  /** Views taken before keep what they see. */
  clear(): void {
    this.#keys.clear()
    this.#byKey = new Map()
    this.#deadlines.clear()
    this.#before = new Before()
    this.#untaken = [this.#before]
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

/**
 * The keys as they were, and their records: the one of now, unless the key has changed since. The changes since
 * are a chain, which lives for as long as a view refers to its beginning.
 */
class FrozenStore implements Frozen {
  readonly #keys: Tree<string, undefined>
  readonly #byKey: ReadonlyMap<string, KvRecord>
  readonly #since: Before

  constructor(keys: Tree<string, undefined>, byKey: ReadonlyMap<string, KvRecord>, since: Before) {
    this.#keys = keys
    this.#byKey = byKey
    this.#since = since
  }

  *records(after: string | undefined): Generator<StateRecord, undefined> {
    for (const id of this.#keys.keys(after)) {
      if (id !== after) yield { id, value: this.record(id) }
    }
  }

  record(id: string): string | undefined {
    const record = this.#recordOf(id)
    return record && encodeRecord(record)
  }

  #recordOf(id: string): KvRecord | undefined {
    for (let since: Before | undefined = this.#since; since; since = since.next) {
      const before = since.records.get(id)
      if (before !== undefined || since.records.has(id)) return before
    }
    return this.#byKey.get(id)
  }
}
