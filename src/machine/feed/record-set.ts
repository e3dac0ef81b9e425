/**
 * The records (id → text) of the feed machine. What changes with every publish is only marked; its
 * text is made when somebody asks: at a checkpoint, or for the hash of the state.
 */

import { KeyOrder } from '../kv/key.ts'
import { makeTree, type Tree } from '../kv/tree.ts'
import type { Frozen, StateRecord } from '../machine.ts'

/** The record as it is now; `undefined`: it is gone. */
type Encode = () => string | undefined

export class RecordSet {
  readonly #order = new KeyOrder()
  readonly #texts: Tree<string, string> = makeTree(this.#order.compare)
  readonly #marked = new Map<string, Encode>()
  readonly #dirty = new Set<string>()

  mark(id: string, encode: Encode): void {
    this.#marked.set(id, encode)
  }

  /** Now, whatever was marked. */
  put(id: string, text: string | undefined): void {
    this.#marked.delete(id)
    this.#store(id, text)
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
    for (const [id, encode] of this.#marked) {
      this.#store(id, encode())
      this.#dirty.add(id)
    }
    this.#marked.clear()
  }

  /** Of a record that is not marked, such as a sealed chunk. */
  text(id: string): string | undefined {
    return this.#texts.get(id)
  }

  /** Those whose ids begin so, in order. */
  *under(prefix: string): Generator<readonly [id: string, text: string], undefined> {
    for (const [id, text] of this.#texts.entries(prefix)) {
      if (!id.startsWith(prefix)) return
      yield [id, text]
    }
  }

  /** All whose ids begin so are gone. */
  remove(prefix: string): void {
    this.#settle()
    for (const [id] of [...this.under(prefix)]) this.put(id, undefined)
  }

  takeDirty(): string[] {
    this.#settle()
    const ids = this.#order.sort([...this.#dirty])
    this.#dirty.clear()
    return ids
  }

  record(id: string): string | undefined {
    this.#settle()
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
