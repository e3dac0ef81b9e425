/**
 * One partition: records in order of offset, dense from 0. Its newest lines are in memory, in the open
 * chunk; the others are in sealed chunks of text, which are written once, never changed, and go as a whole.
 * Nothing here needs the text of a sealed chunk, except to read it.
 */
import { assert } from '../../base/assert.ts'
import { ChunkIndex } from './chunk-index.ts'
import type { Retention } from './config.ts'
import { Latest } from './latest.ts'
import { bytesIn, lineOf, offsetIn, timeIn } from './line.ts'
import type { RecordSet } from './record-set.ts'

/** A line of the open chunk. */
export interface Line {
  readonly offset: number
  readonly timeMs: number
  readonly bytes: number
  readonly text: string
}

export interface PartitionOf {
  readonly feed: string
  readonly number: number
  /** Of the operation that made the feed. */
  readonly madeRev: number
  readonly isCompacted: boolean
}

export interface Appended {
  readonly rest: string
  readonly key: string | undefined
  readonly isNull: boolean
}

/** With a bound on age, no chunk holds more than this part of it: what is old goes soon. */
const AGE_PARTS = 8

export class Partition {
  readonly feed: string
  readonly number: number
  readonly sealed: ChunkIndex
  /** Of a compacted feed. */
  readonly latest: Latest | undefined
  readonly #records: RecordSet
  readonly #headId: string
  readonly #openId: string
  #first = 0
  #next = 0
  #bytes = 0
  #open: Line[] = []
  #openChars = 0

  constructor(records: RecordSet, { feed, number, madeRev, isCompacted }: PartitionOf) {
    const place = `${feed}/${String(number).padStart(4, '0')}`
    this.feed = feed
    this.number = number
    this.#records = records
    this.#headId = `p/${place}`
    this.#openId = `o/${place}`
    this.sealed = new ChunkIndex(records, place, madeRev)
    this.latest = isCompacted ? new Latest(records, `k/${place}/`) : undefined
  }

  /** The first offset that is there: whoever wants one below it has missed records. */
  get first(): number {
    return this.#first
  }

  /** The offset that the next record gets. */
  get next(): number {
    return this.#next
  }

  /** Of the lines that are kept. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many a reader finds. */
  get size(): number {
    return this.latest ? this.latest.size : this.#next - this.#first
  }

  get open(): readonly Line[] {
    return this.#open
  }

  append({ rest, key, isNull }: Appended, timeMs: number, ageMs: number | undefined): number {
    const offset = this.#next++
    const text = lineOf(offset, rest)
    if (this.#isFull(text.length, timeMs, ageMs)) this.#seal()
    const bytes = bytesIn(text)
    this.#open.push({ offset, timeMs, bytes, text })
    this.#openChars += text.length
    this.#bytes += bytes
    if (this.latest && key !== undefined) {
      this.#died(this.latest.put(key, offset, isNull ? timeMs : 0))
    }
    this.mark()
    return offset
  }

  /** Of a copy: what has the offsets below `next` was gone where it comes from, and with it all that is older. */
  skipTo(next: number): void {
    if (next <= this.#next) return
    if (!this.latest) this.trim(this.#next)
    this.#next = next
    if (!this.latest) this.#first = next
    this.mark()
  }

  #isFull(chars: number, timeMs: number, ageMs: number | undefined): boolean {
    const [oldest] = this.#open
    if (oldest === undefined) return false
    if (this.#openChars + chars > this.#records.bounds.chunkChars) return true
    return ageMs !== undefined && timeMs - oldest.timeMs > ageMs / AGE_PARTS
  }

  #seal(): void {
    const { latest } = this
    if (latest) {
      this.#keepOpen(this.#open.filter(line => latest.isLast(line.offset)))
      if (this.#openChars < this.#records.bounds.chunkChars / 2) return
    }
    this.sealed.add(this.#open)
    this.#open = []
    this.#openChars = 0
  }

  #keepOpen(lines: Line[]): void {
    for (const line of this.#open) this.#bytes -= line.bytes
    for (const line of lines) this.#bytes += line.bytes
    this.#open = lines
    this.#openChars = lines.reduce((sum, line) => sum + line.text.length, 0)
  }

  /** No reader sees the record any more; a chunk in which all have died goes. */
  #died(offset: number | undefined): void {
    if (offset === undefined) return
    const bytes = this.sealed.died(offset)
    if (bytes === 0) return
    this.#bytes -= bytes
    this.#records.mark(this.#headId, this.#encodeHead)
  }

  /** Records below `first` are gone. */
  trim(first: number): void {
    if (first <= this.#first) return
    assert(first <= this.#next, 'what is trimmed was there')
    this.#first = first
    this.#bytes -= this.sealed.dropBelow(first)
    const kept = this.#open.findIndex(line => line.offset >= first)
    if (kept !== 0 && this.#open.length > 0) {
      this.#keepOpen(kept < 0 ? [] : this.#open.slice(kept))
    }
    for (const offset of this.latest?.forgetBelow(first) ?? []) this.#died(offset)
    this.mark()
  }

  /** What is too much or too old goes, the oldest first: sealed chunks as a whole. Tells whether anything did. */
  retain({ records, bytes, ageMs }: Retention, timeMs: number): boolean {
    const before = this.#first
    if (records !== undefined && this.size > records) this.trim(this.#firstOfLast(records))
    if (bytes !== undefined) this.#retainBytes(bytes)
    if (ageMs !== undefined) this.#retainAge(timeMs - ageMs)
    const expired = this.latest?.expire(timeMs) ?? []
    for (const offset of expired) this.#died(offset)
    return this.#first > before || expired.length > 0
  }

  #firstOfLast(records: number): number {
    if (!this.latest) return this.#next - records
    for (let over = this.latest.size - records; over > 0; over--) {
      for (const offset of this.latest.forgetBelow((this.latest.oldest ?? 0) + 1))
        this.#died(offset)
    }
    return this.latest.oldest ?? this.#next
  }

  /** The newest record stays, however large it is. */
  #retainBytes(bytes: number): void {
    while (this.#bytes > bytes && this.sealed.size > 0) this.trim(this.sealed.firstEnd)
    let over = this.#bytes - bytes
    let first = this.#first
    for (const line of this.#open.slice(0, -1)) {
      if (over <= 0) break
      over -= line.bytes
      first = line.offset + 1
    }
    this.trim(first)
  }

  #retainAge(sinceMs: number): void {
    this.trim(this.sealed.endOfOlder(sinceMs))
    if (this.sealed.size > 0) return
    const young = this.#open.find(line => line.timeMs > sinceMs)
    const oldest = young ? young.offset : this.#next
    if (this.#open.length > 0) this.trim(Math.max(this.#first, oldest))
  }

  /** When `retain` will next have something to do because of time. */
  nextDue({ ageMs }: Retention): number | undefined {
    const tombstone = this.latest?.nextTombstone?.untilMs
    if (ageMs === undefined) return tombstone
    const oldest = this.sealed.firstLastMs ?? this.#open[0]?.timeMs
    if (oldest === undefined) return tombstone
    // Not one by one: those of about a time go together.
    const grain = Math.min(1000, Math.max(1, Math.floor(ageMs / 16)))
    const due = Math.ceil((oldest + ageMs) / grain) * grain
    return tombstone === undefined ? due : Math.min(due, tombstone)
  }

  mark(): void {
    this.#records.mark(this.#headId, this.#encodeHead)
    this.#records.mark(this.#openId, this.#encodeOpen)
  }

  readonly #encodeHead = (): string =>
    `1;${this.#first};${this.#next};${this.#bytes};${this.sealed.nextNumber}`

  readonly #encodeOpen = (): string | undefined =>
    this.#open.length === 0 ? undefined : this.#open.map(line => line.text).join('\n')

  /** From its records. */
  load(head: string): void {
    const [, first = 0, next = 0, bytes = 0, chunks = 0] = head.split(';').map(Number)
    this.#first = first
    this.#next = next
    this.#bytes = bytes
    this.sealed.load(chunks)
    this.latest?.load()
    const text = this.#records.record(this.#openId)
    if (text === undefined) return
    this.#open = text.split('\n').map(line => ({
      offset: offsetIn(line),
      timeMs: timeIn(line),
      bytes: bytesIn(line),
      text: line,
    }))
    this.#openChars = this.#open.reduce((sum, line) => sum + line.text.length, 0)
  }
}
