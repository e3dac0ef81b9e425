/** The log of a shard as traces see it: the index over it, and the commands that it points at. */
import type { Store } from '../storage/port.ts'
import { primaryOf } from '../vr/configuration.ts'
import type { TraceEvent } from './api.ts'
import { changesOf } from './changes.ts'
import type { NodeContext } from './context.ts'
import type { Shard } from './shard.ts'
import { eventOf, revAt } from './trace-event.ts'
import { type Place, TraceIndex } from './trace-index.ts'

/** Of all shards of the node, each of which has its share. */
const PLACES_MAX = 100_000
/** Decoded in one go, between two turns of the event loop. */
const PAGE_BYTES = 256 * 1024

export function traceIndex({ replica }: Pick<Shard, 'replica'>, store: Store): TraceIndex {
  return new TraceIndex(
    {
      first: () => replica.firstOp,
      last: () => Math.min(replica.commitNumber, replica.durableOp),
      read: (first, last) => store.readEntries(replica.shard, first, last, PAGE_BYTES),
    },
    Math.ceil(PLACES_MAX / store.cluster.shards),
  )
}

export interface ShardTrace {
  readonly events: readonly TraceEvent[]
  /** All from this op on are known here. */
  readonly from: number
  /** There are more behind this one. */
  readonly next: Place | undefined
}

export interface Span {
  readonly after?: Place | undefined
  /** Ops below it. */
  readonly below?: number
}

/** Of this node's log, in its order, until `isFull`. */
export async function traceShard(
  context: NodeContext,
  shard: Shard,
  correlationId: string,
  { after = { op: 0, index: 0 }, below = Number.POSITIVE_INFINITY }: Span,
  isFull: (events: readonly TraceEvent[]) => boolean,
): Promise<ShardTrace> {
  // What is executed may be on its way to our disk, and its changes behind it.
  await context.flush()
  const { places, from } = await shard.traces.find(correlationId)
  const events: TraceEvent[] = []
  let last: Place | undefined
  let entry: Told | undefined
  for (const place of places) {
    const { op, index } = place
    if (op >= below || op < after.op || (op === after.op && index <= after.index)) continue
    if (last && isFull(events)) return { events, from, next: last }
    if (entry?.op !== op) entry = await toldAt(context, shard, op)
    const event = entry?.event(index)
    if (event) events.push(event)
    last = place
  }
  return { events, from, next: undefined }
}

interface Told {
  readonly op: number
  event(index: number): TraceEvent | undefined
}

async function toldAt(
  { store, cluster }: NodeContext,
  { replica, name: shard }: Shard,
  op: number,
): Promise<Told | undefined> {
  const [entry] = await store.readEntries(replica.shard, op, op, 1)
  if (entry?.opNumber !== op) return undefined
  const [kept] = await store.readChanges(replica.shard, op, op)
  const changes = changesOf(entry, kept?.text)
  const primary = primaryOf(replica.configuration, entry.viewNumber)
  const node = cluster.members[primary]?.name ?? String(primary)
  return {
    op,
    event(index) {
      const rev = revAt(entry, index)
      const ofKeys = changes.filter(change => change.rev === rev && change.machine !== 'feed')
      const changed = ofKeys.map(({ key }) => key)
      return eventOf(entry, index, { shard, node, changed })
    },
  }
}
