/**
 * A live server against bytes: requests cut anywhere, many in one packet, bent at random; WebSocket frames
 * that break the protocol. After each it still answers, and every answer is one of HTTP. (Sizes, smuggling
 * forms and slow senders are in test/rpc/http.test.ts.)
 */
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { Prng } from '../../src/base/prng.ts'
import { Client, call, raw, serve } from '../rpc/harness.ts'
import { mutateBytes } from './mutate.ts'

const BODY = '{"jsonrpc":"2.0","id":7,"method":"kv.put","params":{"key":"k","value":"ü"}}'

const request = (body: string, ...headers: string[]): string =>
  [
    'POST /rpc HTTP/1.1',
    'host: localhost',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    ...headers,
    '',
    body,
  ].join('\r\n')

/** Sends the pieces, each in a packet of its own; what came back until the server closed. */
function inPieces(port: number, pieces: readonly Uint8Array[]): Promise<string> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const back: Buffer[] = []
    const rest = [...pieces]
    const next = (): void => {
      const piece = rest.shift()
      if (piece === undefined) socket.end()
      else socket.write(piece, () => setImmediate(next))
    }
    socket.on('connect', next)
    socket.on('data', part => back.push(part))
    socket.on('error', () => {})
    socket.on('close', () => resolve(Buffer.concat(back).toString('latin1')))
  })
}

const alive = async (url: string): Promise<void> => {
  expect(await call(url, 'system.ping')).toMatchObject({ result: { pong: true } })
}

describe('HTTP', () => {
  test('a request is the same wherever it is cut into packets', async () => {
    const { url, port, node } = await serve()
    const bytes = Buffer.from(request(BODY, 'connection: close'))
    const wanted = await raw(port, bytes.toString())
    const answerOf = (text: string) => text.slice(text.indexOf('\r\n\r\n')).replace(/\d+/g, 'N')
    for (let cut = 1; cut < bytes.length; cut++) {
      const back = await split(port, bytes, cut)
      expect(answerOf(back)).toBe(answerOf(wanted))
    }
    expect(node.calls).toHaveLength(bytes.length)
    await alive(url)
  })

  test('many requests in one packet are answered in order', async () => {
    const { port } = await serve()
    const call = (i: number) => `{"jsonrpc":"2.0","id":${i},"method":"system.ping"}`
    const all = Array.from({ length: 50 }, (_, i) => request(call(i)))
    const back = await raw(port, all.join('') + request(call(50), 'connection: close'))
    expect([...back.matchAll(/"id":(\d+)/g)].map(found => Number(found[1]))).toEqual(
      Array.from({ length: 51 }, (_, i) => i),
    )
  })

  test('a chunked body is read, a malformed one is 400 and nothing of it is done', async () => {
    const { url, port, node } = await serve()
    const head = request('', 'transfer-encoding: chunked', 'connection: close').replace(
      /content-length: 0\r\n/,
      '',
    )
    const size = Buffer.byteLength(BODY).toString(16)
    const chunked = (...lines: string[]) => raw(port, head + lines.join('\r\n'))
    expect(await chunked(size, BODY, '0', '', '')).toMatch(/^HTTP\/1.1 200 /)
    expect(node.calls).toHaveLength(1)
    for (const bad of ['-1', '0x10', 'zz', 'ffffffffffffffffff', '', '+5', '5;'.repeat(20_000)]) {
      expect(await chunked(bad, BODY, '0', '', '')).toMatch(/^HTTP\/1.1 (400|413) /)
    }
    expect(node.calls).toHaveLength(1)
    await alive(url)
  })

  test('requests bent at random get an answer of HTTP, or none', async () => {
    const { url, port } = await serve()
    const prng = new Prng('http')
    const golden = [
      request(BODY),
      request('[]', 'expect: 100-continue'),
      'GET /readyz?verbose HTTP/1.1\r\nhost: [::1]:1\r\n\r\n',
      'GET /rpc HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
    ].map(each => Buffer.from(each))
    for (let i = 0; i < 400; i++) {
      const bytes = mutateBytes(prng.pick(golden), golden, prng)
      const back = await inPieces(port, [bytes])
      if (back !== '') expect(back).toMatch(/^HTTP\/1.1 (100|101|200|204|4\d\d|503) /)
    }
    await alive(url)
  })
})

function split(port: number, bytes: Buffer, cut: number): Promise<string> {
  return new Promise(resolve => {
    let back = ''
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => {
      socket.write(bytes.subarray(0, cut), () => {
        setImmediate(() => socket.write(bytes.subarray(cut)))
      })
    })
    socket.on('data', part => {
      back += String(part)
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(back))
  })
}

const UPGRADE = [
  'GET /rpc HTTP/1.1',
  'host: localhost',
  'connection: upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
  '',
  '',
].join('\r\n')

/** A frame as a client sends it: masked, with a mask of zeros. */
function frame(opcode: number, payload: Uint8Array, fin = true): Buffer {
  const long = payload.length > 125
  const head = Buffer.alloc(long ? 8 : 6)
  head[0] = (fin ? 0x80 : 0) | opcode
  head[1] = 0x80 | (long ? 126 : payload.length)
  if (long) head.writeUInt16BE(payload.length, 2)
  return Buffer.concat([head, payload])
}

const TEXT = 1
const PING = Buffer.from('{"jsonrpc":"2.0","id":"p","method":"system.ping"}')

describe('WebSocket', () => {
  const opened = (port: number, ...frames: Uint8Array[]) =>
    inPieces(port, [Buffer.concat([Buffer.from(UPGRADE), ...frames])])

  test('fragments of one byte, with pings between them, are one message', async () => {
    const { url } = await serve()
    const { ws } = await Client.open(url)
    for (let i = 0; i < PING.length; i++) {
      ws.send(PING.subarray(i, i + 1), { fin: i === PING.length - 1 })
      ws.ping()
    }
    const got = await new Promise(resolve => ws.once('message', data => resolve(String(data))))
    expect(got).toContain('"id":"p","result":{"pong":true')
  })

  test.each<[string, Buffer]>([
    ['a frame without a mask', Buffer.of(0x81, 1, 0x61)],
    ['a reserved bit', Buffer.of(0xc1, 0x80, 0, 0, 0, 0)],
    ['an unknown opcode', frame(3, PING)],
    ['a continuation of nothing', frame(0, PING)],
    ['a message within a message', Buffer.concat([frame(TEXT, PING, false), frame(TEXT, PING)])],
    ['a ping in fragments', frame(9, PING, false)],
    ['a ping of 126 bytes', frame(9, Buffer.alloc(126))],
    ['a length of 2^63', Buffer.of(0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
    ['a close of one byte', frame(8, Buffer.of(1))],
    ['a close with a code that nobody may send', frame(8, Buffer.of(3, 238))],
  ])('%s ends this connection, and only this', async (_, bytes) => {
    const { url, port } = await serve()
    const other = await Client.open(url)
    const back = await opened(port, bytes, frame(TEXT, PING))
    expect(back).toMatch(/^HTTP\/1.1 101 /)
    expect(back).not.toContain('"pong"')
    expect(await other.call('system.ping')).toMatchObject({ result: { pong: true } })
  })

  test('a message in fragments is bounded as a whole', async () => {
    const { url, port } = await serve({ limits: { bodyBytes: 10_000 } as never })
    const part = Buffer.alloc(1_000, 0x20)
    const parts = Array.from({ length: 30 }, (_, i) => frame(i === 0 ? TEXT : 0, part, false))
    const back = await opened(port, ...parts)
    // The close frame with 1009, too big.
    expect(back).toContain('\x88\x02\x03\xf1')
    await alive(url)
  })

  test('a flood of pings from who reads nothing is cut off', async () => {
    const { url, port } = await serve()
    const socket = connect(port, '127.0.0.1').pause()
    socket.on('error', () => {})
    const cut = new Promise(resolve => socket.on('close', resolve))
    socket.write(UPGRADE)
    const flood = Buffer.concat(Array.from({ length: 10_000 }, () => frame(9, Buffer.alloc(125))))
    for (let i = 0; i < 60; i++) socket.write(flood)
    await cut
    await alive(url)
  })

  test('frames bent at random', async () => {
    const { url, port } = await serve()
    const prng = new Prng('ws')
    const golden = [frame(TEXT, PING), frame(9, Buffer.alloc(3)), frame(8, Buffer.of(3, 232))]
    for (let i = 0; i < 400; i++) {
      const frames = Array.from({ length: prng.int(1, 4) }, () =>
        mutateBytes(prng.pick(golden), golden, prng),
      )
      expect(await opened(port, ...frames)).toMatch(/^HTTP\/1.1 101 /)
    }
    await alive(url)
  })
})
