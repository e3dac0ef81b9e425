/**
 * The partial order of a trace. Two things order its events: within a shard the log does; and an event comes
 * after what it names as its cause, be that an event (`shard@lamport`) or a record (`feed/partition/offset`,
 * or its id). Anything else has no order, and is shown by Lamport time.
 */
import type { TraceEdge, TraceEvent } from './api.ts'

export function inOrder(given: Iterable<TraceEvent>): {
  readonly events: readonly TraceEvent[]
  readonly edges: readonly TraceEdge[]
} {
  const events = [...given].sort((a, b) => a.lamport - b.lamport || (a.id < b.id ? -1 : 1))
  const after = new Map<string, Set<string>>(events.map(({ id }) => [id, new Set()]))
  const edges: TraceEdge[] = []
  const add = (edge: TraceEdge): void => {
    after.get(edge.from)?.add(edge.to)
    edges.push(edge)
  }
  const before = new Map<string, string>()
  for (const { id, shard } of events) {
    const from = before.get(shard)
    if (from !== undefined) add({ from, to: id, why: 'order' })
    before.set(shard, id)
  }
  const named = namesOf(events)
  for (const event of events) {
    for (const from of causesOf(event, named)) {
      // Whoever names what came of it as its cause says nothing.
      if (!leads(after, event.id, from)) add({ from, to: event.id, why: 'cause' })
    }
  }
  return { events: sorted(events, edges), edges }
}

/** What an event can be called by others. */
function namesOf(events: readonly TraceEvent[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  const name = (text: string | undefined, id: string): void => {
    if (text !== undefined && !names.has(text)) names.set(text, id)
  }
  for (const { id } of events) name(id, id)
  for (const { id, records } of events) {
    for (const { feed, partition, offset, id: own } of records) {
      if (offset !== undefined) name(`${feed}/${partition}/${offset}`, id)
      name(own, id)
    }
  }
  return names
}

function causesOf(event: TraceEvent, named: ReadonlyMap<string, string>): readonly string[] {
  const { causationId, records } = event
  const given = [causationId, ...records.map(record => record.causationId)]
  const found = given.flatMap(name => (name === undefined ? [] : (named.get(name) ?? [])))
  return [...new Set(found)].filter(id => id !== event.id)
}

function leads(after: ReadonlyMap<string, ReadonlySet<string>>, from: string, to: string): boolean {
  const seen = new Set([from])
  for (const id of seen) {
    if (id === to) return true
    for (const next of after.get(id) ?? []) seen.add(next)
  }
  return false
}

/** The earliest first, none before what leads to it. */
function sorted(events: readonly TraceEvent[], edges: readonly TraceEdge[]): TraceEvent[] {
  const waits = new Map<string, number>()
  const next = new Map<string, string[]>()
  for (const { from, to } of edges) {
    waits.set(to, (waits.get(to) ?? 0) + 1)
    next.set(from, [...(next.get(from) ?? []), to])
  }
  const left = [...events]
  const done: TraceEvent[] = []
  while (left.length > 0) {
    // There is one: edges form no circle.
    const at = Math.max(
      0,
      left.findIndex(({ id }) => (waits.get(id) ?? 0) === 0),
    )
    for (const event of left.splice(at, 1)) {
      done.push(event)
      for (const to of next.get(event.id) ?? []) waits.set(to, (waits.get(to) ?? 1) - 1)
    }
  }
  return done
}
