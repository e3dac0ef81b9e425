/**
 * A WebSocket that sends puts without waiting, for next to nothing: one frame is made once, and of each copy
 * only the id and the key are written anew; of an answer only the id is read, and whether it is a result. In a
 * test of overload the sender shares the processor with the nodes, and what it takes they do not have.
 */
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { keyName } from '../bench/calls.mjs'
import { upgradeRequest } from '../bench/client-websocket.mjs'

const ID_DIGITS = 9
const KEY_DIGITS = 5
const CALL_HEAD = '{"jsonrpc":"2.0","id":"'
const ID_AT = CALL_HEAD.length
/** Of an answer, behind the id: `","result":…` or `","error":…`. */
const KIND_AT = ID_AT + ID_DIGITS + 3
const RESULT = 'r'.charCodeAt(0)
const QUOTE = '"'.charCodeAt(0)
const ZERO = '0'.charCodeAt(0)
const TEXT_FINAL = 0x81
const PING = 0x89
/** Start times are kept for so many calls; more are never under way on one socket. */
const KEPT = 1 << 17

export class Flood {
  #socket
  #frame
  #mask = randomBytes(4)
  #keyAt
  #rest = Buffer.alloc(0)
  #startMs = new Float64Array(KEPT)
  #next = 0
  #answered

  /** `value`: JSON text of ASCII, which is what is put; `answered(ms, refusal)`: text of an error, if it is one. */
  static async open(endpoint, value, answered) {
    const flood = new Flood(value, answered)
    await flood.#connect(endpoint)
    return flood
  }

  constructor(value, answered) {
    this.#answered = answered
    const head = `${CALL_HEAD}${'0'.repeat(ID_DIGITS)}","method":"kv.put","params":{"key":"`
    const key = keyName(0)
    const payload = Buffer.from(`${head}${key}","value":${value}}}`, 'latin1')
    const frame = Buffer.alloc(8 + payload.length)
    frame[0] = TEXT_FINAL
    frame[1] = 0x80 | 126
    frame.writeUInt16BE(payload.length, 2)
    this.#mask.copy(frame, 4)
    for (let i = 0; i < payload.length; i++) frame[8 + i] = payload[i] ^ this.#mask[i & 3]
    this.#frame = frame
    this.#keyAt = head.length + key.length - KEY_DIGITS
  }

  /** `keys`: numbers below 10 000; all leave in one write. */
  send(keys) {
    const size = this.#frame.length
    const out = Buffer.allocUnsafe(size * keys.length)
    const now = performance.now()
    for (let i = 0; i < keys.length; i++) {
      const id = this.#next++
      this.#startMs[id % KEPT] = now
      this.#frame.copy(out, i * size)
      this.#digits(out, i * size + 8, ID_AT, id, ID_DIGITS)
      this.#digits(out, i * size + 8, this.#keyAt, keys[i], KEY_DIGITS)
    }
    this.#socket.write(out)
  }

  close() {
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }

  async #connect(endpoint) {
    const [host, port] = endpoint.split(':')
    const socket = connect({ host, port: Number(port), noDelay: true })
    this.#socket = socket
    socket.write(upgradeRequest(endpoint))
    await new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.once('data', bytes => {
        const text = bytes.latin1Slice()
        if (!text.startsWith('HTTP/1.1 101') || !text.endsWith('\r\n\r\n')) reject(new Error(text))
        else resolve()
      })
    })
    socket.on('data', bytes => this.#onData(bytes))
    socket.on('close', () => {
      throw new Error(`${endpoint} closed the connection`)
    })
  }

  #digits(out, start, at, number, digits) {
    let left = number
    for (let i = at + digits - 1; i >= at; i--) {
      out[start + i] = (ZERO + (left % 10)) ^ this.#mask[i & 3]
      left = Math.floor(left / 10)
    }
  }

  #onData(bytes) {
    const buffer = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    let at = 0
    while (buffer.length - at >= 4) {
      const short = buffer[at + 1]
      const head = short < 126 ? 2 : 4
      const length = short < 126 ? short : buffer.readUInt16BE(at + 2)
      const end = at + head + length
      if (buffer.length < end) break
      if (buffer[at] === TEXT_FINAL) this.#onAnswer(buffer, at + head, end)
      else if (buffer[at] === PING) this.#socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]))
      else throw new Error(`a WebSocket frame of type ${buffer[at]} was not expected`)
      at = end
    }
    this.#rest = buffer.subarray(at)
  }

  #onAnswer(buffer, start, end) {
    if (buffer[start + ID_AT - 1] !== QUOTE) throw new Error(buffer.latin1Slice(start, end))
    let id = 0
    for (let i = start + ID_AT; i < start + ID_AT + ID_DIGITS; i++) id = id * 10 + buffer[i] - ZERO
    const ms = performance.now() - this.#startMs[id % KEPT]
    const isResult = buffer[start + KIND_AT] === RESULT
    this.#answered(ms, isResult ? undefined : buffer.latin1Slice(start + KIND_AT, end))
  }
}
