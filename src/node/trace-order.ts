/**
 * The partial order of a trace. Two things order its events: within a shard the log does; and an event comes
 * after what it names as its cause, be that an event (`shard@lamport`) or a record (`feed/partition/offset`,
 * or its id). Anything else has no order, and is shown by Lamport time.
 */
import { Heap } from '../base/heap.ts'
import type { TraceEdge, TraceEvent } from './api.ts'
import { type Arrows, circlesOf } from './trace-circles.ts'

/** An edge between the places of two events, by Lamport time. */
interface Link {
  readonly from: number
  readonly to: number
  readonly why: TraceEdge['why']
}

export const byLamport = (a: TraceEvent, b: TraceEvent): number =>
  a.lamport - b.lamport || (a.id < b.id ? -1 : 1)

export function inOrder(given: Iterable<TraceEvent>): {
  readonly events: readonly TraceEvent[]
  readonly edges: readonly TraceEdge[]
} {
  const events = [...given].sort(byLamport)
  const links = consistent(events.length, [...linksOfLogs(events), ...linksOfCauses(events)])
  const idAt = (place: number): string => events[place]?.id ?? ''
  return {
    events: sorted(events.length, links).flatMap(place => events[place] ?? []),
    edges: links.map(({ from, to, why }) => ({ from: idAt(from), to: idAt(to), why })),
  }
}

function linksOfLogs(events: readonly TraceEvent[]): Link[] {
  const before = new Map<string, number>()
  return events.flatMap(({ shard }, to): Link[] => {
    const from = before.get(shard)
    before.set(shard, to)
    return from === undefined ? [] : [{ from, to, why: 'order' }]
  })
}

function linksOfCauses(events: readonly TraceEvent[]): Link[] {
  const named = namesOf(events)
  return events.flatMap(({ causationId, records }, to) => {
    const given = [causationId, ...records.map(record => record.causationId)]
    const found = given.flatMap(name => (name === undefined ? [] : (named.get(name) ?? [])))
    const causes = [...new Set(found)].filter(from => from !== to)
    return causes.map((from): Link => ({ from, to, why: 'cause' }))
  })
}

/** What an event can be called by others. */
function namesOf(events: readonly TraceEvent[]): ReadonlyMap<string, number> {
  const names = new Map<string, number>()
  const name = (text: string | undefined, place: number): void => {
    if (text !== undefined && !names.has(text)) names.set(text, place)
  }
  for (const [place, { id }] of events.entries()) name(id, place)
  for (const [place, { records }] of events.entries()) {
    for (const { feed, partition, offset, id: own } of records) {
      if (offset !== undefined) name(`${feed}/${partition}/${offset}`, place)
      name(own, place)
    }
  }
  return names
}

/** Whoever names what came of it as its cause says nothing: in a circle, Lamport time is right. */
function consistent(count: number, links: readonly Link[]): readonly Link[] {
  if (links.every(({ from, to }) => from < to)) return links
  const circles = circlesOf(arrowsOf(count, links))
  return links.filter(({ from, to }) => from < to || circles[from] !== circles[to])
}

function arrowsOf(count: number, links: readonly Link[]): Arrows {
  const arrows: number[][] = Array.from({ length: count }, () => [])
  for (const { from, to } of links) arrows[from]?.push(to)
  return arrows
}

/** The earliest first, none before what leads to it. */
function sorted(count: number, links: readonly Link[]): number[] {
  const arrows = arrowsOf(count, links)
  const waits = new Uint32Array(count)
  for (const { to } of links) waits[to] = (waits[to] ?? 0) + 1
  const ready = new Heap<number>()
  for (let place = 0; place < count; place++) if (waits[place] === 0) ready.push(place, place)
  const done: number[] = []
  for (let top = ready.pop(); top; top = ready.pop()) {
    done.push(top.item)
    for (const to of arrows[top.item] ?? []) {
      const left = (waits[to] ?? 0) - 1
      waits[to] = left
      if (left === 0) ready.push(to, to)
    }
  }
  return done
}
