/**
 * The sealed chunks of a partition, in order: what they hold, and the records in which that is kept, a
 * page for every 128 chunks. The text of a chunk is a record of its own, written once.
 */
import type { Line } from './partition.ts'
import type { RecordSet } from './record-set.ts'

export interface Sealed {
  /** Counts the chunks of the partition. */
  readonly number: number
  /** Offset of the first line, and the one behind the last. */
  readonly base: number
  readonly end: number
  readonly bytes: number
  readonly firstMs: number
  readonly lastMs: number
  /** Lines that a reader sees. */
  live: number
}

const PAGE = 128

export class ChunkIndex {
  readonly #records: RecordSet
  readonly #place: string
  #chunks: Sealed[] = []
  nextNumber = 0

  readonly #madeRev: number

  /** `madeRev`: of the feed. */
  constructor(records: RecordSet, place: string, madeRev: number) {
    this.#records = records
    this.#place = place
    this.#madeRev = madeRev
  }

  get size(): number {
    return this.#chunks.length
  }

  /** Offset behind the first chunk; 0 when there is none. */
  get firstEnd(): number {
    return this.#chunks[0]?.end ?? 0
  }

  get firstLastMs(): number | undefined {
    return this.#chunks[0]?.lastMs
  }

  /**
   * Id of its text, for good: a feed that is made again under the same name has other ids. Joined: it is kept as
   * long as the chunk, and a template would keep its parts.
   */
  idOf(chunk: Sealed): string {
    return [
      's/',
      this.#place,
      '/',
      this.#madeRev,
      '-',
      String(chunk.number).padStart(12, '0'),
    ].join('')
  }

  /** Chunks that hold offsets from this one on. */
  from(offset: number): readonly Sealed[] {
    return this.#chunks.slice(this.#indexOf(chunk => chunk.end > offset))
  }

  /** The first chunk with a record of that time or later. */
  since(timeMs: number): Sealed | undefined {
    return this.#chunks[this.#indexOf(chunk => chunk.lastMs >= timeMs)]
  }

  /** The first for which it is true; it is true of all behind it. */
  #indexOf(isTrue: (chunk: Sealed) => boolean): number {
    let [low, high] = [0, this.#chunks.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const chunk = this.#chunks[middle]
      if (chunk !== undefined && isTrue(chunk)) high = middle
      else low = middle + 1
    }
    return low
  }

  add(lines: readonly Line[]): void {
    const [first] = lines
    const last = lines[lines.length - 1]
    if (first === undefined || last === undefined) return
    const chunk: Sealed = {
      number: this.nextNumber++,
      base: first.offset,
      end: last.offset + 1,
      bytes: lines.reduce((sum, line) => sum + line.bytes, 0),
      firstMs: first.timeMs,
      lastMs: last.timeMs,
      live: lines.length,
    }
    this.#chunks.push(chunk)
    this.#mark(chunk)
    this.#records.seal(this.idOf(chunk), lines.map(line => line.text).join('\n'))
  }

  /** A record is no longer seen. Gives the bytes that went with it: those of its chunk, or none. */
  died(offset: number): number {
    const at = this.#indexOf(chunk => chunk.end > offset)
    const chunk = this.#chunks[at]
    if (chunk === undefined || chunk.base > offset) return 0
    chunk.live--
    this.#mark(chunk)
    if (chunk.live > 0) return 0
    this.#chunks.splice(at, 1)
    return this.#gone(chunk)
  }

  /** Chunks that lie below the offset go; gives their bytes. */
  dropBelow(offset: number): number {
    let bytes = 0
    const gone = this.#indexOf(chunk => chunk.end > offset)
    for (const chunk of this.#chunks.splice(0, gone)) bytes += this.#gone(chunk)
    return bytes
  }

  /** Offset behind the chunks all of whose records are of that time or before; 0: there are none. */
  endOfOlder(timeMs: number): number {
    return this.#chunks[this.#indexOf(chunk => chunk.lastMs > timeMs) - 1]?.end ?? 0
  }

  #gone(chunk: Sealed): number {
    this.#mark(chunk)
    this.#records.remove(this.idOf(chunk))
    return chunk.bytes
  }

  #mark({ number }: Sealed): void {
    const page = Math.floor(number / PAGE)
    this.#records.mark(this.#pageId(page), () => this.#encode(page))
  }

  #pageId(page: number): string {
    return `x/${this.#place}/${String(page).padStart(10, '0')}`
  }

  #encode(page: number): string | undefined {
    const first = this.#indexOf(chunk => chunk.number >= page * PAGE)
    const last = this.#indexOf(chunk => chunk.number >= (page + 1) * PAGE)
    if (first === last) return undefined
    const rows = this.#chunks.slice(first, last).map(c => {
      return [c.number, c.base, c.end, c.bytes, c.firstMs, c.lastMs, c.live].join(';')
    })
    return rows.join('\n')
  }

  load(nextNumber: number): void {
    this.nextNumber = nextNumber
    for (const [, text] of this.#records.under(`x/${this.#place}/`)) {
      for (const row of text.split('\n')) {
        const [number = 0, base = 0, end = 0, bytes = 0, firstMs = 0, lastMs = 0, live = 0] = row
          .split(';')
          .map(Number)
        this.#chunks.push({ number, base, end, bytes, firstMs, lastMs, live })
      }
    }
  }
}
