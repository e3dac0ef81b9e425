/**
 * Which commands belong to a correlation: an index over the log of a shard, made from the log when somebody
 * asks, and from where it got to the last time. So a write costs nothing for it, it is never other than the
 * log, and after a restart it is there as far back as the log is (docs/decisions/0021).
 */
import type { Entry } from '../vr/entry.ts'
import { correlationsOf } from './trace-event.ts'

export interface LogPorts {
  /** Ops that can be read: the first kept, the last committed. */
  first(): number
  last(): number
  /** Entries from `first` to `last`, some of them; none: they are gone. */
  read(first: number, last: number): Promise<readonly Entry[]>
}

export interface Place {
  readonly op: number
  /** Of the command in its entry. */
  readonly index: number
}

export interface Found {
  readonly places: readonly Place[]
  /** All from this op on are known. */
  readonly from: number
}

/** Of one correlation. */
interface Places {
  readonly list: Place[]
  /** So many at its beginning are forgotten, and cut off now and then. */
  gone: number
}

export class TraceIndex {
  readonly #ports: LogPorts
  readonly #placesMax: number
  readonly #places = new Map<string, Places>()
  /** The correlation of each place, the oldest first; those before `#forgotten` are gone. */
  #order: string[] = []
  #forgotten = 0
  #from = 1
  #next = 1
  #reading: Promise<void> = Promise.resolve()

  /** Beyond `placesMax` the oldest are forgotten. */
  constructor(ports: LogPorts, placesMax: number) {
    this.#ports = ports
    this.#placesMax = placesMax
  }

  async find(correlationId: string): Promise<Found> {
    // One after the other: who comes second finds most of it done.
    const reading = this.#reading.catch(() => undefined).then(() => this.#catchUp())
    this.#reading = reading
    await reading
    const from = Math.max(this.#from, this.#ports.first())
    const { list = [], gone = 0 } = this.#places.get(correlationId) ?? {}
    return { from, places: list.slice(gone).filter(place => place.op >= from) }
  }

  async #catchUp(): Promise<void> {
    const last = this.#ports.last()
    while (this.#next <= last) {
      const first = Math.max(this.#next, this.#ports.first())
      if (first > this.#next) this.#beginAt(first)
      if (first > last) return
      const entries = await this.#ports.read(first, last)
      if (entries.length === 0) return
      for (const entry of entries) this.#note(entry)
    }
  }

  /** What is indexed is no longer kept, and what follows it never will be. */
  #beginAt(op: number): void {
    this.#places.clear()
    this.#order = []
    this.#forgotten = 0
    this.#from = op
    this.#next = op
  }

  #note(entry: Entry): void {
    const { opNumber: op, commands } = entry
    this.#next = op + 1
    for (const [index, command] of commands.entries()) {
      for (const id of correlationsOf(command)) this.#add(id, { op, index })
    }
  }

  #add(id: string, place: Place): void {
    const places = this.#places.get(id)
    if (places) places.list.push(place)
    else this.#places.set(id, { list: [place], gone: 0 })
    this.#order.push(id)
    if (this.#order.length - this.#forgotten > this.#placesMax) this.#forget()
  }

  #forget(): void {
    const id = this.#order[this.#forgotten++] ?? ''
    const places = this.#places.get(id)
    const oldest = places?.list[places.gone++]
    if (oldest) this.#from = Math.max(this.#from, oldest.op + 1)
    if (places) this.#trim(id, places)
    if (this.#forgotten < this.#placesMax) return
    this.#order = this.#order.slice(this.#forgotten)
    this.#forgotten = 0
  }

  /** Half of a list at a time: one by one, each would move all that follow. */
  #trim(id: string, places: Places): void {
    const { list, gone } = places
    if (gone === list.length) this.#places.delete(id)
    if (gone * 2 < list.length) return
    list.splice(0, gone)
    places.gone = 0
  }
}
