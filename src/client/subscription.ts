/**
 * A subscription that outlives its connection: events of one method over a WebSocket, resumed at
 * the next endpoint from behind the last event the reader took.
 */
import { isObject, type JsonObject } from '../base/json.ts'
import { fromAnswer, unreachable } from './error.ts'
import { pause } from './pause.ts'
import { openSocket, type Socket } from './socket.ts'

export type SubscriptionEvent =
  /** The daemon has accepted it; `result` is its answer. */
  | { readonly type: 'open'; readonly endpoint: string; readonly result: JsonObject }
  /** `params` of a `sub.event` notification. */
  | { readonly type: 'event'; readonly endpoint: string; readonly event: JsonObject }
  /** The connection ended; the next one is on its way. */
  | { readonly type: 'lost'; readonly endpoint: string; readonly reason: string }

export interface SubscribeOptions {
  readonly signal?: AbortSignal | undefined
  readonly token?: string | undefined
  /** Parameters that continue behind `last` (an event or a bookmark), or behind the first answer. */
  readonly resume?: ((params: JsonObject, last: JsonObject) => JsonObject) | undefined
  /** Go on trying when no endpoint can be reached at first, instead of throwing. */
  readonly patient?: boolean | undefined
}

/** Events held for a reader that is busy; beyond it the connection is dropped and resumed. */
const BUFFER_MAX = 10_000
const RETRY_FIRST_MS = 100
const RETRY_MAX_MS = 2_000

export async function* subscribe(
  endpoints: readonly string[],
  method: string,
  params: JsonObject,
  options: SubscribeOptions,
): AsyncGenerator<SubscriptionEvent> {
  let current = params
  let connected = options.patient === true
  let failures = 0
  for (let attempt = 0; !options.signal?.aborted; attempt++) {
    const endpoint = endpoints[attempt % endpoints.length] ?? ''
    try {
      for await (const event of oneConnection(endpoint, method, current, options)) {
        failures = 0
        connected = true
        const last = event.type === 'open' ? event.result : event.event
        if (options.resume && last) current = options.resume(current, last)
        if (event.type === 'open' || event.event['kind'] !== 'bookmark') yield event
      }
    } catch (error) {
      if (options.signal?.aborted) return
      if (!(error instanceof SocketLost)) throw error
      failures++
      if (!connected && failures >= endpoints.length) throw unreachable(endpoints.join(', '), error)
      if (error.opened) yield { type: 'lost', endpoint, reason: error.message }
    }
    if (options.signal?.aborted) return
    const rounds = Math.max(0, failures - endpoints.length)
    await pause(Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** rounds), options.signal).catch(quiet)
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
  endpoint: string,
  method: string,
  params: JsonObject,
  options: SubscribeOptions,
): AsyncGenerator<Received> {
  const inbox: JsonObject[] = []
  let wake: () => void = quiet
  let ended: string | undefined
  const end = (reason: string): void => {
    ended ??= reason
    wake()
  }
  const socket: Socket = await openSocket(endpoint, options.token, {
    open: () => socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })),
    message: text => {
      const message = parse(text)
      if (message === undefined) return socket.close()
      inbox.push(message)
      if (inbox.length > BUFFER_MAX) socket.close()
      wake()
    },
    close: end,
  })
  const abort = (): void => {
    socket.close()
    end('stopped')
  }
  options.signal?.addEventListener('abort', abort, { once: true })
  let opened = false
  try {
    for (;;) {
      for (const message of inbox.splice(0)) {
        if (message['id'] === 1) opened = true
        const received = receive(message, endpoint)
        if (received !== undefined) yield received
      }
      if (ended !== undefined) throw new SocketLost(ended, opened)
      if (inbox.length === 0) await new Promise<void>(resolve => (wake = resolve))
    }
  } finally {
    options.signal?.removeEventListener('abort', abort)
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

/** A daemon sends objects only; anything else ends the connection. */
function parse(text: string): JsonObject | undefined {
  try {
    const message: unknown = JSON.parse(text)
    return isObject(message) ? (message as JsonObject) : undefined
  } catch {
    return undefined
  }
}

function quiet(): void {}
