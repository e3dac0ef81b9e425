/** What has come over a socket and its reader has not taken: a bounded number of messages, and of characters. */
import type { JsonObject } from '../base/json.ts'
import { parseMessage, type Socket } from './socket.ts'

/** Events held for a reader that is busy; then the connection is not read, or dropped where that cannot be. */
const HELD_MAX = 1_000
const HELD_CHARS_MAX = 8 * 1024 * 1024
const BUFFER_MAX = 10_000
const BUFFER_CHARS_MAX = 64 * 1024 * 1024
interface Held {
  readonly message: JsonObject
  readonly chars: number
}

export class Inbox {
  ended: string | undefined
  #messages: Held[] = []
  /** Of what the reader has not taken. */
  #count = 0
  #chars = 0
  #isPaused = false
  #heard = true
  #wake: () => void = quiet

  put(text: string, socket: Socket): void {
    if (this.ended !== undefined) return
    this.#heard = true
    const message = parseMessage(text)
    if (message === undefined) return this.end('what came is no JSON-RPC')
    this.#messages.push({ message: message as JsonObject, chars: text.length })
    this.#count++
    this.#chars += text.length
    if (this.#holds(BUFFER_MAX, BUFFER_CHARS_MAX)) return this.end('the reader is too slow')
    if (this.#holds(HELD_MAX, HELD_CHARS_MAX) && socket.pause !== undefined) {
      socket.pause()
      this.#isPaused = true
    }
    this.#wake()
  }

  #holds(messages: number, chars: number): boolean {
    return this.#count > messages || this.#chars > chars
  }

  end(reason: string): void {
    this.ended ??= reason
    this.#wake()
  }

  /** All that is there; the reader takes one after the other, and the socket waits until then. */
  *take(socket: Socket): Generator<JsonObject> {
    for (const { message, chars } of this.#messages.splice(0)) {
      this.#count--
      this.#chars -= chars
      yield message
    }
    if (!this.#isPaused || this.#messages.length > 0) return
    this.#isPaused = false
    this.#heard = true
    socket.resume?.()
  }

  /** Nothing came since the last time this was asked, though the socket was read. */
  get isSilent(): boolean {
    const isSilent = !this.#heard && !this.#isPaused && this.#count === 0
    this.#heard = false
    return isSilent
  }

  filled(): Promise<void> {
    if (this.#messages.length > 0 || this.ended !== undefined) return Promise.resolve()
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }
}

function quiet(): void {}
