/** Takes one call to one endpoint and its answer back: over the endpoint's WebSocket, else over HTTP. */
import { isObject, type Json, type JsonObject } from '../base/json.ts'
import { either } from './abort.ts'
import { Channel, NotOpened } from './channel.ts'
import {
  clientClosed,
  fromAnswer,
  fromStatus,
  NOT_VIEWSTAMP,
  UNREACHABLE,
  ViewstampError,
} from './error.ts'
import { type OpenSocket, parseMessage } from './socket.ts'
import type { Transport } from './transport.ts'

export interface Attempt {
  readonly method: string
  readonly params: JsonObject
  readonly openMs: number
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

export interface CarrierOptions {
  readonly token: string | undefined
  /** Undefined: HTTP only. */
  readonly openSocket: OpenSocket | undefined
  readonly http: Transport
}

/** Larger calls go over HTTP: no small one waits behind them, and a refusal costs no connection. */
const SOCKET_CHARS_MAX = 256 * 1024
/** Where HTTP works and WebSockets do not, they are tried again after so long. */
const HTTP_ONLY_MS = 30_000
/** A daemon that is asked for an answer in t gives it, or says TIMEOUT, a little after t. */
const ANSWER_GRACE_MS = 300

export class Carrier {
  readonly #options: CarrierOptions
  readonly #channels = new Map<string, Channel>()
  /** Until when an endpoint is asked over HTTP. */
  readonly #httpUntil = new Map<string, number>()
  readonly #ended = new AbortController()
  #lastId = 0

  constructor(options: CarrierOptions) {
    this.#options = options
  }

  /** The `result`. Rejects with ViewstampError. */
  async send(endpoint: string, attempt: Attempt): Promise<JsonObject> {
    const { method, params } = attempt
    const id = ++this.#lastId
    const text = JSON.stringify({ jsonrpc: '2.0', id, method, params })
    const isLarge = text.length > SOCKET_CHARS_MAX
    const isHttpOnly = (this.#httpUntil.get(endpoint) ?? 0) > performance.now()
    if (this.#options.openSocket === undefined || isLarge || isHttpOnly) {
      return this.#overHttp(endpoint, text, attempt)
    }
    const { openMs, timeoutMs, signal } = attempt
    const begunAt = performance.now()
    const channel = this.#channel(endpoint, this.#options.openSocket)
    try {
      const graced = timeoutMs + ANSWER_GRACE_MS
      return resultOf(await channel.call({ id, text, openMs, timeoutMs: graced, signal }))
    } catch (error) {
      if (!(error instanceof NotOpened)) throw error
      const leftMs = Math.max(1, timeoutMs - (performance.now() - begunAt))
      return this.#insteadOfSocket(endpoint, text, { ...attempt, timeoutMs: leftMs })
    }
  }

  close(): void {
    this.#ended.abort()
    for (const channel of this.#channels.values()) channel.close()
  }

  #channel(endpoint: string, open: OpenSocket): Channel {
    const known = this.#channels.get(endpoint)
    if (known !== undefined) return known
    const channel = new Channel(endpoint, this.#options.token, open)
    this.#channels.set(endpoint, channel)
    return channel
  }

  /** Any answer from a daemon shows that it is the WebSocket that cannot be had, not the daemon. */
  async #insteadOfSocket(endpoint: string, text: string, attempt: Attempt): Promise<JsonObject> {
    try {
      const result = await this.#overHttp(endpoint, text, attempt)
      this.#httpUntil.set(endpoint, performance.now() + HTTP_ONLY_MS)
      return result
    } catch (error) {
      const isTold = error instanceof ViewstampError && !NO_ANSWER.has(error.name)
      if (isTold) this.#httpUntil.set(endpoint, performance.now() + HTTP_ONLY_MS)
      throw error
    }
  }

  async #overHttp(endpoint: string, body: string, attempt: Attempt): Promise<JsonObject> {
    const { token, http } = this.#options
    const headers = {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    }
    const timeoutMs = attempt.timeoutMs + ANSWER_GRACE_MS
    const { signal, release } = either(attempt.signal, this.#ended.signal)
    try {
      const answer = await http({ endpoint, body, headers, timeoutMs, signal })
      const message = parseMessage(answer.text)
      if (message === undefined || !isAnswer(message)) throw fromStatus(endpoint, answer.status)
      return resultOf(message)
    } catch (error) {
      throw this.#ended.signal.aborted ? clientClosed('unknown') : error
    } finally {
      release()
    }
  }
}

const NO_ANSWER = new Set([
  UNREACHABLE,
  NOT_VIEWSTAMP,
  'CONNECTION_LOST',
  'TIMEOUT',
  'ABORTED',
  'CLOSED',
])

const isAnswer = ({ jsonrpc, result, error }: Readonly<Record<string, unknown>>): boolean =>
  jsonrpc === '2.0' && (result !== undefined || error !== undefined)

function resultOf(message: Readonly<Record<string, unknown>>): JsonObject {
  if (message['error'] !== undefined) throw fromAnswer(message['error'])
  const result = message['result'] as Json
  return isObject(result) ? (result as JsonObject) : { result }
}
