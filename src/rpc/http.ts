/** POST /rpc and everything else that HTTP asks for. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { NodeApi } from '../node/api.ts'
import type { Core } from './core.ts'
import { checkContentType, type Guard, type Refusal, refusal } from './guard.ts'
import type { RpcLimits } from './limits.ts'
import type { Caller } from './method.ts'
import type { Page, Pages } from './pages.ts'
import { type Trace, traceOf } from './traceparent.ts'

export interface HttpOptions {
  readonly core: Core
  readonly node: NodeApi
  readonly guard: Guard
  readonly limits: Pick<RpcLimits, 'bodyBytes'>
  readonly pages: Pages
  readonly stopping: () => boolean
}

/** A body over the limit is read on for so long, that the sender can hear why it was refused. */
const DISCARD_FACTOR = 16
const JSON_TYPE = 'application/json'

export class HttpFront {
  readonly #options: HttpOptions

  constructor(options: HttpOptions) {
    this.#options = options
  }

  readonly request = (req: IncomingMessage, res: ServerResponse): void => {
    if (req.url === '/rpc') this.#rpc(req, res)
    else this.#page(req, res)
  }

  /** `Expect: 100-continue`: a body that is too large need not be sent. */
  readonly checkContinue = (req: IncomingMessage, res: ServerResponse): void => {
    const refused = req.url === '/rpc' ? this.#refusalOf(req) : undefined
    if (refused !== undefined) return refuse(req, res, refused)
    res.writeContinue()
    this.request(req, res)
  }

  #page(req: IncomingMessage, res: ServerResponse): void {
    const { guard, pages } = this.#options
    const path = req.url?.split('?', 1)[0] ?? '/'
    const page = path === '/rpc' ? undefined : pages.get(path)
    const navigation = req.headers['sec-fetch-mode'] === 'navigate' && req.method === 'GET'
    const refused =
      guard.check(req.headers, navigation ? 'navigation' : 'program') ??
      (page === undefined ? notFound(path) : undefined) ??
      refusedMethod(req, page) ??
      (page?.open === true ? undefined : guard.checkToken(req.headers))
    if (refused !== undefined) return refuse(req, res, refused)
    if (req.method !== 'POST') req.resume()
    void pages.serve(path, req, res)
  }

  #rpc(req: IncomingMessage, res: ServerResponse): void {
    const refused = this.#refusalOf(req)
    if (refused !== undefined) return refuse(req, res, refused)
    const { bodyBytes } = this.#options.limits
    let only: Buffer | undefined
    let rest: Buffer[] | undefined
    let size = 0
    req.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > bodyBytes) return this.#tooLong(req, res, size)
      if (only === undefined) only = chunk
      else if (rest === undefined) rest = [only, chunk]
      else rest.push(chunk)
    })
    req.on('end', () => {
      if (size > bodyBytes) return
      this.#body(
        res,
        rest === undefined ? (only ?? Buffer.alloc(0)) : Buffer.concat(rest, size),
        traceOf(req.headers['traceparent']),
      )
    })
  }

  #body(res: ServerResponse, bytes: Buffer, trace: Trace | undefined): void {
    const { core, node } = this.#options
    const caller: Caller = {
      node,
      methods: core.methods,
      trace,
      sink: undefined,
      answered: undefined,
    }
    const reply = core.handle(bytes, caller)
    if (reply instanceof Promise) void reply.then(text => this.#answer(res, text))
    else this.#answer(res, reply)
  }

  #answer(res: ServerResponse, text: string | undefined): void {
    if (res.destroyed) return
    if (this.#options.stopping()) res.setHeader('connection', 'close')
    if (text === undefined) {
      res.writeHead(204).end()
      return
    }
    const length = Buffer.byteLength(text)
    res.writeHead(200, { 'content-type': JSON_TYPE, 'content-length': length }).end(text)
  }

  #refusalOf(req: IncomingMessage): Refusal | undefined {
    const { guard, limits, stopping } = this.#options
    if (req.method !== 'POST') return notAllowed('POST')
    const refused =
      guard.check(req.headers, 'program') ??
      checkContentType(req.headers['content-type']) ??
      guard.checkToken(req.headers)
    if (refused !== undefined) return refused
    if (Number(req.headers['content-length']) > limits.bodyBytes) return tooLarge(limits.bodyBytes)
    if (!stopping()) return undefined
    return refusal(503, 'SHUTTING_DOWN', 'this node is shutting down: use another one')
  }

  #tooLong(req: IncomingMessage, res: ServerResponse, size: number): void {
    const { bodyBytes } = this.#options.limits
    if (!res.headersSent) send(res, tooLarge(bodyBytes))
    if (size > bodyBytes * DISCARD_FACTOR) req.destroy()
  }
}

/** A page cannot be made to send lines of JSON unasked: browsers ask first about such a type. */
function refusedMethod(req: IncomingMessage, page: Page | undefined): Refusal | undefined {
  if (req.method === 'GET' || req.method === 'HEAD') return undefined
  if (page?.takesLines !== true) return notAllowed('GET, HEAD')
  if (req.method !== 'POST') return notAllowed('GET, HEAD, POST')
  const type = req.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (type === 'application/x-ndjson' || type === 'application/json') return undefined
  return refusal(415, 'INVALID_REQUEST', 'send lines of JSON, content-type: application/x-ndjson')
}

function refuse(req: IncomingMessage, res: ServerResponse, refused: Refusal): void {
  let size = 0
  req.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > DISCARD_MAX) req.destroy()
  })
  send(res, refused)
}
const DISCARD_MAX = 64 * 1024 * 1024

function send(res: ServerResponse, refused: Refusal): void {
  const text = refusalText(refused)
  const length = Buffer.byteLength(text)
  const headers = { ...refused.headers, 'content-type': JSON_TYPE, 'content-length': length }
  res.writeHead(refused.status, headers).end(text)
}

/** Not a JSON-RPC answer, for the call was not read; but its error has the same form. */
export function refusalText({ error }: Refusal): string {
  return JSON.stringify({ error: { code: error.code, message: error.message, data: error.data } })
}

export function notFound(path: string): Refusal {
  const shown = JSON.stringify(path.slice(0, 100))
  return refusal(404, 'INVALID_REQUEST', `there is nothing at ${shown}: calls go to POST /rpc`)
}

function notAllowed(allow: string): Refusal {
  const refused = refusal(405, 'INVALID_REQUEST', `only ${allow} is possible here`)
  return { ...refused, headers: { allow } }
}

function tooLarge(limit: number): Refusal {
  const sentence = `the body is larger than the limit of ${limit} bytes: send less at a time`
  return refusal(413, 'TOO_LARGE', sentence, limit)
}
