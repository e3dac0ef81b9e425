/**
 * One machine within the composed service. Its operations only mark records; what follows from the
 * marks, the records to write and the hash, is worked out when somebody asks.
 */
import { present } from '../base/assert.ts'
import { coldBytes } from '../vr/cold.ts'
import type { ServiceRecord } from '../vr/service.ts'
import { compareKeys } from './kv/key.ts'
import type { Frozen, Machine } from './machine.ts'
import { StateHash } from './state-hash.ts'

export class Part {
  readonly machine: Machine
  readonly prefix: string
  /** Changed since the last takeDirty here. */
  #unwritten = new Set<string>()
  /** How many sorted runs `#unwritten` is made of. */
  #collections = 0
  /** Of cold records made since the last takeDirty here. */
  #coldBytes = 0
  /** Changed since `#hashed`. */
  #unhashed = new Set<string>()
  readonly #hash = new StateHash()
  /** The state that `#hash` speaks for; undefined: none yet, all of it is to be hashed. */
  #hashed: Frozen | undefined

  constructor(machine: Machine) {
    this.machine = machine
    this.prefix = `${machine.name}/`
  }

  #collect(): void {
    this.#collections++
    const { cold } = this.machine
    for (const id of this.machine.takeDirty()) {
      this.#unwritten.add(id)
      if (this.#hashed) this.#unhashed.add(id)
      if (cold?.isCold(id)) this.#coldBytes += coldBytes(this.machine.record(id) ?? '')
    }
  }

  takeDirty(): ServiceRecord[] {
    this.#collect()
    const ids = [...this.#unwritten]
    if (this.#collections > 1) ids.sort(compareKeys)
    this.#unwritten = new Set()
    this.#collections = 0
    this.#coldBytes = 0
    return ids.map(id => this.#toWrite(id))
  }

  #toWrite(id: string): ServiceRecord {
    const { cold } = this.machine
    const record = { id: this.prefix + id, value: this.machine.record(id) }
    if (!cold?.isCold(id)) return record
    if (record.value === undefined) return { ...record, cold: {} }
    return { ...record, cold: { text: present(cold.text(id), 'a new cold record has its text') } }
  }

  isCold(id: string): boolean {
    return this.machine.cold?.isCold(id) === true
  }

  /** Of those made since takeDirty. */
  coldBytes(): number {
    if (this.machine.cold) this.#collect()
    return this.#coldBytes
  }

  freeze(): Frozen {
    return this.machine.freeze()
  }

  /** Brought up to date by what has changed: the old records, still to be seen in the frozen view, go. */
  hash(): StateHash {
    this.#collect()
    const now = this.machine.freeze()
    if (this.#hashed) {
      for (const id of this.#unhashed) this.#rehash(id, this.#hashed.record(id), now.record(id))
    } else {
      this.#hash.clear()
      for (const { id, value } of now.records(undefined)) this.#rehash(id, undefined, value)
    }
    this.#unhashed = new Set()
    this.#hashed = now
    return this.#hash
  }

  #rehash(id: string, before: string | undefined, after: string | undefined): void {
    if (before === after) return
    const full = this.prefix + id
    if (before !== undefined) this.#hash.remove(full, before)
    if (after !== undefined) this.#hash.add(full, after)
  }

  clear(): void {
    this.machine.clear()
    this.#unwritten = new Set()
    this.#coldBytes = 0
    this.#unhashed = new Set()
    this.#hashed = undefined
  }

  load(id: string, value: string | undefined): void {
    this.machine.load({ id, value })
    this.#unwritten.delete(id)
    this.#hashed = undefined
  }
}
