/**
 * Frames on a byte stream: u32 LE header, then the payload. The header's low 31 bits are the
 * length; bit 31 marks a control frame of the network layer itself (hello, peers), so that the
 * node's frames need no tag and are never copied to get one.
 */
import { FormatError } from '../base/bytes.ts'

export const HEADER_BYTES = 4
export const FRAME_BYTES_MAX = 16 * 2 ** 20
/** A hello of 1000 shards, twice over. */
export const CONTROL_BYTES_MAX = 128 * 1024

const CONTROL_BIT = 0x8000_0000
/** A buffer for a frame grows with what arrived, not with what its header claims. */
const FIRST_BUFFER_BYTES = 64 * 1024

export type FrameKind = 'data' | 'control'

export function headerOf(kind: FrameKind, length: number): number {
  return kind === 'control' ? (length | CONTROL_BIT) >>> 0 : length
}

/**
 * Cuts a stream into frames, synchronously. A frame that lies in one chunk is a view of it; one that
 * spans chunks is gathered in a buffer that doubles, so that large frames cost one copy or two.
 */
export class FrameParser {
  readonly #onFrame: (kind: FrameKind, frame: Uint8Array) => void
  readonly #frameBytesMax: number
  readonly #header = new Uint8Array(HEADER_BYTES)
  /** 0 ≤ #headerBytes ≤ 4; below 4 the header is incomplete. */
  #headerBytes = 0
  #kind: FrameKind = 'data'
  #length = 0
  #body = new Uint8Array(0)
  #bodyBytes = 0

  constructor(
    onFrame: (kind: FrameKind, frame: Uint8Array) => void,
    frameBytesMax = FRAME_BYTES_MAX,
  ) {
    this.#onFrame = onFrame
    this.#frameBytesMax = frameBytesMax
  }

  /** Throws FormatError on a length over the limit; nothing after it can be told apart any more. */
  push(chunk: Uint8Array): void {
    let at = 0
    for (;;) {
      if (this.#headerBytes < HEADER_BYTES) {
        at = this.#readHeader(chunk, at)
        if (this.#headerBytes < HEADER_BYTES) return
      }
      const missing = this.#length - this.#bodyBytes
      const here = chunk.length - at
      if (here < missing) {
        if (here > 0) this.#keep(chunk.subarray(at))
        return
      }
      const last = chunk.subarray(at, at + missing)
      at += missing
      this.#emit(last)
    }
  }

  #readHeader(chunk: Uint8Array, from: number): number {
    let at = from
    while (this.#headerBytes < HEADER_BYTES && at < chunk.length) {
      this.#header[this.#headerBytes++] = chunk[at++] ?? 0
    }
    if (this.#headerBytes < HEADER_BYTES) return at
    const word = new DataView(this.#header.buffer).getUint32(0, true)
    this.#kind = word >= CONTROL_BIT ? 'control' : 'data'
    this.#length = word % CONTROL_BIT
    const limit = this.#kind === 'control' ? CONTROL_BYTES_MAX : this.#frameBytesMax
    if (this.#length > limit) {
      throw new FormatError(`a frame claims ${this.#length} bytes, the limit is ${limit}`)
    }
    return at
  }

  #keep(part: Uint8Array): void {
    const need = this.#bodyBytes + part.length
    if (need > this.#body.length) {
      const room = Math.max(need, FIRST_BUFFER_BYTES, this.#body.length * 2)
      const grown = new Uint8Array(Math.min(room, this.#length))
      grown.set(this.#body.subarray(0, this.#bodyBytes))
      this.#body = grown
    }
    this.#body.set(part, this.#bodyBytes)
    this.#bodyBytes = need
  }

  #emit(last: Uint8Array): void {
    let frame = last
    if (this.#bodyBytes > 0) {
      this.#keep(last)
      frame = this.#body.subarray(0, this.#length)
    }
    const kind = this.#kind
    this.#headerBytes = 0
    this.#body = new Uint8Array(0)
    this.#bodyBytes = 0
    this.#onFrame(kind, frame)
  }
}
