/** The short way for plain calls: the same answers as Node's server gives, and the way over to it. */
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { serve } from './harness.ts'
import { brief, EXAMPLE_METHODS, EXAMPLES } from './specification.ts'

const PING = '{"jsonrpc":"2.0","id":1,"method":"system.ping"}'
const open: Socket[] = []
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy()
})

/** A connection that keeps what it is told. */
class Wire {
  readonly #socket: Socket
  #text = ''
  #ended = false
  #wake = () => {}

  constructor(port: number, allowHalfOpen = false) {
    this.#socket = connect({ port, host: '127.0.0.1', allowHalfOpen })
    open.push(this.#socket)
    this.#socket.on('data', part => {
      this.#text += part.toString('utf8')
      this.#wake()
    })
    const over = () => {
      this.#ended = true
      this.#wake()
    }
    this.#socket.on('end', over).on('close', over).on('error', over)
  }

  send(text: string | Buffer): this {
    this.#socket.write(text)
    return this
  }

  end(): void {
    this.#socket.end()
  }

  /** Bodies of the next answers with a length. */
  async answers(count: number): Promise<string[]> {
    const bodies: string[] = []
    for (;;) {
      const [head, length] =
        /^HTTP[\s\S]*?content-length: (\d+)[\s\S]*?\r\n\r\n/i.exec(this.#text) ?? []
      if (head !== undefined && this.#text.length >= head.length + Number(length)) {
        bodies.push(this.#text.slice(head.length, head.length + Number(length)))
        this.#text = this.#text.slice(head.length + Number(length))
        if (bodies.length === count) return bodies
        continue
      }
      if (this.#ended) throw new Error(`the connection ended after: ${this.#text}`)
      await this.#more()
    }
  }

  async closed(): Promise<string> {
    while (!this.#ended) await this.#more()
    return this.#text
  }

  #more(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }
}

const plain = (body: string, ...more: string[]): string =>
  [
    'POST /rpc HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...more,
    '',
    body,
  ].join('\r\n')

const ids = (bodies: readonly string[]): unknown[] => bodies.map(body => JSON.parse(body).id)
const ping = (id: number): string => plain(PING.replace('"id":1', `"id":${id}`))

describe('specification §7, one connection', () => {
  test.each(EXAMPLES)('$title', async ({ request, answer }) => {
    const { port } = await serve({ methods: EXAMPLE_METHODS })
    const text = typeof request === 'string' ? request : JSON.stringify(request)
    const wire = new Wire(port)
    if (answer !== undefined) {
      const [body] = await wire.send(plain(text)).answers(1)
      expect(brief(body ?? '')).toEqual(answer)
    } else {
      const closing = plain(
        '{"jsonrpc":"2.0","id":"last","method":"get_data"}',
        'Connection: close',
      )
      wire.send(plain(text)).send(closing)
      expect(await wire.closed()).toMatch(
        /^HTTP\/1.1 204 No Content\r\n[\s\S]*\r\n\r\nHTTP\/1.1 200/,
      )
    }
  })
})

test('the answer has the headers that the standard server gives', async () => {
  const { port } = await serve()
  const heads: string[][] = []
  for (const more of [[], ['X-Not-Plain: 1']]) {
    const wire = new Wire(port).send(plain(PING, ...more))
    // Then one that closes, so that all is there.
    wire.send(plain(PING, 'Connection: close'))
    const [head = ''] = (await wire.closed()).split('\r\n\r\n')
    const lines = head.split('\r\n').map(line => line.toLowerCase().replace(/^date: .*/, 'date'))
    heads.push(lines.sort())
  }
  expect(heads[0]).toEqual(heads[1])
})

test('calls sent without waiting are answered in their order, cut anywhere', async () => {
  const { port } = await serve()
  const all = Buffer.from([1, 2, 3, 4, 5].map(ping).join(''))
  const wire = new Wire(port).send(all)
  expect(ids(await wire.answers(5))).toEqual([1, 2, 3, 4, 5])
  for (const cut of [1, 30, 120, 200, 333]) {
    const two = new Wire(port).send(all.subarray(0, cut))
    await new Promise(resolve => setImmediate(resolve))
    expect(ids(await two.send(all.subarray(cut)).answers(5))).toEqual([1, 2, 3, 4, 5])
  }
})

test('behind plain calls anything else is read by the standard server, in order', async () => {
  const { port } = await serve()
  const get = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const wire = new Wire(port).send(ping(1) + get + ping(2))
  const [first, page, second] = await wire.answers(3)
  expect([JSON.parse(first ?? '').id, JSON.parse(second ?? '').id]).toEqual([1, 2])
  expect(page).not.toContain('jsonrpc')
})

test.each([
  ['415', plain(PING).replace('application/json', 'text/plain')],
  ['403', plain(PING).replace('Host: localhost', 'Host: evil.example')],
  ['403', plain(PING, 'Origin: https://evil.example')],
  ['403', plain(PING, 'Sec-Fetch-Site: cross-site')],
  ['400', plain(PING, 'Transfer-Encoding: chunked')],
  ['400', plain(PING, 'Content-Length: 3')],
  ['405', plain(PING).replace('POST', 'PUT')],
  ['413', plain(PING).replace(/Content-Length: \d+/, 'Content-Length: 9999999')],
])('%s is said by the standard server, also behind a plain call', async (status, request) => {
  const { port, node } = await serve()
  const wire = new Wire(port).send(ping(1))
  await wire.answers(1)
  node.calls.length = 0
  const closing = request.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')
  expect(await wire.send(closing).closed()).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  expect(node.calls).toEqual([])
})

test('a sender that has closed its half gets its answers', async () => {
  const { port } = await serve()
  const wire = new Wire(port, true).send(ping(1) + ping(2))
  wire.end()
  expect(ids(await wire.answers(2))).toEqual([1, 2])
  await wire.closed()
})

test('a connection that says nothing, or no more, is closed', async () => {
  const { port } = await serve({ limits: { headersTimeoutMs: 50, idleTimeoutMs: 60 } })
  expect(await new Wire(port).closed()).toBe('')
  const wire = new Wire(port).send(ping(1))
  expect(ids(await wire.answers(1))).toEqual([1])
  expect(await wire.closed()).toBe('')
})

test('a server that stops closes connections that wait, and goes', async () => {
  const { port, server } = await serve()
  const wire = new Wire(port).send(ping(1))
  await wire.answers(1)
  await server.stop()
  expect(await wire.closed()).toBe('')
})
