/** Changes of keys as they are committed, once each and in order, over reconnections: an async iterator. */
import type { JsonObject } from '../base/json.ts'
import type { CallOptions } from './caller.ts'
import type { Event } from './methods/index.ts'
import { stream, type Watcher } from './stream.ts'

/** All changes of one commit. */
export interface WatchEvent extends Event {
  /** Where several shards are followed: `from` of a watch that goes on behind this event. */
  readonly cursor?: string
}

/** Throws REV_COMPACTED where `from` is not kept any longer. */
export function watchKeys(
  watcher: Watcher,
  params: JsonObject,
  options: CallOptions,
): AsyncGenerator<WatchEvent> {
  const poll = { method: 'kv.poll', items: eventsOf }
  const items = (event: JsonObject): WatchEvent[] => [eventOf(event)]
  return stream(watcher, { method: 'kv.watch', params, resume, items, poll }, options)
}

/** Behind the last event, or where the first answer said it begins. */
export function resume(params: JsonObject, last: JsonObject): JsonObject {
  const { rev, startRev, cursor } = last
  if (typeof cursor === 'string') return { ...params, from: cursor }
  if (typeof rev === 'number') return { ...params, from: rev + 1 }
  return typeof startRev === 'number' ? { ...params, from: startRev } : params
}

function eventOf({ rev, shard, cursor, view, timeMs, result }: JsonObject): WatchEvent {
  const where = { ...(shard !== undefined && { shard }), ...(cursor !== undefined && { cursor }) }
  return { rev, ...where, view, timeMs, ...(result as JsonObject) } as unknown as WatchEvent
}

const eventsOf = ({ events }: JsonObject): readonly WatchEvent[] =>
  events as unknown as readonly WatchEvent[]
