/** WebSockets at /rpc: the same methods, and subscriptions. */
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { Connection, type ConnectionOptions } from './connection.ts'
import { type Guard, type Refusal, refusal } from './guard.ts'
import { notFound, refusalText } from './http.ts'

export interface SocketOptions extends Omit<ConnectionOptions, 'stays'> {
  readonly guard: Guard
  readonly stopping: () => boolean
}

export class SocketFront {
  readonly #options: SocketOptions
  readonly #server: WebSocketServer
  readonly #connections = new Set<Connection>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: SocketOptions) {
    this.#options = options
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: options.limits.bodyBytes,
      // Compressed bombs, and 300 kB of memory for each connection, for nothing on a local network.
      perMessageDeflate: false,
      // The core answers what is not UTF-8 with a parse error; `ws` would cut the connection.
      skipUTF8Validation: true,
    })
  }

  start(): void {
    this.#timer = setInterval(() => this.tick(), this.#options.limits.bookmarkMs)
    this.#timer.unref()
  }

  readonly upgrade = (req: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // Who goes away while being refused is no news; `ws` puts its own handler on those it takes.
    socket.on('error', () => socket.destroy())
    const refused = this.#refusalOf(req)
    if (refused !== undefined) return refuse(socket, refused)
    this.#server.handleUpgrade(req, socket, head, ws => {
      const stays = this.#options.guard.stays(req.headers)
      const connection = new Connection(ws, socket, { ...this.#options, stays })
      this.#connections.add(connection)
      ws.on('close', () => this.#connections.delete(connection))
    })
  }

  /** Pings and bookmarks. */
  tick(): void {
    for (const connection of this.#connections) connection.tick()
  }

  closeAll(): void {
    clearInterval(this.#timer)
    for (const connection of this.#connections) connection.close()
  }

  terminateAll(): void {
    for (const connection of this.#connections) connection.terminate()
  }

  #refusalOf(req: IncomingMessage): Refusal | undefined {
    const { guard, stopping } = this.#options
    const path = req.url?.split('?', 1)[0] ?? ''
    const refused =
      guard.check(req.headers, 'program') ?? (path === '/rpc' ? undefined : notFound(path))
    if (refused !== undefined) return refused
    if (req.headers.upgrade?.toLowerCase() !== 'websocket') {
      return refusal(400, 'INVALID_REQUEST', 'only websocket can be upgraded to: use HTTP/1.1')
    }
    if (stopping()) return refusal(503, 'SHUTTING_DOWN', 'this node is shutting down')
    return guard.checkToken(req.headers)
  }
}

function refuse(socket: Duplex, refused: Refusal): void {
  const body = refusalText(refused)
  const headers = {
    connection: 'close',
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...refused.headers,
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  const status = `HTTP/1.1 ${refused.status} ${STATUS_CODES[refused.status] ?? ''}`
  socket.end(`${[status, ...lines].join('\r\n')}\r\n\r\n${body}`)
}
