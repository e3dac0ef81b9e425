/**
 * Our side of the talk with one member: an outbound stream that begins with the hello exchange and
 * then carries frames, and a second one for bulk. `up` means the peer has accepted us and we it.
 */
import type { Connection, Stream } from '@libp2p/interface'
import { BulkQueue, sendBulkFrames } from './bulk.ts'
import { cut } from './connections.ts'
import { CONTROL_BYTES_MAX } from './frames.ts'
import { BULK_PROTOCOL, PEER_PROTOCOL } from './host.ts'
import type { Log } from './log.ts'
import { Outbox } from './outbox.ts'
import { Refusal } from './reception.ts'
import { messageOf } from './secret-file.ts'
import { readFrames, sendFrame } from './streams.ts'

export interface LinkEvents {
  /** Our hello. */
  greeting(peer: string): Uint8Array
  /** Resolves when the peer is accepted, durably noted; throws Refusal. */
  verify(via: Connection, answer: Uint8Array): Promise<void>
  up(peer: string): void
  down(peer: string, reason: string): void
  /** The hello failed for good: these two must not talk. */
  refused(peer: string): void
  /** How much the peer has said on this connection. */
  heardOn(connection: Connection): number
}

export interface LinkOptions {
  readonly peer: string
  readonly queueBytesMax: number
  readonly log: Log
}

/** Opening a stream or waiting for the answer to a hello. */
const GREETING_MS_MAX = 3000
/** Whoever waits for this has itself been promised an answer within GREETING_MS_MAX. */
const ALIVE_MS_MAX = 1500
/** Time for a refused peer to hear so, before its connections are cut. */
export const FAREWELL_MS = 300
const RETRY_FIRST_MS = 25
const RETRY_LAST_MS = 500

export class PeerLink {
  readonly peer: string
  readonly #options: LinkOptions
  readonly #events: LinkEvents
  readonly #connections = new Set<Connection>()
  readonly outbox: Outbox
  #bulk: BulkQueue | undefined
  #bulkDropped = 0
  #bulkBytes = 0
  #stream: Stream | undefined
  #connection: Connection | undefined
  #opening = false
  #retry: NodeJS.Timeout | undefined
  #retryMs = RETRY_FIRST_MS
  #up = false
  /** We have accepted the peer's hello: an answer to its first frame may wait for our own hello. */
  #welcomed = false
  #closed = false

  constructor(options: LinkOptions, events: LinkEvents) {
    this.peer = options.peer
    this.#options = options
    this.#events = events
    this.outbox = new Outbox(options.queueBytesMax)
  }

  get up(): boolean {
    return this.#up
  }

  get connected(): boolean {
    return this.#connections.size > 0
  }

  get bytesOut(): number {
    return this.outbox.count.bytes + this.#bulkBytes
  }

  get dropped(): number {
    return this.outbox.count.dropped + this.#bulkDropped
  }

  send(frame: Uint8Array): boolean {
    return (this.#up || this.#welcomed) && this.outbox.push('data', frame)
  }

  sendControl(frame: Uint8Array): boolean {
    return this.#up && this.outbox.push('control', frame)
  }

  sendBulk(frame: Uint8Array): boolean {
    if (!this.#up || this.#connection === undefined) return false
    this.#bulk ??= this.#openBulk(this.#connection)
    const queued = this.#bulk.push(frame)
    if (queued) this.#bulkBytes += frame.length
    else this.#bulkDropped++
    return queued
  }

  add(connection: Connection): void {
    this.#connections.add(connection)
    this.#open()
  }

  remove(connection: Connection): void {
    this.#connections.delete(connection)
    if (this.#connections.size === 0) this.#setDown('the connection closed')
  }

  /** The peer's hello was good: it is ready for ours, do not wait for the next attempt. */
  welcomed(): void {
    this.#welcomed = this.connected
    this.#retryMs = RETRY_FIRST_MS
    this.#open()
  }

  /** Cuts every connection, or all but one. */
  abort(reason: string, except?: Connection): void {
    for (const connection of [...this.#connections]) {
      if (connection === except) continue
      this.#connections.delete(connection)
      cut(connection, reason)
    }
    if (except === undefined || this.#connection !== except) this.#setDown(reason)
    this.#open()
  }

  /** Lets what is queued leave, then closes. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#retry)
    this.outbox.flush()
    await this.#stream?.close({ signal: AbortSignal.timeout(100) }).catch(() => {})
    this.abort('this node is stopping')
  }

  #usable(): Connection | undefined {
    for (const connection of this.#connections) if (connection.status === 'open') return connection
    return undefined
  }

  #open(): void {
    const connection = this.#usable()
    if (connection === undefined || this.#opening || this.#closed) return
    if (this.#stream !== undefined) return
    this.#opening = true
    clearTimeout(this.#retry)
    const signal = AbortSignal.timeout(GREETING_MS_MAX)
    const before = this.#events.heardOn(connection)
    void this.#greet(connection, signal)
      .then(stream => this.#setUp(connection, stream))
      .catch(error => {
        // One direction of it is dead, and nobody else looks at a connection that is not up: dialled anew
        // it is there at once.
        const isDead = signal.aborted && this.#events.heardOn(connection) === before
        this.#failed(connection, error, isDead)
      })
      .finally(() => {
        this.#opening = false
      })
  }

  async #greet(connection: Connection, signal: AbortSignal): Promise<Stream> {
    const stream = await connection.newStream(PEER_PROTOCOL, { signal })
    try {
      const answer = await this.#ask(stream)
      await this.#events.verify(connection, answer)
      if (stream.status !== 'open') throw new Error('the stream closed during the hello')
      return stream
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  }

  /** Greeted once more on its connections but one, does it answer? `isIt` tells whose answer it is. */
  async answers(except: Connection, isIt: (answer: Uint8Array) => boolean): Promise<boolean> {
    const others = [...this.#connections].filter(c => c !== except && c.status === 'open')
    const asked = others.map(async connection => {
      const signal = AbortSignal.timeout(ALIVE_MS_MAX)
      const stream = await connection.newStream(PEER_PROTOCOL, { signal })
      try {
        if (!isIt(await this.#ask(stream, ALIVE_MS_MAX))) throw new Error('another process')
        return true
      } finally {
        stream.abort(new Error('it lives'))
      }
    })
    return Promise.any(asked).catch(() => false)
  }

  /** Sends the hello and gives the first frame that comes back. */
  #ask(stream: Stream, timeoutMs = GREETING_MS_MAX): Promise<Uint8Array> {
    let timer: NodeJS.Timeout | undefined
    const answer = new Promise<Uint8Array>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error('no answer to our hello')), timeoutMs)
      stream.addEventListener('close', () => reject(new Error('the peer closed the stream')))
      readFrames(stream, {
        frameBytesMax: CONTROL_BYTES_MAX,
        onFrame: (_, frame) => resolve(frame),
        onBroken: reject,
      })
      sendFrame(stream, 'control', this.#events.greeting(this.peer))
    })
    return answer.finally(() => clearTimeout(timer))
  }

  #setUp(connection: Connection, stream: Stream): void {
    if (this.#closed || !this.#connections.has(connection) || stream.status !== 'open') {
      stream.abort(new Error('not needed any more'))
      throw new Error('the connection closed during the hello')
    }
    this.#stream = stream
    this.#connection = connection
    this.#retryMs = RETRY_FIRST_MS
    stream.addEventListener('drain', () => this.outbox.flush())
    stream.addEventListener('close', () => this.#onStreamClosed(stream))
    this.outbox.attach(stream)
    if (this.#up) return
    this.#up = true
    this.#events.up(this.peer)
  }

  #onStreamClosed(stream: Stream): void {
    if (this.#stream !== stream) return
    this.#stream = undefined
    this.#connection = undefined
    this.outbox.detach()
    this.#endBulk()
    // Another connection to the same peer may go on where this one ended, without a `down`.
    if (this.#usable() === undefined) this.#setDown('the connection closed')
    else this.#open()
  }

  #failed(connection: Connection, error: unknown, isDead: boolean): void {
    this.#opening = false
    if (this.#closed) return
    this.#options.log.debug(
      { peer: this.peer, error: messageOf(error) },
      `no stream to ${this.peer}`,
    )
    this.#setDown(messageOf(error))
    if (error instanceof Refusal) {
      this.#events.refused(this.peer)
      // Its own hello may be on its way through this connection: it is to be told why, not only cut off. Only
      // this one is: who is refused may be a copy, and the other connections those of the true one.
      this.#connections.delete(connection)
      setTimeout(() => cut(connection, error.message), FAREWELL_MS).unref()
      this.#open()
    } else if (isDead) {
      cut(connection, 'nothing comes from the peer')
    } else if (connection.status !== 'open') {
      this.#open()
    } else {
      // The peer may not be ready for members yet, though it took the connection.
      this.#retry = setTimeout(() => this.#open(), this.#retryMs)
      this.#retryMs = Math.min(2 * this.#retryMs, RETRY_LAST_MS)
    }
  }

  #setDown(reason: string): void {
    clearTimeout(this.#retry)
    const stream = this.#stream
    this.#stream = undefined
    this.#connection = undefined
    this.#welcomed = false
    this.outbox.clear()
    this.#endBulk()
    stream?.abort(new Error(reason))
    if (!this.#up) return
    this.#up = false
    this.#events.down(this.peer, reason)
  }

  #openBulk(connection: Connection): BulkQueue {
    const queue = new BulkQueue(this.#options.queueBytesMax)
    const signal = AbortSignal.timeout(GREETING_MS_MAX)
    void connection
      .newStream(BULK_PROTOCOL, { signal })
      .then(stream => sendBulkFrames(queue, stream).finally(() => stream.close().catch(() => {})))
      .catch(error => {
        const fields = { peer: this.peer, error: messageOf(error) }
        this.#options.log.debug(fields, `bulk stream to ${this.peer} ended`)
      })
      .finally(() => {
        queue.end()
        if (this.#bulk === queue) this.#bulk = undefined
      })
    return queue
  }

  #endBulk(): void {
    this.#bulk?.end()
    this.#bulk = undefined
  }
}
