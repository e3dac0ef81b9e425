/**
 * Ids of records published to a feed, each remembered for the feed's dedupeMs of log time, so that a
 * publisher may repeat itself. At most `idsMax` of them: then the oldest are forgotten first.
 */
import type { Json } from '../../base/json.ts'
import type { RecordSet } from './record-set.ts'

/** Where a record went when it was published first. */
export interface Place {
  readonly partition: number
  readonly offset: number
  readonly rev: number
  readonly timeMs: number
  readonly lamport?: number | undefined
}

interface Remembered extends Place {
  readonly id: string
  readonly number: number
}

/** Ids in one record of the state, counted from the feed's first. */
const SEGMENT = 512

export class Ids {
  readonly #records: RecordSet
  readonly #prefix: string
  readonly #byId = new Map<string, Remembered>()
  /** In the order in which they came: some at the front may be forgotten. */
  #list: Remembered[] = []
  #forgotten = 0
  #next = 0

  constructor(records: RecordSet, prefix: string) {
    this.#records = records
    this.#prefix = prefix
  }

  /** Ids there were since the feed was made: part of its record. */
  get count(): number {
    return this.#next
  }

  find(id: string, sinceMs: number): Place | undefined {
    const found = this.#byId.get(id)
    return found && found.timeMs > sinceMs ? found : undefined
  }

  add(id: string, place: Place, sinceMs: number): void {
    const { partition, offset, rev, timeMs, lamport } = place
    const one = { id, partition, offset, rev, timeMs, lamport, number: this.#next++ }
    this.#byId.set(id, one)
    this.#list.push(one)
    this.#mark(one.number)
    this.#forget(sinceMs)
  }

  #forget(sinceMs: number): void {
    const { idsMax } = this.#records.bounds
    for (let one = this.#list[this.#forgotten]; one; one = this.#list[this.#forgotten]) {
      if (one.timeMs > sinceMs && this.#list.length - this.#forgotten <= idsMax) break
      if (this.#byId.get(one.id) === one) this.#byId.delete(one.id)
      this.#forgotten++
      this.#mark(one.number)
    }
    if (this.#forgotten < SEGMENT || this.#forgotten * 2 < this.#list.length) return
    this.#list = this.#list.slice(this.#forgotten)
    this.#forgotten = 0
  }

  #mark(number: number): void {
    const segment = Math.floor(number / SEGMENT)
    this.#records.mark(this.#idOf(segment), () => this.#encode(segment))
  }

  #idOf(segment: number): string {
    return this.#prefix + String(segment).padStart(12, '0')
  }

  #encode(segment: number): string | undefined {
    const first = this.#list[this.#forgotten]?.number ?? this.#next
    const from = Math.max(0, segment * SEGMENT - first) + this.#forgotten
    const to = (segment + 1) * SEGMENT - first + this.#forgotten
    const lines = this.#list.slice(from, Math.max(from, to)).map(one => {
      const { number, id, partition, offset, rev, timeMs, lamport } = one
      return JSON.stringify([number, id, partition, offset, rev, timeMs, lamport])
    })
    return lines.length === 0 ? undefined : lines.join('\n')
  }

  load(count: number): void {
    this.#next = count
    for (const [, text] of this.#records.under(this.#prefix)) {
      for (const line of text.split('\n')) {
        const fields: Json[] = JSON.parse(line)
        const [number, , partition, offset, rev, timeMs] = fields.map(Number)
        const lamport = typeof fields[6] === 'number' ? fields[6] : undefined
        const one = {
          ...{ id: String(fields[1]), number: number ?? 0, partition: partition ?? 0 },
          ...{ offset: offset ?? 0, rev: rev ?? 0, timeMs: timeMs ?? 0, lamport },
        }
        this.#byId.set(one.id, one)
        this.#list.push(one)
      }
    }
  }
}
