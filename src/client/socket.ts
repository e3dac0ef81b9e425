/** A WebSocket to a daemon, as the client sees it. */

export interface Socket {
  send(text: string): void
  /** At once; `close` of the events follows. */
  close(): void
  /** Stops reading; what is not read stays with the daemon. Browsers cannot. */
  pause?(): void
  resume?(): void
  /** False: this connection alone does not keep the process running. */
  hold?(busy: boolean): void
}

export interface SocketEvents {
  open(): void
  message(text: string): void
  /** Once, also when the connection never came about. */
  close(reason: string): void
}

/** Resolves before the socket is open, so that no event is missed. Rejects where there are no WebSockets. */
export type OpenSocket = (
  endpoint: string,
  token: string | undefined,
  events: SocketEvents,
) => Promise<Socket>

export const urlOf = (endpoint: string): string => `${endpoint.replace(/^http/, 'ws')}/rpc`

/** A daemon sends objects only; undefined: something else. */
export function parseMessage(text: string): Record<string, unknown> | undefined {
  try {
    const message: unknown = JSON.parse(text)
    const isObject = typeof message === 'object' && message !== null && !Array.isArray(message)
    return isObject ? (message as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
