/**
 * Small questions between nodes, beside the protocol: names and RPC addresses, a hash to compare, a
 * request to step down. JSON in frames of their own; a lost one times out.
 */
import { text, utf8 } from '../base/bytes.ts'
import { ViewstampError } from '../base/errors.ts'
import { isObject, type Json } from '../base/json.ts'

/** First byte of such a frame; the protocol's frames begin with their version. */
export const ASK_FRAME = 0xa5

interface Pending {
  readonly peer: string
  readonly resolve: (answer: Json) => void
  readonly reject: (error: ViewstampError) => void
  readonly timer: NodeJS.Timeout
}

export type AskHandler = (from: string, params: Json) => Json | Promise<Json>

const PENDING_MAX = 1024
const FRAME_MAX = 64 * 1024

export class Asks {
  readonly #send: (to: string, frame: Uint8Array) => boolean
  readonly #handlers: Readonly<Record<string, AskHandler>>
  readonly #pending = new Map<number, Pending>()
  #next = 1

  constructor(
    send: (to: string, frame: Uint8Array) => boolean,
    handlers: Readonly<Record<string, AskHandler>>,
  ) {
    this.#send = send
    this.#handlers = handlers
  }

  ask(peer: string, what: string, params: Json, timeoutMs: number): Promise<Json> {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        this.#pending.delete(id)
        reject(new ViewstampError('TIMEOUT', `${peer} ${why}`, { outcome: 'none' }))
      }
      if (this.#pending.size >= PENDING_MAX) return fail('is not asked: too many questions wait')
      if (!this.#send(peer, frameOf({ id, ask: what, params }))) return fail('is not connected')
      const timer = setTimeout(() => fail(`did not answer within ${timeoutMs} ms`), timeoutMs)
      timer.unref()
      this.#pending.set(id, { peer, resolve, reject, timer })
    })
  }

  /** Tells without wanting an answer. */
  tell(peer: string, what: string, params: Json): void {
    this.#send(peer, frameOf({ id: 0, ask: what, params }))
  }

  onFrame(from: string, frame: Uint8Array): void {
    if (frame.length > FRAME_MAX) return
    let parsed: unknown
    try {
      parsed = JSON.parse(text(frame.subarray(1)))
    } catch {
      return
    }
    if (!isObject(parsed) || typeof parsed['id'] !== 'number') return
    if (typeof parsed['ask'] === 'string')
      void this.#answer(from, parsed['id'], parsed['ask'], parsed['params'])
    else this.#settle(from, parsed['id'], parsed['answer'], parsed['error'])
  }

  async #answer(from: string, id: number, what: string, params: unknown): Promise<void> {
    const handler = Object.hasOwn(this.#handlers, what) ? this.#handlers[what] : undefined
    let reply: Json
    try {
      if (!handler) throw new Error(`${what} is not known here`)
      reply = { id, answer: await handler(from, (params ?? null) as Json) }
    } catch (error) {
      reply = { id, error: error instanceof Error ? error.message : String(error) }
    }
    if (id !== 0) this.#send(from, frameOf(reply))
  }

  #settle(from: string, id: number, answer: unknown, error: unknown): void {
    const pending = this.#pending.get(id)
    if (pending?.peer !== from) return
    this.#pending.delete(id)
    clearTimeout(pending.timer)
    if (typeof error === 'string') {
      pending.reject(new ViewstampError('VIEW_CHANGE', `${from} says: ${error}`))
    } else {
      pending.resolve((answer ?? null) as Json)
    }
  }
}

function frameOf(value: Json): Uint8Array {
  const body = utf8(JSON.stringify(value))
  const frame = new Uint8Array(body.length + 1)
  frame[0] = ASK_FRAME
  frame.set(body, 1)
  return frame
}
