/**
 * A subscription that outlives its connection: events of one method over a WebSocket of its own, resumed at
 * the next endpoint from behind the last event the reader took. A reader that is busy holds the connection back.
 */
import { isObject, type JsonObject } from '../base/json.ts'
import type { Endpoints } from './endpoints.ts'
import { fromAnswer, unreachable } from './error.ts'
import { pause } from './pause.ts'
import { type OpenSocket, parseMessage, type Socket } from './socket.ts'

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

/** Events held for a reader that is busy; then the connection is not read, or dropped where that cannot be. */
const HELD_MAX = 1_000
const BUFFER_MAX = 10_000
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
  let lostAt = Date.now()
  while (!signal?.aborted) {
    const endpoint = endpoints.current
    try {
      for await (const event of oneConnection(subscriber, endpoint, method, current, signal)) {
        failures = 0
        connected = true
        const last = event.type === 'open' ? event.result : event.event
        if (resume && last) current = resume(current, last)
        if (event.type === 'open' || event.event['kind'] !== 'bookmark') yield event
      }
    } catch (error) {
      if (signal?.aborted) return
      if (!(error instanceof SocketLost)) throw error
      if (error.opened) lostAt = Date.now()
      failures++
      const isHopeless = !connected && failures >= endpoints.list.length
      if (isHopeless || Date.now() - lostAt >= timeoutMs) {
        throw unreachable(endpoints.list.join(', '), error)
      }
      if (error.opened) yield { type: 'lost', endpoint, reason: error.message }
      endpoints.moveFrom(endpoint)
    }
    if (signal?.aborted) return
    const rounds = Math.min(16, Math.max(0, failures - endpoints.list.length))
    const waitMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** rounds) * (0.5 + 0.5 * random())
    await pause(waitMs, signal).catch(quiet)
  }
}

class SocketLost extends Error {
  readonly opened: boolean

  constructor(reason: string, opened: boolean) {
    super(reason)
    this.opened = opened
  }
}

type Received = Exclude<SubscriptionEvent, { type: 'lost' }>

/** Ends by throwing: SocketLost, or the ViewstampError with which the daemon refused. */
async function* oneConnection(
  { openSocket, token }: Subscriber,
  endpoint: string,
  method: string,
  params: JsonObject,
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
  const opening = setTimeout(() => inbox.end(`${endpoint} does not answer`), OPEN_MS)
  const abort = (): void => inbox.end('stopped')
  signal?.addEventListener('abort', abort, { once: true })
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
    signal?.removeEventListener('abort', abort)
    clearTimeout(opening)
    clearInterval(silence)
    socket.close()
  }
}

/** Between a socket and a reader. */
class Inbox {
  ended: string | undefined
  #messages: JsonObject[] = []
  #isPaused = false
  #heard = true
  #wake: () => void = quiet

  put(text: string, socket: Socket): void {
    if (this.ended !== undefined) return
    this.#heard = true
    const message = parseMessage(text)
    if (message === undefined) return this.end('what came is no JSON-RPC')
    this.#messages.push(message as JsonObject)
    if (this.#messages.length > BUFFER_MAX) return this.end('the reader is too slow')
    if (this.#messages.length > HELD_MAX && socket.pause !== undefined) {
      socket.pause()
      this.#isPaused = true
    }
    this.#wake()
  }

  end(reason: string): void {
    this.ended ??= reason
    this.#wake()
  }

  /** All that is there; the reader takes one after the other, and the socket waits until then. */
  *take(socket: Socket): Generator<JsonObject> {
    for (const message of this.#messages.splice(0)) yield message
    if (!this.#isPaused || this.#messages.length > 0) return
    this.#isPaused = false
    this.#heard = true
    socket.resume?.()
  }

  /** Nothing came since the last time this was asked, though the socket was read. */
  get isSilent(): boolean {
    const isSilent = !this.#heard && !this.#isPaused && this.#messages.length === 0
    this.#heard = false
    return isSilent
  }

  filled(): Promise<void> {
    if (this.#messages.length > 0 || this.ended !== undefined) return Promise.resolve()
    return new Promise(resolve => {
      this.#wake = resolve
    })
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
