/**
 * The short way for plain calls. A connection is read here as long as each of its requests is a plain
 * `POST /rpc` that arrived whole (plain-head.ts); with the first that is anything else, the connection
 * and what was read of it go to Node's HTTP server, for good. So the standard server does whatever is
 * slow, large, refused, upgraded or malformed, and half of what a small call over HTTP costs is saved
 * (docs/decisions/0010).
 */
import type { Socket } from 'node:net'
import type { NodeApi } from '../node/api.ts'
import type { Core } from './core.ts'
import { checkContentType, type Guard } from './guard.ts'
import type { RpcLimits } from './limits.ts'
import type { Caller } from './method.ts'
import { type PlainHead, plainHead } from './plain-head.ts'

export interface LaneOptions {
  readonly core: Core
  readonly node: NodeApi
  readonly guard: Guard
  readonly limits: Pick<RpcLimits, 'bodyBytes' | 'headersTimeoutMs' | 'idleTimeoutMs'>
  readonly stopping: () => boolean
  /** Node's HTTP server takes the connection over. */
  readonly standard: (socket: Socket) => void
}

export class Lane {
  readonly #options: LaneOptions
  readonly #connections = new Set<LaneConnection>()

  constructor(options: LaneOptions) {
    this.#options = options
  }

  readonly accept = (socket: Socket): void => {
    const left = () => this.#connections.delete(connection)
    const connection = new LaneConnection(socket, this.#options, left)
    this.#connections.add(connection)
  }

  /** Those that wait for a call; the others close behind their answer. */
  closeIdle(): void {
    for (const connection of this.#connections) connection.closeIfIdle()
  }

  terminateAll(): void {
    for (const connection of this.#connections) connection.terminate()
  }
}

const END_OF_HEAD = Buffer.from('\r\n\r\n')

class LaneConnection {
  readonly #socket: Socket
  readonly #options: LaneOptions
  readonly #left: () => void
  /** The head read last, with its empty line, and what it says: the next one is nearly always the same. */
  #head = Buffer.alloc(0)
  #plain: PlainHead | undefined
  /** A call is being answered, or its answer has not been taken yet. */
  #isBusy = false
  #isUntaken = false
  /** What came meanwhile. */
  #held: Buffer | undefined
  #hasEnded = false

  constructor(socket: Socket, options: LaneOptions, left: () => void) {
    this.#socket = socket
    this.#options = options
    this.#left = left
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('drain', this.#onTaken)
    socket.on('timeout', this.#onTimeout)
    socket.on('error', this.#onError)
    socket.on('close', left)
    socket.setTimeout(options.limits.headersTimeoutMs)
  }

  closeIfIdle(): void {
    if (!this.#isBusy) this.#socket.end()
  }

  terminate(): void {
    this.#socket.destroy()
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isBusy) this.#hold(chunk)
    else this.#take(chunk)
  }

  /** Nothing more is read, the other side's end included, before it was looked at. */
  #hold(bytes: Buffer): void {
    this.#held = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes])
    this.#socket.pause()
  }

  /** Runs one call if `bytes` begin with a plain one that is whole. */
  #take(bytes: Buffer): void {
    const headBytes = this.#readHead(bytes)
    const plain = this.#plain
    if (headBytes === 0 || plain === undefined || !this.#mayEnter(plain)) return this.#leave(bytes)
    const end = headBytes + plain.contentLength
    if (bytes.length < end) return this.#leave(bytes)
    if (bytes.length > end) this.#hold(bytes.subarray(end))
    this.#isBusy = true
    const { core, node } = this.#options
    const caller: Caller = { node, methods: core.methods, sink: undefined, answered: undefined }
    const reply = core.handle(bytes.subarray(headBytes, end), caller)
    if (reply instanceof Promise) void reply.then(this.#answer)
    else this.#answer(reply)
  }

  /** Length of the head, and `#plain` is what it says; 0: it is not whole. */
  #readHead(bytes: Buffer): number {
    const known = this.#head.length
    if (known > 0 && bytes.length >= known && bytes.compare(this.#head, 0, known, 0, known) === 0) {
      return known
    }
    const at = bytes.indexOf(END_OF_HEAD)
    if (at < 0) return 0
    this.#plain = plainHead(bytes.toString('latin1', 0, at))
    this.#head = Buffer.from(bytes.subarray(0, at + END_OF_HEAD.length))
    return this.#head.length
  }

  /** Who is refused is refused by the standard server. */
  #mayEnter({ headers, contentLength }: PlainHead): boolean {
    const { guard, limits, stopping } = this.#options
    const refused =
      guard.check(headers, 'program') ??
      checkContentType(headers['content-type']) ??
      guard.checkToken(headers)
    return refused === undefined && contentLength <= limits.bodyBytes && !stopping()
  }

  readonly #answer = (text: string | undefined): void => {
    const socket = this.#socket
    if (socket.destroyed) return
    const isLast = this.#hasEnded || this.#options.stopping()
    const head = responseHead(text, isLast, this.#options.limits.idleTimeoutMs)
    const taken = socket.write(text === undefined ? head : head + text)
    this.#isUntaken = !taken
    if (isLast) socket.end()
    else if (taken) this.#next()
  }

  readonly #onTaken = (): void => {
    if (this.#isUntaken && !this.#socket.writableEnded) this.#next()
  }

  #next(): void {
    this.#isBusy = false
    this.#isUntaken = false
    const held = this.#held
    this.#held = undefined
    if (this.#socket.isPaused()) this.#socket.resume()
    if (held !== undefined) this.#take(held)
    else this.#socket.setTimeout(this.#options.limits.idleTimeoutMs)
  }

  readonly #onEnd = (): void => {
    this.#hasEnded = true
    if (!this.#isBusy) this.#socket.end()
  }

  readonly #onTimeout = (): void => {
    if (!this.#isBusy || this.#isUntaken) this.#socket.destroy()
  }

  readonly #onError = (): void => {
    this.#socket.destroy()
  }

  #leave(bytes: Buffer): void {
    const socket = this.#socket
    this.#left()
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.off('drain', this.#onTaken)
    socket.off('timeout', this.#onTimeout)
    socket.off('error', this.#onError)
    socket.off('close', this.#left)
    socket.setTimeout(0)
    socket.pause()
    socket.unshift(bytes)
    this.#options.standard(socket)
    socket.resume()
  }
}

let dateSecond = 0
let date = ''

/** The headers that Node's server gives. */
function responseHead(text: string | undefined, isLast: boolean, idleMs: number): string {
  const second = Math.floor(Date.now() / 1000)
  if (second !== dateSecond) {
    dateSecond = second
    date = new Date(second * 1000).toUTCString()
  }
  const status =
    text === undefined
      ? '204 No Content'
      : `200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}`
  const after = isLast ? 'close' : `keep-alive\r\nKeep-Alive: timeout=${Math.floor(idleMs / 1000)}`
  return `HTTP/1.1 ${status}\r\nDate: ${date}\r\nConnection: ${after}\r\n\r\n`
}
