/** A JSON-RPC server that answers what a test says, and remembers what it was asked. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

type Params = Record<string, unknown>
type Answer = { readonly result: unknown } | { readonly error: unknown } | 'hang' | 'hang up'

export class FakeDaemon {
  readonly calls: { readonly method: string; readonly params: Params }[] = []
  readonly answers = new Map<string, (params: Params) => Answer>()
  /** Called with each subscription; sends events with `push`. */
  onSubscribe: (params: Params, push: (event: object) => void, socket: WebSocket) => void = () => {}
  token: string | undefined
  ready = true
  readonly #server: Server
  readonly #sockets = new WebSocketServer({ noServer: true })

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<FakeDaemon> {
    const server = createServer()
    const daemon = new FakeDaemon(server)
    server.on('request', (request, response) => {
      if (request.url === '/readyz') {
        response.statusCode = daemon.ready ? 200 : 503
        response.end('{}')
        return
      }
      let body = ''
      request.setEncoding('utf8')
      request.on('data', part => {
        body += part
      })
      request.on('end', () => {
        daemon.token = request.headers.authorization
        const { id, method, params } = JSON.parse(body)
        const answer = daemon.#answer(method, params)
        if (answer === 'hang') return
        if (answer === 'hang up') {
          request.socket.destroy()
          return
        }
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
      })
    })
    server.on('upgrade', (request, socket, head) => {
      daemon.#sockets.handleUpgrade(request, socket, head, each => daemon.#serve(each))
    })
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    return daemon
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  result(method: string, result: unknown): void {
    this.answers.set(method, () => ({ result }))
  }

  error(method: string, code: number, name: string, data: object = {}): void {
    const facts = { name, retryable: false, outcome: 'none', ...data }
    this.answers.set(method, () => ({ error: { code, message: `${name} it is`, data: facts } }))
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate()
    this.#server.closeAllConnections()
    await new Promise(done => this.#server.close(done))
  }

  #answer(method: string, params: Params): Answer {
    this.calls.push({ method, params })
    const answer = this.answers.get(method)
    if (answer !== undefined) return answer(params)
    const data = { name: 'METHOD_NOT_FOUND', retryable: false, outcome: 'none' }
    return { error: { code: -32601, message: `there is no method ${method}`, data } }
  }

  #serve(socket: WebSocket): void {
    socket.on('message', data => {
      const { id, method, params } = JSON.parse(String(data))
      const answer = this.#answer(method, params)
      socket.send(JSON.stringify({ jsonrpc: '2.0', id, ...(answer as object) }))
      const push = (event: object): void => {
        socket.send(JSON.stringify({ jsonrpc: '2.0', method: 'sub.event', params: event }))
      }
      this.onSubscribe(params, push, socket)
    })
  }
}

/** The header that goes with every result. */
export const HEADER = {
  cluster: 'demo',
  node: 'n1',
  shard: 'main',
  epoch: 0,
  view: 3,
  op: 17,
  commit: 17,
  primary: 'n1',
  timeMs: 1_700_000_000_000,
}
