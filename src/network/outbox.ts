/**
 * Frames waiting for one stream. All that is queued in one turn of the event loop leaves in one
 * `send` (measured: worth 10–25×, docs of libp2p §3.2). Bounded: when it is full the *new* frame is
 * dropped and the caller told, so that what was promised to leave stays a gapless prefix; nothing blocks.
 */
import { type FrameKind, HEADER_BYTES, headerOf } from './frames.ts'

/** What an outbox needs of a libp2p stream. */
export interface OutboxStream {
  readonly writeStatus: string
  readonly writableNeedsDrain: boolean
  readonly writeBufferLength: number
  send(bytes: Uint8Array): boolean
}

/** A frame of this size leaves at once: others wait for it, and hardly anything would join it. */
const LARGE_BYTES = 4096
/** One send is not larger than this, or one frame: a full queue must not be copied at once. */
const SEND_BYTES = 2 ** 20

export class Outbox {
  readonly #bytesMax: number
  #stream: OutboxStream | undefined
  #frames: { readonly kind: FrameKind; readonly frame: Uint8Array }[] = []
  #bytes = 0
  #turn: NodeJS.Immediate | undefined
  /** Counts, for status and tests. */
  readonly count = { frames: 0, sends: 0, bytes: 0, dropped: 0 }

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** From now on frames leave through this stream. Its owner calls `flush` on each 'drain' event. */
  attach(stream: OutboxStream): void {
    this.#stream = stream
    this.#plan()
  }

  /** Frames wait: the peer may be back at once through another connection. */
  detach(): void {
    this.#stream = undefined
  }

  clear(): void {
    this.#frames = []
    this.#bytes = 0
    this.#stream = undefined
    if (this.#turn !== undefined) clearImmediate(this.#turn)
    this.#turn = undefined
  }

  get waitingBytes(): number {
    return this.#bytes + (this.#stream?.writeBufferLength ?? 0)
  }

  /** False: full, the frame was dropped. */
  push(kind: FrameKind, frame: Uint8Array): boolean {
    const need = HEADER_BYTES + frame.length
    if (this.waitingBytes + need > this.#bytesMax) {
      this.count.dropped++
      return false
    }
    this.#frames.push({ kind, frame })
    this.#bytes += need
    if (frame.length >= LARGE_BYTES) this.flush()
    else this.#plan()
    return true
  }

  /** Sends what the stream takes. libp2p keeps a reference while blocked, so every send is a new buffer. */
  flush(): void {
    let next = 0
    while (next < this.#frames.length) {
      const stream = this.#stream
      if (stream === undefined || stream.writableNeedsDrain || stream.writeStatus !== 'writable')
        break
      const batch = this.#batch(next)
      next += batch.frames
      this.#bytes -= batch.bytes.length
      this.count.frames += batch.frames
      this.count.sends++
      this.count.bytes += batch.bytes.length
      try {
        stream.send(batch.bytes)
      } catch {
        // Broken between two sends: its 'close' event follows and decides what happens next.
        this.#stream = undefined
      }
    }
    if (next > 0) this.#frames = this.#frames.slice(next)
  }

  #plan(): void {
    if (this.#turn !== undefined || this.#frames.length === 0) return
    // The check phase follows the poll phase at once: later than a microtask by nothing that is
    // measurable when idle, and under load it gathers what several sockets caused.
    this.#turn = setImmediate(() => {
      this.#turn = undefined
      this.flush()
    })
  }

  #batch(first: number): { frames: number; bytes: Uint8Array } {
    let size = 0
    let end = first
    for (; end < this.#frames.length; end++) {
      const length = HEADER_BYTES + (this.#frames[end]?.frame.length ?? 0)
      if (end > first && size + length > SEND_BYTES) break
      size += length
    }
    const bytes = Buffer.allocUnsafe(size)
    let at = 0
    for (const { kind, frame } of this.#frames.slice(first, end)) {
      at = bytes.writeUInt32LE(headerOf(kind, frame.length), at)
      bytes.set(frame, at)
      at += frame.length
    }
    return { frames: end - first, bytes }
  }
}
