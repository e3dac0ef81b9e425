/**
 * Large transfers on a stream of their own: frames piped (it-pipe) into a libp2p stream with real
 * back-pressure, and out of one. Slower per frame than the outbox, but it never holds more than a
 * window in the muxer, so the small frames of the same connection pass it.
 */
import type { Stream } from '@libp2p/interface'
import { pipe } from 'it-pipe'
import { FrameParser, HEADER_BYTES, headerOf } from './frames.ts'

/** Written at a time; small, so that a heartbeat never waits behind more. */
const PIECE_BYTES = 64 * 1024
/** Unsent bytes in the stream above which the source waits. */
const UNSENT_BYTES_MAX = 256 * 1024
/** Bytes read but not yet taken above which the stream is paused. Below the read buffer of yamux. */
const UNREAD_BYTES_MAX = 2 ** 20

/** Frames waiting for a bulk stream; bounded, the newest is refused when full. */
export class BulkQueue {
  readonly #bytesMax: number
  #frames: Uint8Array[] = []
  #bytes = 0
  #ended = false
  #wake: (() => void) | undefined
  dropped = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  push(frame: Uint8Array): boolean {
    if (this.#ended || this.#bytes + frame.length > this.#bytesMax) {
      this.dropped++
      return false
    }
    this.#frames.push(frame)
    this.#bytes += frame.length
    this.#wake?.()
    return true
  }

  end(): void {
    this.#ended = true
    this.#frames = []
    this.#bytes = 0
    this.#wake?.()
  }

  async *frames(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const frame = this.#frames.shift()
      if (frame !== undefined) {
        yield frame
        this.#bytes -= frame.length
      } else if (this.#ended) {
        return
      } else {
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
    }
  }
}

/** Runs until the queue ends or the stream closes; rejects in the latter case. */
export async function sendBulkFrames(queue: BulkQueue, stream: Stream): Promise<void> {
  await pipe(queue.frames(), encode, source => writeTo(stream, source))
}

/** Runs until the peer ends the stream; rejects on a bad length or when the stream breaks. */
export async function receiveBulkFrames(
  stream: Stream,
  onFrame: (frame: Uint8Array) => void,
): Promise<void> {
  await pipe(readFrom(stream), decode, async frames => {
    for await (const frame of frames) onFrame(frame)
  })
}

async function* encode(frames: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const frame of frames) {
    const header = Buffer.allocUnsafe(HEADER_BYTES)
    header.writeUInt32LE(headerOf('data', frame.length), 0)
    yield header
    for (let at = 0; at < frame.length; at += PIECE_BYTES) {
      yield frame.subarray(at, at + PIECE_BYTES)
    }
  }
}

async function* decode(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let ready: Uint8Array[] = []
  const parser = new FrameParser((_, frame) => ready.push(frame))
  for await (const chunk of chunks) {
    parser.push(chunk)
    const frames = ready
    ready = []
    yield* frames
  }
}

/** A raw libp2p stream is no sink for it-pipe, and its onDrain() resolves at once from the 2nd time on. */
async function writeTo(stream: Stream, source: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of source) {
    stream.send(piece)
    while (stream.writableNeedsDrain || stream.writeBufferLength > UNSENT_BYTES_MAX) {
      await nextWritable(stream)
    }
  }
}

function nextWritable(stream: Stream): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      stream.removeEventListener('drain', settle)
      stream.removeEventListener('idle', settle)
      stream.removeEventListener('close', fail)
      resolve()
    }
    const fail = (): void => {
      settle()
      reject(new Error('the bulk stream closed'))
    }
    if (stream.status !== 'open') return reject(new Error('the bulk stream is closed'))
    stream.addEventListener('drain', settle)
    stream.addEventListener('idle', settle)
    stream.addEventListener('close', fail)
  })
}

/** As `for await (… of stream)`, but pausing the stream while the consumer is behind. */
async function* readFrom(stream: Stream): AsyncGenerator<Uint8Array> {
  let chunks: Uint8Array[] = []
  let unread = 0
  let closed: Error | true | undefined
  let wake: (() => void) | undefined
  stream.addEventListener('message', event => {
    const bytes = event.data instanceof Uint8Array ? event.data : event.data.subarray()
    chunks.push(bytes)
    unread += bytes.length
    if (unread > UNREAD_BYTES_MAX && stream.readStatus === 'readable') stream.pause()
    wake?.()
  })
  const end = (error: Error | undefined): void => {
    closed ??= error ?? true
    wake?.()
  }
  stream.addEventListener('remoteCloseWrite', () => end(undefined))
  stream.addEventListener('close', event => end(event.error))
  for (;;) {
    const taken = chunks
    chunks = []
    for (const chunk of taken) {
      yield chunk
      unread -= chunk.length
    }
    if (stream.readStatus === 'paused') stream.resume()
    if (chunks.length > 0) continue
    if (closed === true) return
    if (closed !== undefined) throw closed
    await new Promise<void>(resolve => {
      wake = resolve
    })
  }
}
