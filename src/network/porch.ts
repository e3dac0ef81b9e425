/**
 * The founding protocol's streams: the only thing that a peer who is not (yet) a member may talk on.
 * Small frames, few of them; whoever has one open may be answered on it.
 */
import type { Connection, Stream } from '@libp2p/interface'
import { FOUND_PROTOCOL } from './host.ts'
import type { Log } from './log.ts'
import { messageOf } from './secret-file.ts'
import { readFrames, sendFrame } from './streams.ts'

export interface PorchEvents {
  message(peer: string, frame: Uint8Array, reply: (frame: Uint8Array) => void): void
}

const FRAME_BYTES_MAX = 64 * 1024
/** Frames taken from one stream a second: ten times what a founder sends. */
const FRAMES_PER_SECOND_MAX = 200
const OPEN_MS_MAX = 3000

export class Porch {
  readonly #log: Log
  readonly #events: PorchEvents
  readonly #out = new Map<string, Promise<Stream>>()

  constructor(log: Log, events: PorchEvents) {
    this.#log = log
    this.#events = events
  }

  /** A peer opened a founding stream to us. */
  accept(stream: Stream, connection: Connection): void {
    this.#read(stream, connection.remotePeer.toString())
  }

  /** Sends on our stream to the peer, opened when needed; lost when that fails. */
  send(peer: string, connection: Connection, frame: Uint8Array): void {
    let opening = this.#out.get(peer)
    if (opening === undefined) {
      opening = this.#open(peer, connection)
      this.#out.set(peer, opening)
    }
    opening
      .then(stream => {
        if (stream.writeBufferLength < FRAME_BYTES_MAX) sendFrame(stream, 'control', frame)
      })
      .catch(error => {
        this.#out.delete(peer)
        this.#log.debug({ peer, error: messageOf(error) }, `no founding stream to ${peer}`)
      })
  }

  /** The last connection to the peer closed. */
  gone(peer: string): void {
    this.#out.delete(peer)
  }

  async #open(peer: string, connection: Connection): Promise<Stream> {
    const signal = AbortSignal.timeout(OPEN_MS_MAX)
    const stream = await connection.newStream(FOUND_PROTOCOL, { signal })
    const opened = this.#out.get(peer)
    stream.addEventListener('close', () => {
      if (this.#out.get(peer) === opened) this.#out.delete(peer)
    })
    this.#read(stream, peer)
    return stream
  }

  #read(stream: Stream, peer: string): void {
    let second = 0
    let frames = 0
    readFrames(stream, {
      frameBytesMax: FRAME_BYTES_MAX,
      onFrame: (_, frame) => {
        const now = Math.floor(performance.now() / 1000)
        if (now !== second) frames = 0
        second = now
        if (++frames > FRAMES_PER_SECOND_MAX) throw new Error('too many founding messages')
        this.#events.message(peer, frame, answer => sendFrame(stream, 'control', answer))
      },
      onBroken: error => {
        this.#log.warn(
          { peer, error: messageOf(error) },
          `a founding message of ${peer} makes no sense; its stream is cut`,
        )
      },
    })
  }
}
