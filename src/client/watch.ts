/** Changes of keys as they are committed, once each and in order, over reconnections: an async iterator. */
import type { JsonObject } from '../base/json.ts'
import type { CallOptions } from './caller.ts'
import { UNREACHABLE, ViewstampError } from './error.ts'
import type { Event } from './methods/index.ts'
import type { SubscribeOptions, SubscriptionEvent } from './subscription.ts'

/** All changes of one commit. */
export interface WatchEvent extends Event {
  /** Where several shards are followed: `from` of a watch that goes on behind this event. */
  readonly cursor?: string
}

/** What a watch needs of a client. */
export interface Watcher {
  call(method: string, params: JsonObject, options: CallOptions): Promise<JsonObject>
  subscribe(
    method: string,
    params: JsonObject,
    options: SubscribeOptions,
  ): AsyncGenerator<SubscriptionEvent>
}

/** A long poll ends without events after so long. */
const POLL_WAIT_MS = 20_000

/** Ends with the signal. Throws what the daemon refuses with: REV_COMPACTED where `from` is not kept any longer. */
export async function* watchKeys(
  watcher: Watcher,
  params: JsonObject,
  options: CallOptions,
): AsyncGenerator<WatchEvent> {
  const { signal, timeoutMs } = options
  const how = { signal, timeoutMs, resume }
  let connected = false
  try {
    for await (const each of watcher.subscribe('kv.watch', params, how)) {
      connected = true
      if (each.type === 'event') yield eventOf(each.event)
    }
  } catch (error) {
    // Never connected: perhaps there is HTTP and no WebSocket, behind a proxy or with a token in a browser.
    const isUnreachable = error instanceof ViewstampError && error.name === UNREACHABLE
    if (connected || !isUnreachable) throw error
    yield* pollKeys(watcher, params, options)
  }
}

async function* pollKeys(
  watcher: Watcher,
  params: JsonObject,
  options: CallOptions,
): AsyncGenerator<WatchEvent> {
  const { signal, timeoutMs } = options
  const patience = { ...options, timeoutMs: POLL_WAIT_MS + (timeoutMs ?? POLL_WAIT_MS) }
  let [from, waitMs] = [params['from'], 0]
  while (!signal?.aborted) {
    const asked = { ...params, ...(from !== undefined && { from }), waitMs }
    const answer = await watcher.call('kv.poll', asked, patience).catch((error: unknown) => {
      if (signal?.aborted) return undefined
      throw error
    })
    if (answer === undefined) return
    yield* answer['events'] as readonly unknown[] as readonly WatchEvent[]
    from = answer['next']
    waitMs = POLL_WAIT_MS
  }
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
