/**
 * A light HTTP/1.1 client for load: one call in flight per kept-alive connection, as many
 * connections as there are calls in flight. Half the CPU of `fetch` and of node:http's client.
 */
import { connect } from 'node:net'
import {
  getCall,
  judge,
  judgeBatch,
  publishBatch,
  publishCall,
  putBatch,
  putCall,
} from './calls.mjs'

/** Calls over HTTP, one per request, spread over the endpoints ("host:port") in turn. */
export function connectHttp(endpoints) {
  const pools = endpoints.map(endpoint => new Pool(endpoint))
  let turn = 0
  const post = (body, timeoutMs) => pools[turn++ % pools.length].post(body, timeoutMs)
  const one = async (body, timeoutMs) => {
    const { error } = judge(await post(body, timeoutMs))
    if (error !== undefined) throw error
  }
  return {
    put: (key, value, timeoutMs) => one(putCall(1, key, value), timeoutMs),
    get: (key, consistency) => one(getCall(1, key, consistency)),
    publish: value => one(publishCall(1, value)),
    publishBatch: (size, value) => one(publishBatch(1, size, value)),
    async putBatch(pairs) {
      const error = judgeBatch(await post(putBatch(pairs)), pairs.length)
      if (error !== undefined) throw error
    },
    close() {
      for (const pool of pools) pool.close()
    },
  }
}

/** One call with a full answer, for control and not for load. */
export async function callOnce(endpoint, method, params = {}, timeoutMs = 2_000) {
  const response = await fetch(`http://${endpoint}/rpc`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    signal: AbortSignal.timeout(timeoutMs),
  })
  const answer = await response.json()
  if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`)
  return answer.result
}

class Pool {
  #endpoint
  #idle = []
  #open = new Set()

  constructor(endpoint) {
    this.#endpoint = endpoint
  }

  async post(body, timeoutMs) {
    const connection = this.#idle.pop() ?? new Connection(this.#endpoint)
    this.#open.add(connection)
    const timer =
      timeoutMs === undefined ? undefined : setTimeout(() => connection.fail('timeout'), timeoutMs)
    try {
      const text = await connection.post(body)
      this.#idle.push(connection)
      return text
    } catch (error) {
      this.#open.delete(connection)
      connection.fail('closed')
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  close() {
    for (const connection of this.#open) connection.fail('closed')
    this.#open.clear()
    this.#idle.length = 0
  }
}

class Connection {
  #socket
  #head
  #received = ''
  #bodyAt = -1
  #end = -1
  #waiting

  constructor(endpoint) {
    const [host, port] = endpoint.split(':')
    this.#head = `POST /rpc HTTP/1.1\r\nHost: ${endpoint}\r\nContent-Type: application/json\r\nContent-Length: `
    this.#socket = connect({ host, port: Number(port), noDelay: true })
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', text => this.#onData(text))
    this.#socket.on('error', error => this.fail(error.message))
    this.#socket.on('close', () => this.fail('closed'))
  }

  post(body) {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Error('connection closed'))
      this.#waiting = { resolve, reject }
      this.#socket.write(`${this.#head}${body.length}\r\n\r\n${body}`, 'latin1')
    })
  }

  fail(reason) {
    this.#socket.destroy()
    this.#settle()?.reject(new Error(reason))
  }

  #onData(text) {
    this.#received = this.#received === '' ? text : this.#received + text
    if (this.#bodyAt < 0) this.#readHead()
    if (this.#bodyAt < 0) return
    const received = this.#received
    // Chunked: with one call in flight, the last chunk ends the buffer.
    const done = this.#end >= 0 ? received.length >= this.#end : received.endsWith('\r\n0\r\n\r\n')
    if (!done) return
    const body = received.slice(this.#bodyAt, this.#end >= 0 ? this.#end : undefined)
    const status = received.slice(9, 12)
    const waiting = this.#settle()
    if (status === '200') waiting?.resolve(body)
    else waiting?.reject(new Error(`HTTP ${status}: ${body.slice(0, 120)}`))
  }

  #readHead() {
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return
    const length = /content-length: *(\d+)/i.exec(this.#received.slice(0, end))?.[1]
    this.#bodyAt = end + 4
    this.#end = length === undefined ? -1 : this.#bodyAt + Number(length)
  }

  #settle() {
    const waiting = this.#waiting
    this.#waiting = undefined
    this.#received = ''
    this.#bodyAt = -1
    return waiting
  }
}
