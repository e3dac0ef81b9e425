/** Reading a partition: lines as they are stored, from an offset on, page by page. */

import { lineHead, offsetIn, timeIn } from './line.ts'
import type { Line, Partition } from './partition.ts'
import type { RecordSet } from './record-set.ts'

export interface Span {
  readonly from: number
  /** Offsets below it. */
  readonly to: number
  readonly limit: number
  /** Of text, beyond the first record. */
  readonly chars: number
  /** Records of this log time or later. */
  readonly sinceMs: number
  /** A sealed chunk that was read for it. */
  readonly chunk?: { readonly id: string; readonly text: string } | undefined
}

export interface Page {
  /** JSON texts of records. */
  readonly records: readonly string[]
  /** Where to go on: everything below it has been looked at. */
  readonly next: number
  /** Nothing was found in memory: go on with the text of this cold record. */
  readonly needs?: string
}

/** `from` is not below the first offset that is there. */
export function readPage(records: RecordSet, partition: Partition, span: Span): Page {
  const page = new PageOf(partition, span)
  for (const chunk of partition.sealed.from(span.from)) {
    if (chunk.base >= span.to) return page.ended(span.to)
    if (chunk.lastMs < span.sinceMs) continue
    const id = partition.sealed.idOf(chunk)
    const text = span.chunk?.id === id ? span.chunk.text : records.cold.text(id)
    if (text === undefined) return page.without(chunk.base, id)
    for (const line of text.split('\n')) {
      if (!page.take(line, offsetIn(line), timeIn(line))) return page.cut
    }
  }
  for (let i = firstAt(partition.open, span.from); i < partition.open.length; i++) {
    const line = partition.open[i]
    if (line && !page.take(line.text, line.offset, line.timeMs)) return page.cut
  }
  return page.ended(Math.min(span.to, Math.max(span.from, partition.next)))
}

/** Place of the first line from this offset on. */
function firstAt(lines: readonly Line[], offset: number): number {
  let [low, high] = [0, lines.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((lines[middle]?.offset ?? 0) >= offset) high = middle
    else low = middle + 1
  }
  return low
}

class PageOf {
  readonly #partition: Partition
  readonly #span: Span
  readonly #head: string
  readonly #records: string[] = []
  #chars = 0
  #cutAt = 0

  constructor(partition: Partition, span: Span) {
    this.#partition = partition
    this.#span = span
    this.#head = lineHead(partition.feed, partition.number)
  }

  /** False: the page ends before this line. */
  take(line: string, offset: number, timeMs: number): boolean {
    const { from, to, limit, chars, sinceMs } = this.#span
    if (offset < from || timeMs < sinceMs) return true
    const isFull = this.#records.length >= limit || this.#chars > chars
    if (isFull || offset >= to) {
      this.#cutAt = Math.min(offset, to)
      return false
    }
    const { latest } = this.#partition
    if (latest && !latest.isLast(offset)) return true
    this.#records.push(this.#head + line)
    this.#chars += line.length
    return true
  }

  /** What there is before a chunk that is not in memory. */
  without(base: number, id: string): Page {
    const next = Math.max(base, this.#span.from)
    const page = { records: this.#records, next }
    return this.#records.length > 0 ? page : { ...page, needs: id }
  }

  get cut(): Page {
    return { records: this.#records, next: this.#cutAt }
  }

  ended(next: number): Page {
    return { records: this.#records, next }
  }
}
