/** Servers on free ports of 127.0.0.1, and the plainest clients for them. */
import { request } from 'node:http'
import { connect } from 'node:net'
import { afterEach } from 'vitest'
import { WebSocket } from 'ws'
import { createRpcServer, type RpcServer, type RpcServerOptions } from '../../src/rpc/server.ts'
import { FakeNode } from './fake-node.ts'

export interface Running {
  readonly node: FakeNode
  readonly server: RpcServer
  readonly url: string
  readonly port: number
}

const ending: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

export async function serve(options: Partial<RpcServerOptions> = {}): Promise<Running> {
  const node = new FakeNode()
  const limits = { stopTimeoutMs: 200, bookmarkMs: 3_600_000, ...options.limits }
  const server = createRpcServer({ node, listen: '127.0.0.1:0', ...options, limits })
  const { url } = await server.start()
  ending.push(() => server.stop())
  return { node, server, url, port: Number(new URL(url).port) }
}

export interface Got {
  readonly status: number
  readonly text: string
  readonly headers: Readonly<Record<string, unknown>>
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  readonly json: any
}

export interface Asked {
  readonly method?: string
  readonly path?: string
  readonly body?: string | Buffer
  readonly headers?: Record<string, string | undefined>
}

export function ask(url: string, asked: Asked): Promise<Got> {
  const { method = 'POST', path = '/rpc', body = '' } = asked
  const given = { 'content-type': 'application/json', ...asked.headers }
  const headers = Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined))
  return new Promise((resolve, reject) => {
    const req = request(url + path, { method, headers, agent: false }, res => {
      const parts: Buffer[] = []
      res.on('data', part => parts.push(part))
      res.on('end', () => {
        const text = Buffer.concat(parts).toString()
        resolve({ status: res.statusCode ?? 0, text, headers: res.headers, json: parsed(text) })
      })
    })
    req.on('error', reject)
    req.end(body)
  })
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
export function parsed(text: string): any {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

export const post = (url: string, body: unknown): Promise<Got> =>
  ask(url, {
    body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  })

/** The answer to one call. */
export async function call(url: string, method: string, params?: unknown) {
  const { json } = await post(url, { jsonrpc: '2.0', id: 1, method, params })
  return json
}

export class Client {
  readonly ws: WebSocket
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  readonly got: any[] = []
  #wake = () => {}

  private constructor(ws: WebSocket) {
    this.ws = ws
    ws.on('message', data => {
      this.got.push(JSON.parse(String(data)))
      this.#wake()
    })
  }

  static open(url: string, headers: Record<string, string> = {}): Promise<Client> {
    const ws = new WebSocket(`${url.replace('http', 'ws')}/rpc`, { headers })
    const client = new Client(ws)
    ending.push(() => ws.terminate())
    return new Promise((resolve, reject) => {
      ws.once('open', () => resolve(client))
      ws.once('error', reject)
    })
  }

  send(message: unknown): void {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  async until(good: (got: any[]) => boolean): Promise<any[]> {
    while (!good(this.got)) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    return this.got
  }

  /** The answer to one call, events left aside. */
  async call(method: string, params?: unknown) {
    const id = `c${++this.#calls}`
    this.send({ jsonrpc: '2.0', id, method, params })
    await this.until(got => got.some(message => message.id === id))
    return this.got.find(message => message.id === id)
  }
  #calls = 0

  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  get events(): any[] {
    return this.got.filter(message => message.method === 'sub.event').map(m => m.params)
  }

  async untilEvents(count: number) {
    await this.until(() => this.events.length >= count)
    return this.events
  }
}

/** Raw bytes over a socket; what came back until it was closed. */
export function raw(port: number, bytes: string): Promise<string> {
  return new Promise(resolve => {
    let back = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.on('data', data => {
      back += String(data)
    })
    socket.on('close', () => resolve(back))
    socket.on('error', () => {})
  })
}
