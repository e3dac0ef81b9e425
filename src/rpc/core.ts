/**
 * JSON-RPC 2.0 (https://www.jsonrpc.org/specification), from the bytes of one message to the text of
 * its answer. Knows nothing of transports. An answer that needs no waiting is given at once, so that a
 * caller may rely on it being sent before anything that happens later.
 */
import { ERRORS, ViewstampError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { callHead } from './call-head.ts'
import { decode } from './decode.ts'
import { errorObject, known, type RpcLog } from './errors.ts'
import { Headed } from './headed.ts'
import type { RpcLimits } from './limits.ts'
import type { Caller, Method } from './method.ts'
import { invoke } from './method.ts'
import type { RpcMetrics } from './metrics.ts'

const OVERLOADED = ERRORS.OVERLOADED.code

/** Text of the answer; undefined: there is none to give. */
type Reply = string | undefined

export interface CoreOptions {
  readonly methods: ReadonlyMap<string, Method>
  readonly limits: Pick<RpcLimits, 'depth' | 'batch' | 'inFlight'>
  readonly log: RpcLog
  readonly metrics: RpcMetrics
}

export class Core {
  readonly methods: ReadonlyMap<string, Method>
  readonly #limits: CoreOptions['limits']
  readonly #log: RpcLog
  readonly #metrics: RpcMetrics
  /** 0 ≤ inFlight: calls whose answer is awaited. */
  #inFlight = 0
  #waiting: (() => void)[] = []
  /** Made once: who has too much to do must be able to say so in next to no time. */
  readonly #fullBody: string

  constructor(options: CoreOptions) {
    this.methods = options.methods
    this.#limits = options.limits
    this.#log = options.log
    this.#metrics = options.metrics
    const { inFlight } = options.limits
    const sentence = `the node is answering ${inFlight} calls, its limit: send this one again later`
    const full = new ViewstampError('OVERLOADED', sentence, { limit: inFlight, retryAfterMs: 100 })
    this.#fullBody = JSON.stringify(errorObject(full, undefined))
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Resolves when no call is under way. */
  idle(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve()
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  /** Never throws, never rejects. */
  handle(bytes: Buffer, caller: Caller): Reply | Promise<Reply> {
    const refused = this.#room(1) ? undefined : this.#fullByHead(bytes)
    if (refused !== undefined) return refused
    let message: unknown
    try {
      message = decode(bytes, this.#limits)
    } catch (error) {
      return this.#refused(error)
    }
    if (!Array.isArray(message)) return this.#single(message, caller)
    if (message.length === 0) return this.#refused(invalidRequest('a batch must not be empty'))
    return this.#batch(message, caller)
  }

  #single(request: unknown, caller: Caller): Reply | Promise<Reply> {
    const method = this.#find(request)
    if (method !== undefined && method.kind !== 'free' && !this.#room(1)) return this.#full(request)
    return this.#call(request, caller)
  }

  /**
   * In order: a run of writes is handed over one after the other without waiting, and the node keeps
   * that order; where reads meet writes, the earlier ones are waited for, so that a read sees the
   * writes before it and none behind it.
   */
  async #batch(requests: readonly unknown[], caller: Caller): Promise<Reply> {
    const full = !this.#room(requests.length)
    const replies: (Reply | Promise<Reply>)[] = []
    let running: Promise<Reply>[] = []
    let runningKind: 'write' | 'read' | undefined
    for (const request of requests) {
      const kind = this.#find(request)?.kind ?? 'free'
      if (full && kind !== 'free') {
        replies.push(this.#full(request))
        continue
      }
      if (kind !== 'free') {
        if (runningKind !== kind && running.length > 0) await Promise.all(running)
        if (runningKind !== kind) running = []
        runningKind = kind
      }
      const reply = this.#call(request, caller)
      replies.push(reply)
      if (kind !== 'free' && reply instanceof Promise) running.push(reply)
    }
    const texts = (await Promise.all(replies)).filter(text => text !== undefined)
    return texts.length === 0 ? undefined : `[${texts.join(',')}]`
  }

  #find(request: unknown): Method | undefined {
    if (!isObject(request)) return undefined
    const name = request['method']
    return typeof name === 'string' ? this.methods.get(name) : undefined
  }

  /** A batch larger than the limit itself is let in when nothing else is under way. */
  #room(calls: number): boolean {
    return this.#inFlight + calls <= this.#limits.inFlight || this.#inFlight === 0
  }

  #call(request: unknown, caller: Caller): Reply | Promise<Reply> {
    const wrong = wrongRequest(request)
    if (wrong !== undefined) return this.#refused(invalidRequest(wrong), answerableId(request))
    const { id, method: name, params } = request as ValidRequest
    const method = this.methods.get(name)
    if (method === undefined) {
      this.#metrics.unknownMethod()
      return id === undefined ? undefined : failure(id, unknownMethod(name))
    }
    const startedMs = performance.now()
    try {
      const result = invoke(method, params, caller)
      if (result instanceof Promise) return this.#awaited(result, method, id, startedMs)
      return this.#succeeded(result, method, id, startedMs)
    } catch (error) {
      return this.#failed(error, method, id, startedMs)
    }
  }

  #awaited(result: Promise<unknown>, method: Method, id: Id, startedMs: number): Promise<Reply> {
    this.#inFlight++
    return result.then(
      value => {
        this.#left()
        return this.#told(value, method, id, startedMs)
      },
      (error: unknown) => {
        this.#left()
        return this.#failed(error, method, id, startedMs)
      },
    )
  }

  #left(): void {
    this.#inFlight--
    if (this.#inFlight === 0) for (const tell of this.#waiting.splice(0)) tell()
  }

  /** What cannot be put into words is a failure too. */
  #told(result: unknown, method: Method, id: Id, startedMs: number): Reply {
    try {
      return this.#succeeded(result, method, id, startedMs)
    } catch (error) {
      return this.#failed(error, method, id, startedMs)
    }
  }

  #succeeded(result: unknown, method: Method, id: Id, startedMs: number): Reply {
    this.#metrics.called(method.name, 'ok', performance.now() - startedMs)
    if (id === undefined) return undefined
    const text = result instanceof Headed ? result.text : JSON.stringify(result ?? null)
    return `{"jsonrpc":"2.0","id":${idText(id)},"result":${text}}`
  }

  #failed(error: unknown, method: Method, id: Id, startedMs: number): Reply {
    const told = known(error, method.name, method.kind, this.#log)
    this.#metrics.called(method.name, told.code, performance.now() - startedMs)
    if (id === undefined) return undefined
    return failureText(idText(id), JSON.stringify(errorObject(told, method.kind)))
  }

  #full(request: unknown): Reply {
    const wrong = wrongRequest(request)
    if (wrong !== undefined) return this.#refused(invalidRequest(wrong), answerableId(request))
    const { id, method } = request as ValidRequest
    this.#metrics.called(method, OVERLOADED, 0)
    return id === undefined ? undefined : failureText(idText(id), this.#fullBody)
  }

  /** undefined: it must be read whole to know whether and how it is refused. */
  #fullByHead(bytes: Buffer): Reply {
    const head = callHead(bytes)
    if (head === undefined) return undefined
    const method = this.methods.get(head.method)
    if (method === undefined || method.kind === 'free') return undefined
    this.#metrics.called(head.method, OVERLOADED, 0)
    return failureText(head.id, this.#fullBody)
  }

  #refused(error: unknown, id: string | number | null = null): string {
    return failure(id, known(error, 'decode', 'free', this.#log))
  }
}

/** undefined: a notification. */
type Id = string | number | null | undefined

interface ValidRequest {
  readonly id: Id
  readonly method: string
  readonly params: unknown
}

/** What keeps it from being a request, as a sentence. §4 of the specification */
function wrongRequest(request: unknown): string | undefined {
  if (!isObject(request)) return 'a call must be an object with jsonrpc, method and id'
  if (request['jsonrpc'] !== '2.0') return 'the member jsonrpc must be "2.0"'
  if (!isId(request['id'])) return 'the member id must be a string, a number or null'
  if (typeof request['method'] !== 'string') return 'the member method must be a string'
  const params = request['params']
  if (params !== undefined && typeof params !== 'object') {
    return 'the member params must be an object or an array'
  }
  return undefined
}

function isId(id: unknown): id is Id {
  return (
    id === undefined ||
    id === null ||
    typeof id === 'string' ||
    (typeof id === 'number' && Number.isFinite(id))
  )
}

/** The id of a request that is wrong otherwise, if it can be told. */
function answerableId(request: unknown): string | number | null {
  if (!isObject(request)) return null
  const id = request['id']
  return isId(id) ? (id ?? null) : null
}

function idText(id: string | number | null): string {
  return typeof id === 'string' ? JSON.stringify(id) : String(id)
}

function failure(id: string | number | null, error: ViewstampError): string {
  return failureText(idText(id), JSON.stringify(errorObject(error, undefined)))
}

/** Both are JSON. */
function failureText(id: string, error: string): string {
  return `{"jsonrpc":"2.0","id":${id},"error":${error}}`
}

function invalidRequest(sentence: string): ViewstampError {
  return new ViewstampError('INVALID_REQUEST', sentence)
}

export function unknownMethod(name: string): ViewstampError {
  const shown = JSON.stringify(name.slice(0, 64))
  const sentence = `there is no method ${shown}: rpc.discover lists all`
  return new ViewstampError('METHOD_NOT_FOUND', sentence)
}
