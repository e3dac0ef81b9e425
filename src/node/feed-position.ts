/** Positions in feeds: what a caller says where to start, and the text that says where to go on. */
import { ViewstampError } from '../base/errors.ts'
import { FROM_RULE } from '../machine/feed/name.ts'
import type { FeedFrom, Offsets } from './feed-api.ts'
import type { Bound, FeedHub } from './feed-hub.ts'

/** Where one partition is read from. */
export interface Start {
  readonly next: number
  /** Records of this log time or later only. */
  readonly sinceMs: number
}

const badFrom = (message = FROM_RULE): ViewstampError =>
  new ViewstampError('BAD_CURSOR', message, { path: 'from' })

/** Of each of the partitions, in their order. */
export function startsOf(
  hub: FeedHub,
  feed: string,
  bounds: readonly Bound[],
  from: FeedFrom,
): readonly Start[] {
  if (typeof from === 'object') {
    const { timeMs } = from
    if (timeMs !== undefined) return bounds.map(bound => sinceOf(hub, feed, bound, timeMs))
    return byPartition(bounds, new Map(Object.entries(from)))
  }
  if (typeof from === 'string' && from.includes(':')) return byPartition(bounds, pairsOf(from))
  const offset = typeof from === 'string' && /^-?\d+$/.test(from) ? Number(from) : from
  if (typeof offset === 'number') {
    if (offset >= 0 && bounds.length > 1) {
      throw badFrom(
        `${feed} has ${bounds.length} partitions: an offset is of one, say which or give one of each`,
      )
    }
    return bounds.map(({ first, next }) => ({
      next: offset < 0 ? Math.max(first, next + offset) : offset,
      sinceMs: 0,
    }))
  }
  return bounds.map(bound => ({ next: namedOffset(bound, offset), sinceMs: 0 }))
}

function namedOffset({ first, next }: Bound, name: string): number {
  if (name === 'first' || name === 'start') return first
  if (name === 'now' || name === 'end') return next
  if (name === 'last') return Math.max(first, next - 1)
  throw badFrom()
}

function sinceOf(hub: FeedHub, feed: string, { partition }: Bound, timeMs: number): Start {
  return { next: hub.offsetAt(feed, partition, timeMs), sinceMs: timeMs }
}

/** Partitions that are not named are read from their first record: none is left out silently. */
function byPartition(bounds: readonly Bound[], offsets: ReadonlyMap<string, number>): Start[] {
  for (const [name, offset] of offsets) {
    const isKnown = bounds.some(({ partition }) => String(partition) === name)
    if (!isKnown || !Number.isSafeInteger(offset) || offset < 0) throw badFrom()
  }
  return bounds.map(({ partition, first }) => {
    return { next: offsets.get(String(partition)) ?? first, sinceMs: 0 }
  })
}

function pairsOf(text: string): Map<string, number> {
  const pairs = text.split(',').map(pair => pair.split(':'))
  return new Map(pairs.map(([name = '', offset]) => [name, Number(offset)]))
}

/** `12` of a feed with one partition, else `0:12,1:7`. */
export function positionText(next: ReadonlyMap<number, number>, isOnly: boolean): string {
  const pairs = [...next].map(([partition, offset]) => `${partition}:${offset}`)
  return isOnly ? String([...next.values()][0] ?? 0) : pairs.join(',')
}

/** By feed, `feed=0:12,1:7;other=3`: of a pattern. */
export function splitPattern(text: string): Map<string, string> {
  const parts = text.split(';').map(part => part.split('='))
  return new Map(parts.map(([feed = '', position = '']) => [feed, position]))
}

/** A number of the only one that is asked about, else by partition. */
export function offsetsOf(values: ReadonlyMap<number, number>): Offsets {
  const [only] = values.values()
  return values.size === 1 && only !== undefined ? only : Object.fromEntries(values)
}
