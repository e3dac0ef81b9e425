/** One HTTP request and its answer. The client does not care who carries it. */
import { aborted, connectionLost, noAnswer, unreachable } from './error.ts'

export interface HttpRequest {
  readonly endpoint: string
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}
export interface HttpAnswer {
  readonly status: number
  readonly text: string
}
/** Rejects with the ViewstampError that says whether the request may have arrived. */
export type Transport = (request: HttpRequest) => Promise<HttpAnswer>

/** For browsers and for Node programs that have fetch loaded anyway. */
export const fetchTransport: Transport = async request => {
  if (request.signal?.aborted) throw aborted('none', request.signal)
  const timeout = AbortSignal.timeout(request.timeoutMs)
  const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout
  try {
    const { body, headers, endpoint } = request
    const response = await fetch(`${endpoint}/rpc`, { method: 'POST', body, headers, signal })
    return { status: response.status, text: await response.text() }
  } catch (error) {
    if (request.signal?.aborted) throw aborted('unknown', request.signal)
    if (timeout.aborted) throw noAnswer(request.endpoint, request.timeoutMs)
    throw networkError(request.endpoint, (error as { cause?: unknown }).cause ?? error)
  }
}

/** Only these say that no byte of the request can have been read. A browser never says. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
])

export function networkError(endpoint: string, error: unknown): Error {
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' && NEVER_SENT.has(code)
    ? unreachable(endpoint, error)
    : connectionLost(endpoint, error)
}
