/** What a caller sees of a failed call. The daemon's table of names is docs/rpc.md. */
import type { Outcome } from '../base/errors.ts'
import { isObject } from '../base/json.ts'

/** Names that only a client can give: no answer was read. */
export const UNREACHABLE = 'UNREACHABLE'
export const CONNECTION_LOST = 'CONNECTION_LOST'
export const NOT_VIEWSTAMP = 'NOT_VIEWSTAMP'
export const ABORTED = 'ABORTED'
export const CLOSED = 'CLOSED'

export interface ErrorFacts {
  readonly code: number
  /** Stable; programs compare it. */
  readonly name: string
  /** What happened to the write: not done · perhaps done · done. */
  readonly outcome: Outcome
  readonly retryable: boolean
  readonly retryAfterMs?: number | undefined
  readonly data?: Readonly<Record<string, unknown>> | undefined
  readonly cause?: unknown
}

export class ViewstampError extends Error {
  override readonly name: string
  readonly code: number
  readonly outcome: Outcome
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  /** The whole `data` member of the JSON-RPC error. */
  readonly data: Readonly<Record<string, unknown>>

  constructor(message: string, facts: ErrorFacts) {
    super(message, { cause: facts.cause })
    this.name = facts.name
    this.code = facts.code
    this.outcome = facts.outcome
    this.retryable = facts.retryable
    this.retryAfterMs = facts.retryAfterMs
    this.data = facts.data ?? {}
  }
}

/** The `error` member of an answer. An outcome that is missing is `unknown`: never hope. */
export function fromAnswer(error: unknown): ViewstampError {
  const { code, message, data } = isObject(error) ? error : {}
  const facts = isObject(data) ? data : {}
  const { name, outcome, retryable, retryAfterMs } = facts
  return new ViewstampError(typeof message === 'string' ? message : 'an error without a message', {
    code: typeof code === 'number' ? code : -32603,
    name: typeof name === 'string' ? name : 'INTERNAL',
    outcome: outcome === 'none' || outcome === 'applied' ? outcome : 'unknown',
    retryable: retryable === true,
    retryAfterMs: typeof retryAfterMs === 'number' ? retryAfterMs : undefined,
    data: facts,
  })
}

export function unreachable(endpoint: string, cause: unknown): ViewstampError {
  return new ViewstampError(`${endpoint} cannot be reached: is the daemon running?`, {
    code: -32099,
    name: UNREACHABLE,
    outcome: 'none',
    retryable: true,
    cause,
  })
}

/** The request may have arrived; the answer did not. */
export function connectionLost(endpoint: string, cause: unknown): ViewstampError {
  return new ViewstampError(`the connection to ${endpoint} was lost before the answer came`, {
    code: -32098,
    name: CONNECTION_LOST,
    outcome: 'unknown',
    retryable: true,
    cause,
  })
}

export function noAnswer(endpoint: string, timeoutMs: number): ViewstampError {
  return new ViewstampError(`${endpoint} did not answer within ${Math.round(timeoutMs)} ms`, {
    code: -32003,
    name: 'TIMEOUT',
    outcome: 'unknown',
    retryable: true,
  })
}

/** Nothing was sent: the time ran out before. With more of it, it may be. */
export function notSent(message: string, cause?: unknown): ViewstampError {
  return new ViewstampError(message, {
    code: -32003,
    name: 'TIMEOUT',
    outcome: 'none',
    retryable: true,
    cause,
  })
}

/** The caller's signal ended it; its reason is the cause. */
export function aborted(outcome: Outcome, signal: AbortSignal): ViewstampError {
  return new ViewstampError('the call was aborted by its signal', {
    code: -32096,
    name: ABORTED,
    outcome,
    retryable: false,
    cause: signal.reason,
  })
}

export function clientClosed(outcome: Outcome): ViewstampError {
  return new ViewstampError('the client is closed: connect again', {
    code: -32095,
    name: CLOSED,
    outcome,
    retryable: false,
  })
}

/** This client's own bound, not the daemon's. */
export function crowded(limit: number): ViewstampError {
  const message = `${limit} calls of this client wait already: wait for some of them`
  return new ViewstampError(message, {
    code: -32005,
    name: 'OVERLOADED',
    outcome: 'none',
    retryable: true,
    data: { limit },
  })
}

export function withOutcome(error: ViewstampError, outcome: Outcome): ViewstampError {
  if (error.outcome === outcome) return error
  const { name, code, retryable, retryAfterMs, data, cause } = error
  const facts = { name, code, retryable, retryAfterMs, cause, data: { ...data, outcome } }
  return new ViewstampError(error.message, { ...facts, outcome })
}

/** An HTTP answer that is no JSON-RPC: named by its status where that says enough. */
export function fromStatus(endpoint: string, status: number): ViewstampError {
  // A proxy that lost the daemon, or never had it: it does not say which.
  if (status >= 500) return connectionLost(endpoint, new Error(`HTTP ${status}`))
  const known: Readonly<Record<number, readonly [number, string, string]>> = {
    401: [-32008, 'UNAUTHENTICATED', 'asks for a token: give --token-file or options.token'],
    403: [-32009, 'FORBIDDEN', 'does not allow this call'],
    413: [-32006, 'TOO_LARGE', 'refused the request as too large'],
  }
  const [code, name, what] = known[status] ?? [
    -32097,
    NOT_VIEWSTAMP,
    `answered HTTP ${status} and no JSON-RPC: is it the RPC port of a Viewstamp daemon?`,
  ]
  // What is said to be done, and cannot be read, may be done: an answer that was cut, for one.
  const isRefusal = status >= 300 || status === 0
  return new ViewstampError(`${endpoint} ${what}`, {
    code,
    name,
    outcome: isRefusal ? 'none' : 'unknown',
    retryable: false,
    data: { status },
  })
}
