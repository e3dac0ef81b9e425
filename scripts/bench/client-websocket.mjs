/**
 * A light WebSocket client for load (RFC 6455): any number of calls in flight on one connection,
 * everything sent in one turn of the event loop leaves in one write. Text frames only.
 */
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { getCall, judge, publishCall, putCall } from './calls.mjs'

/** Calls pipelined over one WebSocket to the first endpoint ("host:port"). */
export async function connectWebSocket(endpoints) {
  const socket = new Socket(endpoints[0])
  await socket.opened
  return {
    put: (key, value) => socket.call(id => putCall(id, key, value)),
    get: (key, consistency) => socket.call(id => getCall(id, key, consistency)),
    publish: value => socket.call(id => publishCall(id, value)),
    close: () => socket.fail('closed'),
  }
}

const openTimeoutMs = 5_000
const finalText = 0x81
const finalPong = 0x8a

class Socket {
  #socket
  #received = Buffer.alloc(0)
  #upgraded = false
  #out = []
  #outBytes = 0
  #mask = randomBytes(4)
  #waiting = new Map()
  #nextId = 1

  constructor(endpoint) {
    const [host, port] = endpoint.split(':')
    this.#socket = connect({ host, port: Number(port), noDelay: true })
    this.opened = new Promise((resolve, reject) => {
      this.#waiting.set('open', { resolve, reject })
      setTimeout(() => this.#upgraded || this.fail('no WebSocket upgrade'), openTimeoutMs).unref()
    })
    this.#socket.write(upgradeRequest(endpoint))
    this.#socket.on('data', bytes => this.#onData(bytes))
    this.#socket.on('error', error => this.fail(error.message))
    this.#socket.on('close', () => this.fail('closed'))
  }

  /** Resolves when the answer is a result. */
  call(body) {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Error('connection closed'))
      this.#waiting.set(id, { resolve, reject })
      this.#send(finalText, Buffer.from(body(id), 'latin1'))
    })
  }

  fail(reason) {
    this.#socket.destroy()
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(new Error(reason))
  }

  #send(type, payload) {
    if (this.#out.length === 0) process.nextTick(() => this.#flush())
    const frame = maskedFrame(type, payload, this.#mask)
    this.#out.push(frame)
    this.#outBytes += frame.length
  }

  #flush() {
    const bytes = this.#out.length === 1 ? this.#out[0] : Buffer.concat(this.#out, this.#outBytes)
    this.#out = []
    this.#outBytes = 0
    if (!this.#socket.destroyed) this.#socket.write(bytes)
  }

  #onData(bytes) {
    let buffer = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes])
    if (!this.#upgraded) {
      const end = buffer.indexOf('\r\n\r\n')
      if (end >= 0) {
        if (buffer.latin1Slice(9, 12) !== '101') return this.fail(buffer.latin1Slice(0, 60))
        this.#upgraded = true
        this.#settle('open')
        buffer = buffer.subarray(end + 4)
      }
    }
    this.#received = this.#upgraded ? buffer.subarray(this.#readFrames(buffer)) : buffer
  }

  /** How many bytes were whole frames. */
  #readFrames(buffer) {
    let at = 0
    for (;;) {
      if (buffer.length - at < 2) return at
      const short = buffer[at + 1] & 0x7f
      const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10
      if (buffer.length - at < headBytes) return at
      let length = short
      if (short === 126) length = buffer.readUInt16BE(at + 2)
      else if (short === 127) length = Number(buffer.readBigUInt64BE(at + 2))
      const end = at + headBytes + length
      if (buffer.length < end) return at
      this.#onFrame(buffer[at], buffer.subarray(at + headBytes, end))
      at = end
    }
  }

  #onFrame(type, payload) {
    if (type === finalText) {
      const { id, error } = judge(payload.latin1Slice())
      this.#settle(id, error)
    } else if (type === 0x89) this.#send(finalPong, Buffer.from(payload))
    else if (type === 0x88) this.fail('the server closed the WebSocket')
    else if (type !== finalPong) this.fail(`a WebSocket frame of type ${type} was not expected`)
  }

  #settle(id, error) {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve()
    else waiting?.reject(error)
  }
}

export function upgradeRequest(endpoint) {
  const key = randomBytes(16).toString('base64')
  return (
    `GET /rpc HTTP/1.1\r\nHost: ${endpoint}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`
  )
}

/** Masked as a real client's frames are: a zero mask would spare the server its work. */
function maskedFrame(type, payload, mask) {
  const length = payload.length
  const headBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const frame = Buffer.allocUnsafe(headBytes + 4 + length)
  frame[0] = type
  frame[1] = 0x80 | (headBytes === 2 ? length : headBytes === 4 ? 126 : 127)
  if (headBytes === 4) frame.writeUInt16BE(length, 2)
  if (headBytes === 10) frame.writeBigUInt64BE(BigInt(length), 2)
  mask.copy(frame, headBytes)
  const start = headBytes + 4
  for (let i = 0; i < length; i++) frame[start + i] = payload[i] ^ mask[i & 3]
  return frame
}
