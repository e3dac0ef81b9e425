/**
 * Records of a trace's events as they are stored, with their places, as far as they are still there. What
 * they cost is bounded: one page at a time, of one feed after the other, and of a page only what is
 * looked for is parsed and kept. Other callers get their turn between two pages.
 */
import { ViewstampError } from '../base/errors.ts'
import type { JsonObject } from '../base/json.ts'
import type { Meta, TraceEvent, TraceRecord } from './api.ts'
import type { FeedApi, FeedFrom, FeedRead } from './feed-api.ts'
import { numberIn } from './feed-read.ts'
import { traceRecord } from './trace-event.ts'

const PAGE_RECORDS = 500
/** Of one trace; records beyond them are shown without their places. */
const PAGES_MAX = 2_000
const LOCAL: Meta = { consistency: 'local' }
const NOTHING = { records: [], next: 0 }

/** Where records are. */
export interface Shelf {
  readonly feeds: Pick<FeedApi, 'read'>
  /** The name of its shard. */
  shardOf(feed: string): string | undefined
}

/** What an event published to one feed. */
interface Wanted {
  readonly event: TraceEvent
  readonly feed: string
  readonly count: number
  readonly found: TraceRecord[]
}

/** `events`: by Lamport time. */
export async function withPlaces(
  shelf: Shelf,
  events: readonly TraceEvent[],
): Promise<TraceEvent[]> {
  const ofEvent = events.map(event => wantedOf(shelf, event))
  const ofFeed = byFeed(ofEvent.flat())
  let pages = PAGES_MAX
  for (const [feed, wanted] of ofFeed) pages -= await search(shelf.feeds, feed, wanted, pages)
  return events.map((event, i) => {
    const own = ofEvent[i]?.filter(({ found }) => found.length > 0) ?? []
    const gone = event.records.filter(({ feed }) => own.every(each => each.feed !== feed))
    return { ...event, records: [...own.flatMap(({ found }) => found), ...gone] }
  })
}

/** A command that named a feed of another shard was refused. */
function wantedOf({ shardOf }: Shelf, event: TraceEvent): Wanted[] {
  return [...byFeed(event.records)]
    .filter(([feed]) => shardOf(feed) === event.shard)
    .map(([feed, { length: count }]) => ({ event, feed, count, found: [] }))
}

function byFeed<T extends { readonly feed: string }>(all: readonly T[]): Map<string, T[]> {
  const lists = new Map<string, T[]>()
  for (const each of all) {
    const list = lists.get(each.feed)
    if (list) list.push(each)
    else lists.set(each.feed, [each])
  }
  return lists
}

/** In one feed, whose records are by rev and log time, as `wanted` is. Tells how many pages it took. */
async function search(
  feeds: Shelf['feeds'],
  feed: string,
  wanted: readonly Wanted[],
  pagesMax: number,
): Promise<number> {
  const byRev = new Map(wanted.map(each => [each.event.rev, each]))
  let from: FeedFrom | undefined
  let pages = 0
  let i = 0
  while (i < wanted.length && pages++ < pagesMax) {
    const page = await pageOf(feeds, feed, from ?? { timeMs: timeOf(wanted[i]) })
    await new Promise(resolve => setImmediate(resolve))
    from = undefined
    if (page === undefined) {
      i++
      continue
    }
    const last = page.records.at(-1)
    if (last === undefined) break
    for (const text of page.records) keep(byRev.get(numberIn(text, 'rev')), text)
    // The command of the last one may have published more, and many may have its time.
    i = firstFrom(wanted, i, numberIn(last, 'rev'))
    if (timeOf(wanted[i]) <= numberIn(last, 'timeMs')) from = page.next
  }
  return pages
}

const timeOf = (wanted: Wanted | undefined): number => wanted?.event.timeMs ?? 0

function firstFrom(wanted: readonly Wanted[], start: number, rev: number): number {
  let i = start
  while (i < wanted.length && (wanted[i]?.event.rev ?? rev) < rev) i++
  return i
}

function keep(wanted: Wanted | undefined, text: string): void {
  if (wanted === undefined || wanted.found.length === wanted.count) return
  const record = JSON.parse(text) as JsonObject
  if (record['lamport'] === wanted.event.lamport) wanted.found.push(traceRecord(record))
}

/** No records: there are none from there on. Undefined: where we went on is no longer kept. */
async function pageOf(
  feeds: Shelf['feeds'],
  feed: string,
  from: FeedFrom,
): Promise<Pick<FeedRead, 'records' | 'next'> | undefined> {
  try {
    return await feeds.read(feed, { from, limit: PAGE_RECORDS, waitMs: 0 }, LOCAL)
  } catch (error) {
    if (!(error instanceof ViewstampError)) throw error
    // Else the feed was deleted, or was never made.
    return error.errorName === 'OFFSET_OUT_OF_RANGE' ? undefined : NOTHING
  }
}
