/** One WebSocket: calls in, answers and events out, those of one turn of the event loop in one write. */
import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { NodeApi } from '../node/api.ts'
import type { Core } from './core.ts'
import type { RpcLog } from './errors.ts'
import { textFrames } from './frames.ts'
import { type RpcLimits, SEND_BUFFER_BYTES_MAX } from './limits.ts'
import type { Caller, EventSink } from './method.ts'
import type { RpcMetrics } from './metrics.ts'
import type { Link } from './subscription.ts'
import { Subscriptions } from './subscriptions.ts'

export interface ConnectionOptions {
  readonly core: Core
  readonly node: NodeApi
  readonly limits: RpcLimits
  readonly metrics: RpcMetrics
  readonly log: RpcLog
  /** False: the token that it came with does not count any more. */
  readonly stays: () => boolean
}

/** Ticks without a byte from the other side or one taken by it, after which it is cut off. */
const SILENT_TICKS_MAX = 6
const GOING_AWAY = 1001
const POLICY_VIOLATION = 1008

export class Connection implements EventSink, Link {
  readonly subscriptions: Subscriptions
  readonly #ws: WebSocket
  readonly #socket: Duplex
  readonly #options: ConnectionOptions
  #unsent: string[] = []
  #unsentChars = 0
  #silentTicks = 0

  constructor(ws: WebSocket, socket: Duplex, options: ConnectionOptions) {
    this.#ws = ws
    this.#socket = socket
    this.#options = options
    const { limits, metrics, log } = options
    this.subscriptions = new Subscriptions({ link: this, limits, metrics, nowMs: Date.now, log })
    // Buffers are the default of `ws` for text too, so nothing is decoded twice.
    ws.on('message', data => this.#message(data as Buffer))
    ws.on('pong', () => this.#alive())
    ws.on('ping', () => this.#holdBack())
    ws.on('close', () => this.subscriptions.cancelAll())
    // The peer broke the protocol or a limit: `ws` has closed the connection with the code for it.
    ws.on('error', () => ws.terminate())
  }

  get full(): boolean {
    return this.#socket.writableLength + this.#unsentChars > SEND_BUFFER_BYTES_MAX
  }

  send(text: string): void {
    if (this.#unsent.length === 0) process.nextTick(() => this.flush())
    this.#unsent.push(text)
    this.#unsentChars += text.length
  }

  flush(): void {
    const texts = this.#unsent
    if (texts.length === 0) return
    this.#unsent = []
    this.#unsentChars = 0
    if (this.#ws.readyState !== this.#ws.OPEN) return
    this.#socket.write(textFrames(texts), this.#written)
    this.#holdBack()
  }

  /** Every few seconds. */
  tick(): void {
    if (!this.#options.stays()) return this.#sendAway()
    this.subscriptions.tick()
    if (++this.#silentTicks > SILENT_TICKS_MAX) this.#ws.terminate()
    else if (this.#ws.readyState === this.#ws.OPEN && !this.full) this.#ws.ping()
  }

  close(): void {
    this.flush()
    this.#ws.close(GOING_AWAY, 'the node is shutting down')
  }

  terminate(): void {
    this.#ws.terminate()
  }

  #message(data: Buffer): void {
    this.#alive()
    const { core, node, stays } = this.#options
    if (!stays()) return this.#sendAway()
    const caller: Caller = { node, methods: core.methods, sink: this, answered: undefined }
    const reply = core.handle(data, caller)
    if (reply instanceof Promise) void reply.then(text => this.#answer(text, caller))
    else this.#answer(reply, caller)
  }

  #answer(text: string | undefined, caller: Caller): void {
    if (text !== undefined) this.send(text)
    if (caller.answered !== undefined) for (const tell of caller.answered) tell()
  }

  /** What it asks from now on is not read; what it was promised does not come either. */
  #sendAway(): void {
    this.subscriptions.cancelAll()
    this.#ws.close(POLICY_VIOLATION, 'the token does not count any more')
  }

  /** Who does not take its answers gets no further calls read. */
  #holdBack(): void {
    if (this.full && !this.#ws.isPaused) this.#ws.pause()
  }

  /** Whatever waits for room waits for a write under way, or for one of this turn. */
  readonly #written = (): void => {
    this.#alive()
    if (this.full) return
    if (this.#ws.isPaused) this.#ws.resume()
    this.subscriptions.drained()
  }

  #alive(): void {
    this.#silentTicks = 0
  }
}
