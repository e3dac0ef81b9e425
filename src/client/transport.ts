/** One HTTP request and its answer. The client does not care who carries it. */
import { onAbort } from './abort.ts'
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
export const fetchTransport: Transport = async ({ endpoint, body, headers, timeoutMs, signal }) => {
  if (signal?.aborted) throw aborted('none', signal)
  const ended = new AbortController()
  const stop = (): void => ended.abort()
  const timer = setTimeout(stop, timeoutMs)
  const release = onAbort(signal, stop)
  try {
    // A daemon never redirects; what does is not to be sent the call and its token.
    const how = { method: 'POST', body, headers, redirect: 'manual', signal: ended.signal } as const
    const response = await fetch(`${endpoint}/rpc`, how)
    return { status: response.status, text: await response.text() }
  } catch (error) {
    if (signal?.aborted) throw aborted('unknown', signal)
    if (ended.signal.aborted) throw noAnswer(endpoint, timeoutMs)
    throw networkError(endpoint, (error as { cause?: unknown }).cause ?? error)
  } finally {
    clearTimeout(timer)
    release()
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
