/** The keys and values of a LevelDB: batches are atomic, and what was not synced is lost from some batch on. */
import type { Prng } from '../../base/prng.ts'
import type { Process } from './disk.ts'

/** A key with each byte a character: they are ordered as LevelDB orders keys. */
export const textOf = (key: Uint8Array): string => Buffer.from(key).toString('latin1')
export const keyOf = (text: string): Buffer => Buffer.from(text, 'latin1')

export interface Put {
  readonly key: string
  /** None: deleted. */
  readonly value: Buffer | undefined
}

export class Table {
  #keys: string[] = []
  #values = new Map<string, Buffer>()
  /** What undoes each batch that is not synced. */
  #undo: (readonly Put[])[] = []
  /** The process that has it open. */
  owner: Process | undefined

  get(key: string): Buffer | undefined {
    return this.#values.get(key)
  }

  write(batch: readonly Put[], isSynced: boolean): void {
    const before = new Map(batch.map(({ key }) => [key, this.#values.get(key)]))
    for (const put of batch) this.#put(put)
    if (isSynced) this.#undo = []
    else this.#undo.push([...before].map(([key, value]) => ({ key, value })))
  }

  #put({ key, value }: Put): void {
    const at = this.#at(key)
    const isThere = this.#keys[at] === key
    if (value === undefined) {
      if (isThere) this.#keys.splice(at, 1)
      this.#values.delete(key)
      return
    }
    if (!isThere) this.#keys.splice(at, 0, key)
    this.#values.set(key, value)
  }

  /** Index of the first key that is not below. */
  #at(key: string): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#keys[middle] ?? '') < key) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Keys from `low` to `high`, both included. */
  range(low: string, high: string): string[] {
    const end = this.#at(high)
    return this.#keys.slice(this.#at(low), this.#keys[end] === high ? end + 1 : end)
  }

  cutPower(prng: Prng): void {
    const lost = prng.int(0, this.#undo.length)
    for (const undo of this.#undo.splice(this.#undo.length - lost).reverse()) {
      for (const put of undo) this.#put(put)
    }
    this.#undo = []
  }

  copy(): Table {
    const table = new Table()
    table.#keys = [...this.#keys]
    table.#values = new Map(this.#values)
    return table
  }
}
