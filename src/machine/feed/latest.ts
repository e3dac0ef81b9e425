/**
 * Of a compacted partition: which record is the last of each key. A record that is not the last of its
 * key is dead: no reader sees it. What says that a key is deleted is kept for `tombstoneMs`.
 */
import { makeTree, type Tree } from '../kv/tree.ts'
import { EXPIRE_MAX } from './limits.ts'
import type { RecordSet } from './record-set.ts'

interface Last {
  readonly offset: number
  /** Log time at which the key was deleted; 0: it was not. */
  readonly deletedMs: number
}

export class Latest {
  readonly #records: RecordSet
  /** Of its records: one for each key. */
  readonly prefix: string
  readonly #byKey = new Map<string, Last>()
  readonly #byOffset: Tree<number, string> = makeTree((a: number, b: number) => a - b)
  /** Offsets of tombstones, in order; those before `#tombstone` are done with. */
  #tombstones: number[] = []
  #tombstone = 0

  constructor(records: RecordSet, prefix: string) {
    this.#records = records
    this.prefix = prefix
  }

  /** Records that are not dead. */
  get size(): number {
    return this.#byKey.size
  }

  has(key: string): boolean {
    return this.#byKey.has(key)
  }

  isLast(offset: number): boolean {
    return this.#byOffset.has(offset)
  }

  /** The oldest that is not dead. */
  get oldest(): number | undefined {
    return this.#byOffset.minKey()
  }

  /** The record at `offset` is now the last of its key; gives the offset of the one that died. */
  put(key: string, offset: number, deletedMs: number): number | undefined {
    const before = this.#byKey.get(key)
    if (before !== undefined) this.#byOffset.delete(before.offset)
    this.#set(key, { offset, deletedMs })
    this.#records.mark(this.prefix + key, () => this.#encode(key))
    return before?.offset
  }

  #set(key: string, last: Last): void {
    this.#byKey.set(key, last)
    this.#byOffset.set(last.offset, key)
    if (last.deletedMs > 0) this.#tombstones.push(last.offset)
  }

  #encode(key: string): string | undefined {
    const last = this.#byKey.get(key)
    return last && `${last.offset};${last.deletedMs}`
  }

  #forget(offset: number): void {
    const key = this.#byOffset.get(offset)
    if (key === undefined) return
    this.#byOffset.delete(offset)
    this.#byKey.delete(key)
    this.#records.mark(this.prefix + key, () => this.#encode(key))
  }

  /** Records below `first` are no longer there; gives the offsets of those that were not dead. */
  forgetBelow(first: number): number[] {
    const forgotten: number[] = []
    for (let oldest = this.oldest; oldest !== undefined && oldest < first; oldest = this.oldest) {
      this.#forget(oldest)
      forgotten.push(oldest)
    }
    return forgotten
  }

  /** Tombstones that have been shown for long enough die, so many at once; gives their offsets. */
  expire(timeMs: number): number[] {
    const died: number[] = []
    for (let at = this.nextTombstone; at !== undefined && at.untilMs <= timeMs; ) {
      if (died.length === EXPIRE_MAX) break
      this.#forget(at.offset)
      died.push(at.offset)
      at = this.nextTombstone
    }
    return died
  }

  get nextTombstone(): { readonly offset: number; readonly untilMs: number } | undefined {
    for (; this.#tombstone < this.#tombstones.length; this.#tombstone++) {
      const offset = this.#tombstones[this.#tombstone] ?? 0
      const key = this.#byOffset.get(offset)
      const last = key === undefined ? undefined : this.#byKey.get(key)
      // Else its key was written again since.
      if (last !== undefined)
        return { offset, untilMs: last.deletedMs + this.#records.bounds.tombstoneMs }
    }
    this.#tombstones = []
    this.#tombstone = 0
    return undefined
  }

  /** The first record from here on that is not dead. */
  from(offset: number): number | undefined {
    return this.#byOffset.has(offset) ? offset : this.#byOffset.nextHigherKey(offset)
  }

  /** How many from here on are not dead. */
  countFrom(offset: number): number {
    const last = this.#byOffset.maxKey()
    if (last === undefined || offset > last) return 0
    return this.#byOffset.forRange(offset, last, true)
  }

  load(): void {
    for (const [id, text] of this.#records.under(this.prefix)) {
      const [offset, deletedMs] = text.split(';').map(Number)
      this.#set(id.slice(this.prefix.length), { offset: offset ?? 0, deletedMs: deletedMs ?? 0 })
    }
    this.#tombstones.sort((a, b) => a - b)
  }
}
