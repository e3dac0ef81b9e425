/**
 * What the wire does to a message: through the codec and back, in the seeds that say so. A frame that is
 * changed under way never arrives: the connection is encrypted and authenticated, so it ends there. The
 * decoder is tried with it all the same: whatever bytes come, it says FormatError or gives a message.
 */
import { FormatError } from '../base/bytes.ts'
import type { Prng } from '../base/prng.ts'
import type { Message } from '../vr/message.ts'
import { decodeMessage, encodeMessage } from '../wire/codec.ts'
import { Violation } from './check/check.ts'
import type { NetworkOptions } from './options.ts'

export class Frames {
  readonly #options: NetworkOptions
  readonly #prng: Prng
  #isOver = false
  corrupted = 0

  constructor(options: NetworkOptions, prng: Prng) {
    this.#options = options
    this.#prng = prng
  }

  /** No frame is changed from now on. */
  heal(): void {
    this.#isOver = true
  }

  /** The message as it arrives; `undefined`: its connection breaks over it. */
  through(message: Message): Message | undefined {
    const { codec, corrupt } = this.#options
    if (!codec) return message
    const frame = encodeMessage(0, message)
    if (corrupt === 0 || this.#isOver || !this.#prng.chance(corrupt)) {
      return decodeMessage(frame).message
    }
    this.corrupted++
    this.#damage(frame)
    assertRefused(frame)
    return undefined
  }

  /** A few bytes are others. */
  #damage(frame: Uint8Array): void {
    const flips = this.#prng.int(1, 4)
    for (let i = 0; i < flips; i++) {
      const at = this.#prng.int(0, frame.length - 1)
      frame[at] = this.#prng.int(0, 255)
    }
  }
}

function assertRefused(frame: Uint8Array): void {
  try {
    decodeMessage(frame)
  } catch (error) {
    if (error instanceof FormatError) return
    const what = error instanceof Error ? error.message : String(error)
    throw new Violation('decoder-is-total', `a damaged frame makes the decoder say «${what}»`)
  }
}
