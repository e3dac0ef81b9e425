/**
 * A subscription that outlives its connection: events of one method over a WebSocket of its own, resumed at
 * the next endpoint from behind the last event the reader took. A reader that is busy holds the connection back.
 */
import { isObject, type JsonObject } from '../base/json.ts'
import { onAbort } from './abort.ts'
import type { Endpoints } from './endpoints.ts'
import { fromAnswer, unreachable, ViewstampError } from './error.ts'
import { Inbox } from './inbox.ts'
import { pause } from './pause.ts'
import type { OpenSocket } from './socket.ts'

export type SubscriptionEvent =
  /** The daemon has accepted it; `result` is its answer. */
  | { readonly type: 'open'; readonly endpoint: string; readonly result: JsonObject }
  /** `params` of a `sub.event` notification. */
  | { readonly type: 'event'; readonly endpoint: string; readonly event: JsonObject }
  /** The connection ended; the next one is on its way. */
  | { readonly type: 'lost'; readonly endpoint: string; readonly reason: string }

export interface SubscribeOptions {
  /** Ends the iteration. */
  readonly signal?: AbortSignal | undefined
  /** Without a connection for so long, it throws UNREACHABLE. Default: it goes on trying once it had one. */
  readonly timeoutMs?: number | undefined
  /** Parameters that continue behind `last` (an event or a bookmark), or behind the first answer. */
  readonly resume?: ((params: JsonObject, last: JsonObject) => JsonObject) | undefined
  /** Go on trying when no endpoint can be reached at first, instead of throwing UNREACHABLE. */
  readonly patient?: boolean | undefined
}

export interface Subscriber {
  readonly endpoints: Endpoints
  readonly token: string | undefined
  readonly openSocket: OpenSocket
  readonly random: () => number
}

/** A daemon gives a sign of life every ten seconds. */
const SILENCE_MS = 25_000
/** For a connection and the answer to what is asked over it. */
const OPEN_MS = 5_000
const RETRY_FIRST_MS = 50
const RETRY_MAX_MS = 2_000

export async function* subscribe(
  subscriber: Subscriber,
  method: string,
  params: JsonObject,
  options: SubscribeOptions,
): AsyncGenerator<SubscriptionEvent> {
  const { endpoints, random } = subscriber
  const { signal, patient, resume, timeoutMs = Number.POSITIVE_INFINITY } = options
  let current = params
  let connected = patient === true
  let failures = 0
  let lostAt = performance.now()
  const leftMs = (): number => lostAt + timeoutMs - performance.now()
  while (!signal?.aborted) {
    const endpoint = endpoints.current
    const asked = { endpoint, method, params: current, openMs: Math.min(OPEN_MS, leftMs()) }
    try {
      for await (const event of oneConnection(subscriber, asked, signal)) {
        failures = 0
        connected = true
        const last = event.type === 'open' ? event.result : event.event
        if (resume && last) current = resume(current, last)
        if (signal?.aborted) return
        if (event.type === 'open' || event.event['kind'] !== 'bookmark') yield event
      }
    } catch (error) {
      if (signal?.aborted) return
      const lost = lossOf(error)
      if (lost.opened) lostAt = performance.now()
      failures++
      const isHopeless = !connected && failures >= endpoints.list.length
      if (isHopeless || leftMs() <= 0) throw lost.end(endpoints.list)
      if (lost.opened) yield { type: 'lost', endpoint, reason: lost.message }
      endpoints.moveFrom(endpoint)
    }
    if (signal?.aborted) return
    const rounds = Math.min(16, Math.max(0, failures - endpoints.list.length))
    const waitMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** rounds) * (0.5 + 0.5 * random())
    await pause(Math.min(waitMs, leftMs()), signal).catch(quiet)
  }
}

class SocketLost extends Error {
  readonly opened: boolean
  /** A daemon said so; undefined: there was none. */
  readonly refusal: ViewstampError | undefined

  constructor(reason: string, opened: boolean, refusal?: ViewstampError) {
    super(reason)
    this.opened = opened
    this.refusal = refusal
  }

  /** What is told when nothing more is tried. */
  end(endpoints: readonly string[]): ViewstampError {
    return this.refusal ?? unreachable(endpoints.join(', '), this)
  }
}

/** Throws what another connection cannot mend. */
function lossOf(error: unknown): SocketLost {
  if (error instanceof SocketLost) return error
  if (!(error instanceof ViewstampError) || !error.retryable) throw error
  return new SocketLost(error.message, false, error)
}

interface Asked {
  readonly endpoint: string
  readonly method: string
  readonly params: JsonObject
  /** For a connection, and the answer to what is asked over it. */
  readonly openMs: number
}

type Received = Exclude<SubscriptionEvent, { type: 'lost' }>

/** Ends by throwing: SocketLost, or the ViewstampError with which the daemon refused. */
async function* oneConnection(
  { openSocket, token }: Subscriber,
  { endpoint, method, params, openMs }: Asked,
  signal: AbortSignal | undefined,
): AsyncGenerator<Received> {
  const inbox = new Inbox()
  const socket = await openSocket(endpoint, token, {
    open: () => socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })),
    message: text => inbox.put(text, socket),
    close: reason => inbox.end(reason),
  }).catch((error: unknown) => {
    throw new SocketLost(error instanceof Error ? error.message : String(error), false)
  })
  const silence = setInterval(() => {
    if (inbox.isSilent) inbox.end(`${endpoint} says nothing any more`)
  }, SILENCE_MS)
  const opening = setTimeout(() => inbox.end(`${endpoint} does not answer`), openMs)
  // Also when it was aborted while the socket was made.
  const release = onAbort(signal, () => inbox.end('stopped'))
  let n = 0
  let opened = false
  try {
    for (;;) {
      for (const message of inbox.take(socket)) {
        if (message['id'] === 1) {
          clearTimeout(opening)
          opened = true
        }
        const received = receive(message, endpoint)
        if (received === undefined) continue
        // Counted by one: what is missing was lost on the way.
        if (received.type === 'event' && received.event['n'] !== ++n) {
          throw new SocketLost('an event is missing', true)
        }
        yield received
      }
      if (inbox.ended !== undefined) throw new SocketLost(inbox.ended, opened)
      await inbox.filled()
    }
  } finally {
    release()
    clearTimeout(opening)
    clearInterval(silence)
    socket.close()
  }
}

function receive(message: JsonObject, endpoint: string): Received | undefined {
  if (message['id'] === 1) {
    if (message['error'] !== undefined) throw fromAnswer(message['error'])
    const result = message['result']
    return { type: 'open', endpoint, result: isObject(result) ? (result as JsonObject) : {} }
  }
  const event = message['params']
  if (message['method'] !== 'sub.event' || !isObject(event)) return undefined
  if (event['kind'] === 'closed') throw new SocketLost('closed by the daemon', true)
  return { type: 'event', endpoint, event: event as JsonObject }
}

function quiet(): void {}
