/**
 * A call from its parameters to its result: through any endpoint, the next when one fails, again as far as that
 * is safe (retry.ts), within its time, with what the client adds to `meta`.
 */
import { isObject, type JsonObject } from '../base/json.ts'
import { Carrier, type CarrierOptions } from './carrier.ts'
import { Endpoints } from './endpoints.ts'
import { aborted, clientClosed, notSent, ViewstampError } from './error.ts'
import { type Budget, Gate, within } from './gate.ts'
import { META, type Meta, READS, WRITES } from './methods/index.ts'
import { pause } from './pause.ts'
import { movesOn, type Repeat, Turn } from './retry.ts'
import { Revs } from './revs.ts'
import { type Open, type SessionOptions, type Ticket, WriteSession } from './write-session.ts'

/** Members of `meta`, and a signal that ends the call. */
export interface CallOptions extends Meta {
  readonly signal?: AbortSignal | undefined
}

export interface CallerOptions extends CarrierOptions {
  readonly endpoints: readonly string[]
  readonly timeoutMs: number
  readonly maxInFlight: number
  readonly meta: Meta
  /** Undefined: writes have no session, and are not repeated once they may have been done. */
  readonly session: SessionOptions | undefined
  readonly attempts: number | undefined
  readonly failFast: boolean | undefined
  readonly random: () => number
  readonly onRetry: ((endpoint: string, error: ViewstampError) => void) | undefined
  /** Told of each endpoint that answers, and of each failure. */
  readonly onAnswer?: ((endpoint: string) => void) | undefined
}

const WAITING_MAX = 10_000
const LATE = 'no node told in time how many shards there are'
/** A session opened twice is one that nobody uses; kept or closed twice, it is the same. */
const OF_SESSIONS = /^session\./
/** It may wait for long, and other numbers of the session would wait with it; leases come back by themselves. */
const FETCH = 'group.fetch'
/** Many writes, of which no number counts: what was perhaps done is for the caller to look at. */
const IMPORT = 'kv.import'
/** What a daemon may be asked to take at most (meta.timeoutMs). */
const ASKED_MS_MAX = 600_000
/** The last words to a session are not waited for longer. */
const FAREWELL_MS = 1_000
/** Timers count no further. */
const TIMEOUT_MS_MAX = 2_000_000_000

export class Caller {
  readonly endpoints: Endpoints
  readonly #options: CallerOptions
  readonly #carrier: Carrier
  readonly #gate: Gate<true>
  readonly #session: WriteSession | undefined
  readonly #revs = new Revs()
  #shards: Promise<number> | undefined
  #inFlight = 0
  #closing: Promise<void> | undefined
  #closed = false

  constructor(options: CallerOptions) {
    this.#options = options
    this.endpoints = new Endpoints(options.endpoints)
    this.#carrier = new Carrier(options)
    this.#gate = new Gate(() => this.#place(), WAITING_MAX)
    const open = (ttlMs: number, until: number): Open => {
      // Others may wait for it, too.
      const deadline = Math.max(until, this.#budget({}).deadline)
      const asked = { deadline, signal: undefined }
      const answer = this.#attempts('session.open', { ttlMs }, asked, 'read')
      return { deadline, session: answer.then(({ session }) => String(session)) }
    }
    if (options.session) this.#session = new WriteSession(open, options.session)
  }

  async call(
    method: string,
    params: JsonObject = {},
    options: CallOptions = {},
  ): Promise<JsonObject> {
    if (this.#closing) throw clientClosed('none')
    const meta = this.#metaOf(params, options)
    const { timeoutMs = meta.timeoutMs, signal } = options
    if (signal?.aborted) throw aborted('none', signal)
    const budget = this.#budget({ timeoutMs, signal })
    const isPlain = OF_SESSIONS.test(method) || method === FETCH || method === IMPORT
    if (!this.#session || !WRITES.has(method) || isPlain || isNumbered(meta)) {
      return this.#placed(method, params, meta, budget)
    }
    const ticket = await this.#session.ticket(budget)
    return this.#withTicket(method, { ...params, meta }, budget, ticket)
  }

  /** Ends what is under way; the session, too. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const session = this.#session?.id
    if (session !== undefined) await this.#farewell(session)
    this.#closed = true
    this.#gate.close()
    this.#session?.close()
    this.#carrier.close()
  }

  async #withTicket(
    method: string,
    params: JsonObject & { readonly meta: Meta },
    budget: Budget,
    { session, seq, done }: Ticket,
  ): Promise<JsonObject> {
    try {
      return await this.#placed(method, params, { ...params.meta, session, seq }, budget)
    } catch (error) {
      const isLost = error instanceof ViewstampError && error.name === 'SESSION_EVICTED'
      if (isLost) this.#session?.lost(session)
      throw error
    } finally {
      done()
    }
  }

  /** One of the calls under way. */
  async #placed(
    method: string,
    params: JsonObject,
    given: Meta,
    budget: Budget,
  ): Promise<JsonObject> {
    await this.#gate.enter(budget)
    try {
      const isRead = READS.has(method)
      const meta = isRead ? await this.#readMeta(given, budget) : given
      const isSafe = isNumbered(meta) || OF_SESSIONS.test(method)
      const repeat = isRead ? 'read' : isSafe && method !== IMPORT ? 'numbered' : 'plain'
      const result = await this.#attempts(method, { ...params, meta }, budget, repeat)
      this.#revs.note(result)
      return result
    } finally {
      this.#inFlight--
      this.#gate.opened()
    }
  }

  async #attempts(
    method: string,
    params: JsonObject,
    { deadline, signal }: Budget,
    repeat: Repeat,
  ): Promise<JsonObject> {
    const { attempts: attemptsMax, failFast, random, onRetry, onAnswer } = this.#options
    const endpoints = (): number => this.endpoints.list.length
    const turn = new Turn({ repeat, endpoints, attemptsMax, failFast, random })
    for (;;) {
      if (this.#closed) throw turn.told(clientClosed('none'))
      const endpoint = this.endpoints.current
      if (signal?.aborted) throw turn.told(aborted('none', signal))
      const left = deadline - performance.now()
      if (left <= 0) throw turn.told(notSent('the time was over before the call could be sent'))
      const timeoutMs = turn.attemptMs(left)
      const openMs = turn.openMs(left)
      try {
        const meta = { timeoutMs: Math.min(timeoutMs, ASKED_MS_MAX), ...(params['meta'] as Meta) }
        const attempt = { method, params: { ...params, meta }, openMs, timeoutMs, signal }
        const result = await this.#carrier.send(endpoint, attempt)
        onAnswer?.(endpoint)
        return result
      } catch (error) {
        if (!(error instanceof ViewstampError)) throw error
        const waitMs = turn.failed(error)
        const told = turn.told(error)
        onRetry?.(endpoint, told)
        if (movesOn(error)) this.endpoints.moveFrom(endpoint)
        if (waitMs === undefined || performance.now() + waitMs >= deadline) throw told
        if (waitMs === 0) continue
        await pause(waitMs, signal).catch(() => {
          throw turn.told(aborted('none', signal as AbortSignal))
        })
      }
    }
  }

  #place(): true | undefined {
    if (this.#closed || this.#inFlight >= this.#options.maxInFlight) return undefined
    this.#inFlight++
    return true
  }

  #budget(given: { timeoutMs?: number | undefined; signal?: AbortSignal | undefined }): Budget {
    if (this.#closed) throw clientClosed('none')
    const { timeoutMs = this.#options.timeoutMs, signal } = given
    if (!(timeoutMs >= 0)) {
      throw new TypeError(`timeoutMs must be milliseconds, not ${timeoutMs}`)
    }
    return { deadline: performance.now() + Math.min(timeoutMs, TIMEOUT_MS_MAX), signal }
  }

  /** The client's, the call's, and what is written into the parameters: the last is strongest. */
  #metaOf(params: JsonObject, options: CallOptions): Meta {
    const meta: Record<string, unknown> = { ...this.#options.meta }
    for (const [name, value] of Object.entries(options)) {
      if (META.has(name) && name !== 'timeoutMs' && value !== undefined) meta[name] = value
    }
    return { ...meta, ...(isObject(params['meta']) ? params['meta'] : {}) }
  }

  /** A `session` read waits for what this client has seen, if it can be said which shard is asked. */
  async #readMeta(meta: Meta, budget: Budget): Promise<Meta> {
    if (meta.consistency !== 'session' || meta.minRev !== undefined) return meta
    const isOne = meta.shard !== undefined || (await within(this.#shardCount(), budget, LATE)) === 1
    if (isOne) return { ...meta, minRev: this.#revs.of(meta.shard) }
    // Which shard a key is in only the cluster knows: the stronger read is right in any of them.
    return { ...meta, consistency: 'linearizable' }
  }

  #shardCount(): Promise<number> {
    const budget = this.#budget({})
    this.#shards ??= this.#attempts('cluster.members', {}, budget, 'read').then(
      ({ shards }) => Number(shards),
      (error: unknown) => {
        this.#shards = undefined
        throw error
      },
    )
    return this.#shards
  }

  async #farewell(session: string): Promise<void> {
    const budget = this.#budget({ timeoutMs: FAREWELL_MS })
    try {
      await this.#attempts('session.close', { session }, budget, 'numbered')
    } catch (error) {
      // What could not be closed ends by its time to live.
      if (!(error instanceof ViewstampError)) throw error
    }
  }
}

const isNumbered = ({ session, seq }: Meta): boolean => session !== undefined && seq !== undefined
