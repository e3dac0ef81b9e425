/**
 * Of a compacted partition: which record is the last of each key. A record that is not the last of its
 * key is dead: no reader sees it. What says that a key is deleted is kept for TOMBSTONE_MS.
 */
import { makeTree, type Tree } from '../kv/tree.ts'
import { TOMBSTONE_MS } from './limits.ts'
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
  /** Offsets of tombstones, in order. */
  #tombstones: number[] = []

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

  /** Records below `first` are no longer there. */
  forgetBelow(first: number): void {
    for (let oldest = this.oldest; oldest !== undefined && oldest < first; oldest = this.oldest) {
      this.#forget(oldest)
    }
  }

  /** Tombstones that have been shown for long enough die; gives their offsets. */
  expire(timeMs: number): number[] {
    const died: number[] = []
    for (let at = this.nextTombstone; at !== undefined && at.untilMs <= timeMs; ) {
      this.#forget(at.offset)
      died.push(at.offset)
      at = this.nextTombstone
    }
    return died
  }

  get nextTombstone(): { readonly offset: number; readonly untilMs: number } | undefined {
    for (let offset = this.#tombstones[0]; offset !== undefined; offset = this.#tombstones[0]) {
      const key = this.#byOffset.get(offset)
      const last = key === undefined ? undefined : this.#byKey.get(key)
      if (last !== undefined) return { offset, untilMs: last.deletedMs + TOMBSTONE_MS }
      // Its key was written again since.
      this.#tombstones.shift()
    }
    return undefined
  }

  load(): void {
    for (const [id, text] of this.#records.under(this.prefix)) {
      const [offset, deletedMs] = text.split(';').map(Number)
      this.#set(id.slice(this.prefix.length), { offset: offset ?? 0, deletedMs: deletedMs ?? 0 })
    }
    this.#tombstones.sort((a, b) => a - b)
  }
}
