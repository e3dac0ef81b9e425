/**
 * What the committed log says of the feeds, in plain arrays: every record that was ever published, and where. It
 * knows of no chunks, and forgets nothing. The properties of feeds compare with it.
 */
import type { Json, JsonObject } from '../../base/json.ts'
import type { Entry } from '../../vr/entry.ts'
import type { FeedOptions, FeedsOptions } from '../options.ts'
import type { Bound } from './service.ts'

/** A command about feeds that was executed, and its answer: the first of all replicas has it so. */
export interface Asked {
  readonly command: JsonObject
  readonly result: Json | undefined
  readonly error: { readonly name: string; readonly data: JsonObject } | undefined
  readonly entry: Entry
  readonly rev: number
  readonly lamport: number
}

export interface Kept {
  readonly offset: number
  readonly op: number
  readonly timeMs: number
  readonly key: string | undefined
  readonly isNull: boolean
  /** As every reader gets it. */
  readonly text: string
  /** Of the line that is kept of it. */
  readonly bytes: number
}

export class Part {
  readonly records: Kept[] = []
  readonly lastOfKey = new Map<string, number>()
  /** Records below it are gone, on a replica that has executed the latest op, or one behind it. */
  first = 0
  /** Below it clients have cut. */
  cutBelow = 0

  get next(): number {
    return this.records.length
  }

  /** Records that a replica has which has executed this op, and no more. */
  nextAt(op: number): number {
    let next = this.next
    while (next > 0 && (this.records[next - 1]?.op ?? 0) > op) next--
    return next
  }
}

export interface FeedOf {
  readonly options: FeedOptions
  /** The op that made it. */
  readonly op: number
  readonly parts: readonly Part[]
}

export class Ledger {
  readonly options: FeedsOptions
  readonly feeds = new Map<string, FeedOf>()
  /** Log time of op n: timesMs[n - 1]. */
  readonly timesMs: number[] = []

  constructor(options: FeedsOptions) {
    this.options = options
  }

  get op(): number {
    return this.timesMs.length
  }

  timeMs(op: number): number {
    return this.timesMs[op - 1] ?? 0
  }

  make(options: FeedOptions, op: number): void {
    const parts = Array.from({ length: options.partitions }, () => new Part())
    this.feeds.set(options.name, { options, op, parts })
  }

  part(feed: string, partition: number): Part | undefined {
    return this.feeds.get(feed)?.parts[partition]
  }

  /** What a replica says that has executed op `op` at least. */
  noteFirst(feed: string, bounds: readonly Bound[]): void {
    bounds.forEach(({ first }, partition) => {
      const part = this.part(feed, partition)
      if (part) part.first = Math.max(part.first, first)
    })
  }

  add(feed: string, partition: number, record: JsonObject, asked: Asked): void {
    const part = this.part(feed, partition)
    if (part === undefined) return
    const { entry, rev, lamport } = asked
    const { opNumber: op, viewNumber: view, timeMs } = entry
    const { key, value = null, id } = record
    const offset = part.next
    // The order of the members is that of the text, for good: docs/feeds.md.
    const line = {
      offset,
      timeMs,
      rev,
      key,
      value,
      headers: {},
      lamport,
      viewstamp: { view, op },
      id,
    }
    const text = JSON.stringify({ feed, partition, ...line })
    const bytes = JSON.stringify(line).length - 1
    const named = key === undefined ? undefined : String(key)
    part.records.push({ offset, op, timeMs, key: named, isNull: value === null, text, bytes })
    if (named !== undefined) part.lastOfKey.set(named, offset)
  }

  /** Offsets from `from` to before `to` that a reader finds on a replica that has executed `op`. */
  seenAt(
    { options, parts }: FeedOf,
    partition: number,
    { op, first, from, to }: { op: number; first: number; from: number; to: number },
  ): Kept[] {
    const part = parts[partition]
    if (part === undefined) return []
    const next = part.nextAt(op)
    if (options.compact === 'none')
      return part.records.slice(Math.max(first, from), Math.min(to, next))
    const last = new Map<string | undefined, Kept>()
    for (const each of part.records.slice(first, next)) last.set(each.key, each)
    const timeMs = this.timeMs(op)
    return [...last.values()]
      .filter(each => each.offset >= from && each.offset < to && !this.isExpired(each, timeMs))
      .sort((a, b) => a.offset - b.offset)
  }

  /** It said that its key is deleted, for long enough. */
  isExpired({ isNull, timeMs }: Kept, nowMs: number): boolean {
    return isNull && timeMs + this.options.bounds.tombstoneMs <= nowMs
  }

  /** No reader finds it any more, for certain or (it is below `first`) perhaps since a moment later. */
  isGone({ options }: FeedOf, part: Part, offset: number, nowMs: number): boolean {
    if (offset < part.first) return true
    const record = part.records[offset]
    if (options.compact === 'none' || record === undefined) return false
    return part.lastOfKey.get(record.key ?? '') !== offset || this.isExpired(record, nowMs)
  }
}

/** The records that a command was to publish. */
export function recordsIn({ op, record, records }: JsonObject): readonly JsonObject[] {
  if (op === 'publish') return [record as JsonObject]
  return op === 'publishBatch' ? (records as readonly JsonObject[]) : []
}

/** Those that it published, each with what became of it; none where it was refused. */
export function publishedIn({
  command,
  result,
}: Asked): readonly (readonly [record: JsonObject, result: JsonObject])[] {
  if (result === undefined) return []
  const told = result as { readonly results?: readonly JsonObject[] } & JsonObject
  return recordsIn(command).map((record, i) => [record, told.results?.[i] ?? told])
}
