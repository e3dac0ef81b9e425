/**
 * All commands of a correlation, over all shards. Each node has every shard, so this one knows them as far back
 * as it has the log; the others are asked for what lies before that, which one that came later may not have.
 */
import { ViewstampError } from '../base/errors.ts'
import { isObject, type Json, type JsonObject } from '../base/json.ts'
import type { Meta, Trace, TraceEvent, TraceRecord } from './api.ts'
import { waitFor } from './calls.ts'
import type { NodeContext } from './context.ts'
import type { FeedApi } from './feed-api.ts'
import type { Shard } from './shard.ts'
import { traceRecord } from './trace-event.ts'
import type { Place } from './trace-index.ts'
import { traceShard } from './trace-log.ts'
import { inOrder } from './trace-order.ts'

const ASK_MS = 5_000
/** An answer between nodes fits 64 KiB: so much, and one event more. */
const PAGE_CHARS = 8_192
const PAGES_MAX = 1_000
const RECORDS_READ = 2_000
const LOCAL: Meta = { consistency: 'local' }

interface Known {
  readonly events: Map<string, TraceEvent>
  readonly since: Record<string, number>
  readonly missing: Set<string>
  more: boolean
}

export async function trace(
  node: { readonly context: NodeContext; readonly feeds: FeedApi },
  correlationId: string,
  limit: number,
  meta: Meta,
): Promise<Trace> {
  const { context, feeds } = node
  const known: Known = { events: new Map(), since: {}, missing: new Set(), more: false }
  await Promise.all(
    context.shards.map(async shard => {
      await waitFor(context, shard, meta)
      const own = await traceShard(context, shard, correlationId, {}, all => all.length >= limit)
      take(known, shard.name, own.events, own.from)
      known.more ||= own.next !== undefined
      if (own.from > 1)
        await askOthers(context, shard, { correlationId, below: own.from, limit }, known)
    }),
  )
  const all = inOrder(await withOffsets(feeds, [...known.events.values()]))
  const events = all.events.slice(0, limit)
  const shown = new Set(events.map(({ id }) => id))
  return {
    correlationId,
    events,
    edges: all.edges.filter(({ from, to }) => shown.has(from) && shown.has(to)),
    since: known.since,
    missing: [...known.missing].sort(),
    more: known.more || events.length < all.events.length,
  }
}

function take(known: Known, shard: string, events: readonly TraceEvent[], from: number): void {
  for (const event of events) known.events.set(event.id, event)
  known.since[shard] = Math.min(known.since[shard] ?? from, from)
}

interface Question {
  readonly correlationId: string
  readonly below: number
  readonly limit: number
}

/** Of what lies before our own log. */
async function askOthers(
  { cluster, network, asks }: NodeContext,
  { name: shard }: Shard,
  { correlationId, below, limit }: Question,
  known: Known,
): Promise<void> {
  const up = new Set(network.peers().flatMap(peer => (peer.connected ? [peer.peerId] : [])))
  const others = cluster.members.filter(({ peerId }) => peerId !== cluster.peerId)
  const ask = async (peerId: string): Promise<void> => {
    let after: Json = null
    let count = 0
    for (let page = 0; page < PAGES_MAX && count < limit; page++) {
      const question = { shard, correlationId, below, after }
      const answer = await asks.ask(peerId, 'trace', question, ASK_MS)
      if (!isObject(answer) || !Array.isArray(answer['events'])) return
      const events = answer['events'] as unknown as TraceEvent[]
      take(known, shard, events, Number(answer['from']))
      count += events.length
      const next = placeIn(answer['next'])
      if (next === undefined) return
      after = { ...next }
    }
    known.more = true
  }
  await Promise.all(
    others.map(({ name, peerId }) =>
      up.has(peerId) ? ask(peerId).catch(() => known.missing.add(name)) : known.missing.add(name),
    ),
  )
}

/** To another node: a page of what it asked for. */
export async function answerTrace(context: NodeContext, shard: Shard, params: Json): Promise<Json> {
  const { correlationId, below, after } = isObject(params) ? params : {}
  const span = { below: Number(below), after: placeIn(after) }
  const isFull = (events: readonly TraceEvent[]) => JSON.stringify(events).length > PAGE_CHARS
  return (await traceShard(context, shard, String(correlationId), span, isFull)) as unknown as Json
}

function placeIn(given: unknown): Place | undefined {
  if (!isObject(given)) return undefined
  return { op: Number(given['op']), index: Number(given['index']) }
}

/** Records as they are stored, with their places, as far as they are still there. */
async function withOffsets(feeds: FeedApi, events: readonly TraceEvent[]): Promise<TraceEvent[]> {
  const pages = new Map<string, Promise<readonly JsonObject[]>>()
  const recordsAt = (feed: string, timeMs: number): Promise<readonly JsonObject[]> => {
    const name = `${timeMs} ${feed}`
    const page = pages.get(name) ?? recordsFrom(feeds, feed, timeMs)
    pages.set(name, page)
    return page
  }
  const found = async (event: TraceEvent): Promise<TraceEvent> => {
    const named = [...new Set(event.records.map(({ feed }) => feed))]
    const stored = await Promise.all(named.map(feed => recordsAt(feed, event.timeMs)))
    const own = stored.flat().filter(record => record['lamport'] === event.lamport)
    const gone = event.records.filter(({ feed }) => own.every(record => record['feed'] !== feed))
    const kept = own
      .slice(0, event.records.length)
      .map((record): TraceRecord => traceRecord(record))
    return { ...event, records: [...kept, ...gone] }
  }
  return Promise.all(events.map(event => (event.records.length === 0 ? event : found(event))))
}

async function recordsFrom(
  feeds: FeedApi,
  feed: string,
  timeMs: number,
): Promise<readonly JsonObject[]> {
  try {
    const options = { from: { timeMs }, limit: RECORDS_READ, waitMs: 0 }
    const { records } = await feeds.read(feed, options, LOCAL)
    return records.map(record => JSON.parse(record) as JsonObject)
  } catch (error) {
    // The feed was deleted, or was never made.
    if (error instanceof ViewstampError) return []
    throw error
  }
}
