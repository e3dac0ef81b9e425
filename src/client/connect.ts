/**
 * The client, whatever carries it: calls by name, c.kv, c.feed, c.group, c.sm, c.log, c.cluster. READ FIRST, then caller.ts,
 * retry.ts, channel.ts and, for what is pushed, subscription.ts.
 */
import type { JsonObject } from '../base/json.ts'
import { either } from './abort.ts'
import { Caller, type CallOptions } from './caller.ts'
import { ClusterCalls } from './cluster.ts'
import { normalEndpoint } from './endpoints.ts'
import { clientClosed, type ViewstampError } from './error.ts'
import { Feeds } from './feed.ts'
import { Groups } from './group.ts'
import { Kv } from './kv.ts'
import { Log } from './log.ts'
import { Machines } from './machine.ts'
import type { CallMethod } from './method-call.ts'
import type { Meta } from './methods/index.ts'
import { Scout } from './scout.ts'
import type { OpenSocket } from './socket.ts'
import { type SubscribeOptions, type SubscriptionEvent, subscribe } from './subscription.ts'
import { fetchTransport, type Transport } from './transport.ts'
import type { SessionOptions } from './write-session.ts'

export interface ClientOptions {
  /** For a whole call, repeats included. Default 5000. */
  readonly timeoutMs?: number | undefined
  /** Shown to the daemon as a bearer token. */
  readonly token?: string | undefined
  /** Sent as `meta.correlationId` of every call. */
  readonly correlationId?: string | undefined
  /** Of reads, where a call does not say otherwise; `session`: never older than what this client has seen. */
  readonly consistency?: Meta['consistency']
  /** Writes are numbered in a session of this client, sent again until they are answered, and executed once
   * (default). False: a write that may have been done is not repeated. */
  readonly session?: boolean | SessionOptions | undefined
  /** Also uses endpoints that the nodes name (cluster.status). */
  readonly discover?: boolean | undefined
  /** `http`: a request for each call, instead of one WebSocket to the node. A function: by its means. */
  readonly transport?: 'http' | Transport | undefined
  /** Calls under way at a time; those beyond wait. Default 1024. */
  readonly maxInFlight?: number | undefined
  /** At most so many attempts of one call, whatever the error. Default: as many as fit its time. */
  readonly attempts?: number | undefined
  /** Fail when no endpoint can be reached, instead of trying until the time is over. */
  readonly failFast?: boolean | undefined
  /** Told of every attempt that failed, before the next one or the end. */
  readonly onRetry?: ((endpoint: string, error: ViewstampError) => void) | undefined
}

export interface Client {
  readonly kv: Kv
  readonly feed: Feeds
  readonly group: Groups
  readonly sm: Machines
  readonly log: Log
  readonly cluster: ClusterCalls
  /** As given, and as learnt with `discover`. */
  readonly endpoints: readonly string[]
  /** The `result` of any method by name. Throws ViewstampError. */
  readonly call: CallMethod
  /** Events of kv.watch, cluster.watch … as they come, over reconnections, until the signal ends it. */
  subscribe(
    method: string,
    params: JsonObject,
    options?: SubscribeOptions,
  ): AsyncGenerator<SubscriptionEvent>
  /** Ends calls and iterations under way, and the session. */
  close(): Promise<void>
}

const TIMEOUT_MS = 5_000
const IN_FLIGHT_MAX = 1_024

/** What carries calls. */
interface Means {
  readonly openSocket: OpenSocket
  readonly http: Transport
}

export function connectBy(
  openSocket: OpenSocket,
  endpoints: string | readonly string[],
  options: ClientOptions,
  http: Transport = fetchTransport,
): Client {
  const list = (typeof endpoints === 'string' ? [endpoints] : endpoints).map(normalEndpoint)
  if (list.length === 0) throw new TypeError('connect needs at least one endpoint')
  return new ConnectedClient({ openSocket, http }, list, options)
}

class ConnectedClient implements Client {
  readonly kv: Kv
  readonly feed: Feeds
  readonly group: Groups
  readonly sm: Machines
  readonly log: Log
  readonly cluster: ClusterCalls
  readonly call: CallMethod
  readonly #caller: Caller
  readonly #openSocket: OpenSocket
  readonly #token: string | undefined
  readonly #closing = new AbortController()

  constructor(means: Means, endpoints: readonly string[], options: ClientOptions) {
    this.#openSocket = means.openSocket
    this.#token = options.token
    this.#caller = callerOf(means, endpoints, options)
    const call = (method: string, params?: JsonObject, how?: CallOptions): Promise<JsonObject> =>
      this.#caller.call(method, params, how)
    // The one place where answers get their types: the daemon's tables are where they come from.
    this.call = call as CallMethod
    const watcher = { call, subscribe: this.subscribe.bind(this) }
    this.kv = new Kv(this.call, watcher)
    this.feed = new Feeds(this.call, watcher)
    this.group = new Groups(this.call, this.feed)
    this.sm = new Machines(this.call)
    this.log = new Log(this.call)
    this.cluster = new ClusterCalls(this.call, watcher)
  }

  get endpoints(): readonly string[] {
    return this.#caller.endpoints.list
  }

  async *subscribe(
    method: string,
    params: JsonObject,
    options: SubscribeOptions = {},
  ): AsyncGenerator<SubscriptionEvent> {
    if (this.#closing.signal.aborted) throw clientClosed('none')
    const { signal, release } = either(options.signal, this.#closing.signal)
    const subscriber = {
      endpoints: this.#caller.endpoints,
      token: this.#token,
      openSocket: this.#openSocket,
      random: Math.random,
    }
    try {
      yield* subscribe(subscriber, method, params, { ...options, signal })
    } finally {
      release()
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#caller.close()
  }
}

function callerOf(
  { openSocket, http }: Means,
  endpoints: readonly string[],
  options: ClientOptions,
): Caller {
  const { transport, session = true, correlationId, consistency, discover } = options
  const scout: Scout = new Scout(() => caller)
  const caller: Caller = new Caller({
    endpoints,
    token: options.token,
    openSocket: transport === undefined ? openSocket : undefined,
    http: typeof transport === 'function' ? transport : http,
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    maxInFlight: options.maxInFlight ?? IN_FLIGHT_MAX,
    meta: {
      ...(correlationId !== undefined && { correlationId }),
      ...(consistency !== undefined && { consistency }),
    },
    session: session === true ? {} : session === false ? undefined : session,
    attempts: options.attempts,
    failFast: options.failFast,
    random: Math.random,
    onRetry: options.onRetry,
    ...(discover && { onAnswer: scout.answered }),
  })
  return caller
}
