/**
 * Streams that members open to us. A peer stream begins with the peer's hello; frames count only
 * after it was accepted. Membership is asked again here and with every read, because it changes
 * while connections live. reliability.md §5.1
 */
import type { Connection, Stream } from '@libp2p/interface'
import { receiveBulkFrames } from './bulk.ts'
import { cut } from './connections.ts'
import { FRAME_BYTES_MAX, type FrameKind } from './frames.ts'
import type { Log } from './log.ts'
import { FAREWELL_MS } from './peer-link.ts'
import { messageOf } from './secret-file.ts'
import { readFrames, sendFrame } from './streams.ts'

export interface InboundEvents {
  /** Is the peer a member, and are we ready for members? */
  admits(peer: string): boolean
  welcome(via: Connection, greeting: Uint8Array): Promise<{ accepted: boolean; answer: Uint8Array }>
  /** The peer's hello was good, so it is ready for ours. */
  welcomed(peer: string): void
  control(peer: string, frame: Uint8Array): void
  frame(peer: string, frame: Uint8Array): void
}

const GREETING_MS_MAX = 3000

export class Inbound {
  readonly #log: Log
  readonly #events: InboundEvents
  readonly #accepted = new WeakSet<Connection>()
  readonly #heard = new WeakMap<Connection, number>()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly bytesIn = new Map<string, number>()

  constructor(log: Log, events: InboundEvents) {
    this.#log = log
    this.#events = events
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }

  /** How much has come on this connection; more than before: it lives. */
  heardOn(connection: Connection): number {
    return this.#heard.get(connection) ?? 0
  }

  acceptPeer(stream: Stream, connection: Connection): void {
    const peer = connection.remotePeer.toString()
    this.#listen(stream, connection)
    if (!this.#events.admits(peer)) return stream.abort(new Error('not ready for this peer'))
    const timer = this.#after(GREETING_MS_MAX, () => stream.abort(new Error('no hello')))
    let state: 'silent' | 'greeted' | 'accepted' = 'silent'
    const onFrame = (kind: FrameKind, frame: Uint8Array): void => {
      if (!this.#events.admits(peer)) throw new Error('not a member any more')
      if (state === 'accepted') return this.#deliver(peer, kind, frame)
      if (state === 'greeted' || kind !== 'control') throw new Error('a frame before the hello')
      state = 'greeted'
      this.#cancel(timer)
      void this.#greeted(stream, connection, frame).then(accepted => {
        if (accepted) state = 'accepted'
      })
    }
    this.#read(stream, peer, onFrame)
  }

  acceptBulk(stream: Stream, connection: Connection): void {
    const peer = connection.remotePeer.toString()
    this.#listen(stream, connection)
    if (!this.#accepted.has(connection) || !this.#events.admits(peer)) {
      return stream.abort(new Error('bulk before the hello'))
    }
    receiveBulkFrames(stream, frame => {
      if (!this.#events.admits(peer)) throw new Error('not a member any more')
      this.#deliver(peer, 'data', frame)
    })
      .then(() => stream.close())
      .catch(error => {
        this.#log.debug({ peer, error: messageOf(error) }, `bulk stream of ${peer} ended`)
        stream.abort(error instanceof Error ? error : new Error(String(error)))
      })
  }

  /** A stream is a sign of life, and so is a part of a frame: on a narrow line a large one takes long. */
  #listen(stream: Stream, connection: Connection): void {
    const peer = connection.remotePeer.toString()
    this.#heard.set(connection, this.heardOn(connection) + 1)
    stream.addEventListener('message', ({ data }) => {
      this.#heard.set(connection, this.heardOn(connection) + data.byteLength)
      if (!this.#accepted.has(connection)) return
      this.bytesIn.set(peer, (this.bytesIn.get(peer) ?? 0) + data.byteLength)
    })
  }

  async #greeted(stream: Stream, connection: Connection, greeting: Uint8Array): Promise<boolean> {
    const peer = connection.remotePeer.toString()
    try {
      const { accepted, answer } = await this.#events.welcome(connection, greeting)
      if (accepted) this.#accepted.add(connection)
      sendFrame(stream, 'control', answer)
      if (accepted) this.#events.welcomed(peer)
      else this.#after(FAREWELL_MS, () => cut(connection, 'refused'))
      return accepted
    } catch (error) {
      this.#broken(peer, error)
      stream.abort(error instanceof Error ? error : new Error(String(error)))
      return false
    }
  }

  #read(stream: Stream, peer: string, onFrame: (kind: FrameKind, frame: Uint8Array) => void): void {
    readFrames(stream, {
      frameBytesMax: FRAME_BYTES_MAX,
      onFrame,
      onBroken: error => this.#broken(peer, error),
    })
  }

  #broken(peer: string, error: unknown): void {
    const detail = messageOf(error)
    this.#log.warn(
      { peer, error: detail },
      `${peer} sent what makes no sense (${detail}): stream cut`,
    )
  }

  #deliver(peer: string, kind: FrameKind, frame: Uint8Array): void {
    if (kind === 'control') return this.#events.control(peer, frame)
    try {
      this.#events.frame(peer, frame)
    } catch (error) {
      // The node's trouble, not the peer's: it must end the process loudly, not this stream quietly.
      queueMicrotask(() => {
        throw error
      })
    }
  }

  #after(delayMs: number, action: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      action()
    }, delayMs)
    this.#timers.add(timer)
    return timer
  }

  #cancel(timer: NodeJS.Timeout): void {
    clearTimeout(timer)
    this.#timers.delete(timer)
  }
}
