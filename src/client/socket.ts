/** A WebSocket to a daemon: the platform's own if it has one, the package `ws` in Node 20. */

export interface Socket {
  send(text: string): void
  close(): void
}
export interface SocketEvents {
  open(): void
  message(text: string): void
  /** Once, also when the connection never came about. */
  close(reason: string): void
}

/** Resolves before the socket is open, so that no event is missed. */
export async function openSocket(
  endpoint: string,
  token: string | undefined,
  events: SocketEvents,
): Promise<Socket> {
  const url = `${endpoint.replace(/^http/, 'ws')}/rpc`
  const socket = await create(url, token)
  let reason = 'the connection was closed'
  socket.addEventListener('open', () => events.open())
  socket.addEventListener('message', event => events.message(String(event.data)))
  socket.addEventListener('error', event => {
    const message = (event as { message?: unknown }).message
    if (typeof message === 'string' && message !== '') reason = message
  })
  socket.addEventListener('close', () => events.close(reason))
  return { send: text => socket.send(text), close: () => socket.close() }
}

/** Browsers cannot set headers on an upgrade; Node's own WebSocket and `ws` take them as an option. */
async function create(url: string, token: string | undefined): Promise<WebSocket> {
  const headers = token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }
  const native = globalThis.WebSocket as unknown as
    | (new (
        url: string,
        options?: object,
      ) => WebSocket)
    | undefined
  if (native !== undefined) return token === undefined ? new native(url) : new native(url, headers)
  const { WebSocket: Packaged } = await import('ws')
  return new Packaged(url, { ...headers, perMessageDeflate: false }) as unknown as WebSocket
}
