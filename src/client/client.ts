/**
 * Calls to a Viewstamp cluster from Node or a browser: any endpoint will do, the next is tried when
 * one fails, and nothing is sent twice that could be executed twice.
 */
import { isObject, type Json, type JsonObject } from '../base/json.ts'
import { fromAnswer, fromStatus, UNREACHABLE, ViewstampError } from './error.ts'
import { pause } from './pause.ts'
import { type SubscribeOptions, type SubscriptionEvent, subscribe } from './subscription.ts'
import { fetchTransport, type Transport } from './transport.ts'

export { ViewstampError } from './error.ts'
export type { SubscribeOptions, SubscriptionEvent } from './subscription.ts'

export interface ClientOptions {
  /** For a whole call, repeats included. Default 5000. */
  readonly timeoutMs?: number | undefined
  /** Shown to the daemon as a bearer token. */
  readonly token?: string | undefined
  /** Sent as `meta.correlationId` of every call. */
  readonly correlationId?: string | undefined
  readonly transport?: Transport | undefined
  /** At most so many attempts of one call, whatever the error. Default: as many as fit its time. */
  readonly attempts?: number | undefined
  /** Told of every attempt that failed, before the next one or the end. */
  readonly onRetry?: ((endpoint: string, error: ViewstampError) => void) | undefined
}

export interface CallOptions {
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Client {
  readonly endpoints: readonly string[]
  /** The `result` of a call by name. Throws ViewstampError. */
  call(method: string, params?: JsonObject, options?: CallOptions): Promise<JsonObject>
  /** Events of kv.watch, cluster.watch …, over reconnections, until the signal ends it. */
  subscribe(
    method: string,
    params: JsonObject,
    options?: SubscribeOptions,
  ): AsyncGenerator<SubscriptionEvent>
}

/** Methods that change nothing: they may be sent again whatever happened. */
const READS =
  /^(rpc\.discover|system\..*|kv\.(get|getMany|range|history|poll|hash)|feed\.(list|info|read)|group\.(list|info|offsets)|sm\.(list|query)|log\..*|trace\.get|cluster\.(status|health|members)|shards\.list|snapshot\.list|sub\.list)$/

const BACKOFF_FIRST_MS = 20
const BACKOFF_MAX_MS = 500
/** A daemon that is asked for an answer in t gives it, or says TIMEOUT, a little after t. */
const ANSWER_GRACE_MS = 300

export function connect(
  endpoints: string | readonly string[],
  options: ClientOptions = {},
): Client {
  const list = (typeof endpoints === 'string' ? [endpoints] : endpoints).map(normalEndpoint)
  if (list.length === 0) throw new TypeError('connect needs at least one endpoint')
  return new HttpClient(list, options)
}

/** `host:port`, `http://host:port/` and `http://host:port/rpc` are the same endpoint. */
export function normalEndpoint(text: string): string {
  const url = /^https?:\/\//.test(text) ? text : `http://${text}`
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined)
    throw new TypeError(`'${text}' is no endpoint such as http://127.0.0.1:7401`)
  return parsed.origin
}

class HttpClient implements Client {
  readonly endpoints: readonly string[]
  readonly #options: ClientOptions
  /** Index of the endpoint that answered last. */
  #current = 0
  #nextId = 1

  constructor(endpoints: readonly string[], options: ClientOptions) {
    this.endpoints = endpoints
    this.#options = options
  }

  async call(
    method: string,
    params: JsonObject = {},
    options: CallOptions = {},
  ): Promise<JsonObject> {
    const read = READS.test(method)
    const safe = read || inSession(params)
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs ?? 5_000
    const deadline = Date.now() + timeoutMs
    const turn = new Turn(this.endpoints.length, safe, this.#options.attempts)
    for (;;) {
      const endpoint = this.endpoints[this.#current] ?? ''
      const attemptMs = turn.share(deadline - Date.now())
      try {
        return await this.#once(endpoint, method, params, attemptMs, options.signal)
      } catch (error) {
        if (!(error instanceof ViewstampError)) throw error
        const told = turn.judge(error, read)
        this.#options.onRetry?.(endpoint, told)
        const waitMs = turn.waitMs(error)
        if (!turn.mayRepeat || Date.now() + waitMs >= deadline) throw told
        this.#current = (this.#current + 1) % this.endpoints.length
        await pause(waitMs, options.signal)
      }
    }
  }

  subscribe(
    method: string,
    params: JsonObject,
    options: SubscribeOptions = {},
  ): AsyncGenerator<SubscriptionEvent> {
    const token = this.#options.token
    return subscribe(this.endpoints, method, params, {
      ...(token !== undefined && { token }),
      ...options,
    })
  }

  async #once(
    endpoint: string,
    method: string,
    params: JsonObject,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<JsonObject> {
    const { correlationId, token, transport = fetchTransport } = this.#options
    const given = isObject(params['meta']) ? params['meta'] : {}
    const meta = { ...(correlationId !== undefined && { correlationId }), timeoutMs, ...given }
    const id = this.#nextId++
    const answer = await transport({
      endpoint,
      body: JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, meta } }),
      headers: {
        'content-type': 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      timeoutMs: timeoutMs + ANSWER_GRACE_MS,
      signal,
    })
    return resultOf(endpoint, answer.status, answer.text)
  }
}

/** The attempts of one call: how long each may take, and whether there is a next one. */
class Turn {
  readonly #endpoints: number
  readonly #safe: boolean
  readonly #attemptsMax: number
  #attempts = 0
  #unreachableInARow = 0
  #perhapsDone = false
  mayRepeat = true

  constructor(endpoints: number, safe: boolean, attemptsMax = Number.POSITIVE_INFINITY) {
    this.#endpoints = endpoints
    this.#safe = safe
    this.#attemptsMax = attemptsMax
  }

  /** A call that may be repeated leaves time for the other endpoints; any other takes it all. */
  share(leftMs: number): number {
    const left = Math.min(this.#endpoints, this.#attemptsMax) - this.#attempts
    const untried = this.#safe ? Math.max(1, left) : 1
    return Math.max(1, Math.floor(leftMs / untried))
  }

  /** Decides about the next attempt; gives the error to tell if there is none. */
  judge(error: ViewstampError, read: boolean): ViewstampError {
    this.#attempts++
    const unreachable = error.name === UNREACHABLE
    this.#unreachableInARow = unreachable ? this.#unreachableInARow + 1 : 0
    const everywhere = this.#unreachableInARow >= this.#endpoints
    const isLast = everywhere || this.#attempts >= this.#attemptsMax
    this.mayRepeat = error.retryable && !isLast && (this.#safe || error.outcome === 'none')
    this.#perhapsDone ||= error.outcome === 'unknown'
    const outcome = read ? 'none' : this.#perhapsDone ? 'unknown' : error.outcome
    return outcome === error.outcome ? error : withOutcome(error, outcome)
  }

  waitMs(error: ViewstampError): number {
    if (error.retryAfterMs !== undefined) return error.retryAfterMs
    if (this.#attempts < this.#endpoints) return 0
    return Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (this.#attempts - this.#endpoints))
  }
}

function withOutcome(error: ViewstampError, outcome: ViewstampError['outcome']): ViewstampError {
  const { name, code, retryable, retryAfterMs, data, cause } = error
  const facts = { name, code, retryable, retryAfterMs, cause, data: { ...data, outcome } }
  return new ViewstampError(error.message, { ...facts, outcome })
}

/** With session and sequence number, a write is executed at most once however often it is sent. */
function inSession(params: JsonObject): boolean {
  const meta = params['meta']
  return isObject(meta) && meta['session'] !== undefined && meta['seq'] !== undefined
}

function resultOf(endpoint: string, status: number, text: string): JsonObject {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    throw fromStatus(endpoint, status)
  }
  if (!isObject(answer) || answer['jsonrpc'] !== '2.0') throw fromStatus(endpoint, status)
  if (answer['error'] !== undefined) throw fromAnswer(answer['error'])
  const result = answer['result'] as Json
  return isObject(result) ? (result as JsonObject) : { result }
}
