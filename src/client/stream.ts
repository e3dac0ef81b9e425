/** What is pushed as an async iterator: over a subscription, or by asking where there are no WebSockets. */
import type { JsonObject } from '../base/json.ts'
import type { CallOptions } from './caller.ts'
import { CLOSED, UNREACHABLE, ViewstampError } from './error.ts'
import type { SubscribeOptions, SubscriptionEvent } from './subscription.ts'

/** What a stream needs of a client. */
export interface Watcher {
  call(method: string, params: JsonObject, options: CallOptions): Promise<JsonObject>
  subscribe(
    method: string,
    params: JsonObject,
    options: SubscribeOptions,
  ): AsyncGenerator<SubscriptionEvent>
}

export interface Source<T> {
  readonly method: string
  readonly params: JsonObject
  readonly resume: NonNullable<SubscribeOptions['resume']>
  /** What an event holds, in order. */
  readonly items: (event: JsonObject) => Iterable<T>
  /** Asks for what comes next, waiting for it; undefined: it can only be pushed. */
  readonly poll: Poll<T> | undefined
}

export interface Poll<T> {
  readonly method: string
  readonly items: (answer: JsonObject) => readonly T[]
}

/** A long poll ends with nothing after so long. */
const POLL_WAIT_MS = 20_000

/** Ends with the signal, and with the client. Throws what the daemon refuses with. */
export async function* stream<T>(
  watcher: Watcher,
  source: Source<T>,
  options: CallOptions,
): AsyncGenerator<T> {
  const { method, params, resume, items, poll } = source
  const { signal, timeoutMs } = options
  let connected = false
  try {
    for await (const each of watcher.subscribe(method, params, { signal, timeoutMs, resume })) {
      connected = true
      if (each.type !== 'event') continue
      for (const item of items(each.event)) {
        if (signal?.aborted) return
        yield item
      }
    }
  } catch (error) {
    // Never connected: perhaps there is HTTP and no WebSocket, behind a proxy or with a token in a browser.
    const isUnreachable = error instanceof ViewstampError && error.name === UNREACHABLE
    if (connected || !isUnreachable || poll === undefined) throw error
    yield* polled(watcher, params, options, poll)
  }
}

async function* polled<T>(
  watcher: Watcher,
  params: JsonObject,
  options: CallOptions,
  { method, items }: Poll<T>,
): AsyncGenerator<T> {
  const { signal, timeoutMs } = options
  const patience = { ...options, timeoutMs: POLL_WAIT_MS + (timeoutMs ?? POLL_WAIT_MS) }
  let [from, waitMs] = [params['from'] ?? 'now', 0]
  while (!signal?.aborted) {
    const asked = { ...params, from, waitMs }
    const answer = await watcher.call(method, asked, patience).catch((error: unknown) => {
      const isClosed = error instanceof ViewstampError && error.name === CLOSED
      if (signal?.aborted || isClosed) return undefined
      throw error
    })
    if (answer === undefined) return
    yield* items(answer)
    from = answer['next'] ?? from
    waitMs = POLL_WAIT_MS
  }
}
