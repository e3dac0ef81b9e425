/**
 * The records (id → text) of the feed machine. What changes with every publish is only marked; its
 * text is made when somebody asks: at a checkpoint, or for the hash of the state. Sealed chunks are cold
 * records: what stands for one here is a reference, and its text stays until it is on disk.
 */

import { coldReference } from '../../vr/cold.ts'
import { KeyOrder } from '../kv/key.ts'
import { makeTree, type Tree } from '../kv/tree.ts'
import type { ColdRecords, Frozen, StateRecord } from '../machine.ts'
import { BOUNDS, type FeedBounds } from './limits.ts'

/** The record as it is now; `undefined`: it is gone. */
type Encode = () => string | undefined

export class RecordSet {
  /** For whoever keeps something here. */
  readonly bounds: FeedBounds
  readonly #order = new KeyOrder()
  readonly #texts: Tree<string, string> = makeTree(this.#order.compare)
  /** Changed since their text was made. */
  readonly #marked = new Map<string, Encode>()
  readonly #dirty = new Set<string>()
  /** Texts of cold records that are not on disk yet. */
  readonly #unsettled = new Map<string, string>()

  readonly cold: ColdRecords = {
    isCold: id => id.startsWith('s/'),
    text: id => this.#unsettled.get(id),
    settle: ids => {
      for (const id of ids) this.#unsettled.delete(id)
    },
  }

  constructor(bounds: FeedBounds = BOUNDS) {
    this.bounds = bounds
  }

  mark(id: string, encode: Encode): void {
    this.#marked.set(id, encode)
    this.#dirty.add(id)
  }

  /** A cold record, for good: an id is never used again. */
  seal(id: string, text: string): void {
    this.#unsettled.set(id, text)
    this.#store(id, coldReference(text))
    this.#dirty.add(id)
  }

  /** Now, whatever was marked. */
  remove(id: string): void {
    this.#marked.delete(id)
    this.#unsettled.delete(id)
    this.#store(id, undefined)
    this.#dirty.add(id)
  }

  #store(id: string, text: string | undefined): void {
    if (text === undefined) {
      this.#texts.delete(id)
    } else {
      this.#order.admit(id)
      this.#texts.set(id, text)
    }
  }

  #settle(): void {
    for (const [id, encode] of this.#marked) this.#store(id, encode())
    this.#marked.clear()
  }

  /** Those whose ids begin so, in order. */
  *under(prefix: string): Generator<readonly [id: string, text: string], undefined> {
    for (const [id, text] of this.#texts.entries(prefix)) {
      if (!id.startsWith(prefix)) return
      yield [id, text]
    }
  }

  /** All whose ids begin so are gone. */
  removeUnder(prefix: string): void {
    this.#settle()
    for (const [id] of [...this.under(prefix)]) this.remove(id)
  }

  /** Asked for after each entry: makes no text. */
  takeDirty(): string[] {
    const ids = this.#order.sort([...this.#dirty])
    this.#dirty.clear()
    return ids
  }

  record(id: string): string | undefined {
    const encode = this.#marked.get(id)
    if (encode) {
      this.#marked.delete(id)
      this.#store(id, encode())
    }
    return this.#texts.get(id)
  }

  freeze(): Frozen {
    this.#settle()
    return new FrozenRecords(this.#texts.clone())
  }

  clear(): void {
    this.#texts.clear()
    this.#marked.clear()
    this.#dirty.clear()
    this.#unsettled.clear()
  }

  load({ id, value }: StateRecord): void {
    this.#store(id, value)
  }
}

class FrozenRecords implements Frozen {
  readonly #texts: Tree<string, string>

  constructor(texts: Tree<string, string>) {
    this.#texts = texts
  }

  *records(after: string | undefined): Generator<StateRecord, undefined> {
    for (const [id, value] of this.#texts.entries(after)) if (id !== after) yield { id, value }
  }

  record(id: string): string | undefined {
    return this.#texts.get(id)
  }
}
