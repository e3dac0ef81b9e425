/**
 * All commands of a correlation, over all shards. Each node has every shard, so this one knows them as far back
 * as it has the log; the others are asked for what lies before that, which one that came later may not have.
 */
import { isObject, type Json } from '../base/json.ts'
import type { Meta, Trace, TraceEvent } from './api.ts'
import { waitFor } from './calls.ts'
import type { NodeContext } from './context.ts'
import type { FeedApi } from './feed-api.ts'
import { shardOfKey } from './route.ts'
import type { Shard } from './shard.ts'
import type { Place } from './trace-index.ts'
import { traceShard } from './trace-log.ts'
import { byLamport, inOrder } from './trace-order.ts'
import { withPlaces } from './trace-records.ts'

const ASK_MS = 5_000
/** An answer between nodes fits 64 KiB: so much, and one event more. */
const PAGE_CHARS = 8_192
const PAGES_MAX = 1_000

interface Known {
  readonly events: Map<string, TraceEvent>
  readonly since: Record<string, number>
  readonly missing: Set<string>
  more: boolean
}

export async function trace(
  node: { readonly context: NodeContext; readonly feeds: Pick<FeedApi, 'read'> },
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
  // What is not shown costs no more than this: each shard told its first ones, so these are the first of all.
  const first = [...known.events.values()].sort(byLamport).slice(0, limit)
  const shelf = { feeds, shardOf: (feed: string) => nameOfShard(context, feed) }
  return {
    correlationId,
    ...inOrder(await withPlaces(shelf, first)),
    since: known.since,
    missing: [...known.missing].sort(),
    more: known.more || first.length < known.events.size,
  }
}

const nameOfShard = ({ shards }: NodeContext, feed: string): string | undefined =>
  shards[shardOfKey(feed, shards.length)]?.name

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
