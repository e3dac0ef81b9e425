/** HTTP: the specification again, statuses, pages, limits, stopping. */
import { describe, expect, test } from 'vitest'
import { createRpcServer } from '../../src/rpc/server.ts'
import { FakeNode } from './fake-node.ts'
import { ask, call, post, raw, serve } from './harness.ts'
import { brief, EXAMPLE_METHODS, EXAMPLES } from './specification.ts'

const PING = { jsonrpc: '2.0', id: 1, method: 'system.ping' }
const PING_TEXT = JSON.stringify(PING)

describe('specification §7', () => {
  test.each(EXAMPLES)('$title', async ({ request, answer }) => {
    const { url } = await serve({ methods: EXAMPLE_METHODS })
    const got = await post(url, request)
    expect(got.status).toBe(answer === undefined ? 204 : 200)
    expect(brief(got.text)).toEqual(answer)
  })
})

describe('statuses', () => {
  test('an answer is JSON with its length; 204 has neither', async () => {
    const { url } = await serve()
    const got = await post(url, PING)
    expect(got.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(got.text)),
    })
    const none = await post(url, { jsonrpc: '2.0', method: 'system.ping' })
    expect([none.status, none.text, none.headers['content-type']]).toEqual([204, '', undefined])
  })

  test.each(['GET', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH'])(
    '%s /rpc is 405 and says POST',
    async method => {
      const { url, node } = await serve()
      const got = await ask(url, { method, body: '' })
      expect([got.status, got.headers['allow']]).toEqual([405, 'POST'])
      expect(node.calls).toEqual([])
    },
  )

  test.each(['application/json', 'application/json-rpc', 'Application/JSON; charset=utf-8'])(
    'content type %s is taken',
    async type => {
      const { url } = await serve()
      const got = await ask(url, { body: PING_TEXT, headers: { 'content-type': type } })
      expect(got.json.result.pong).toBe(true)
    },
  )

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'text/plain; application/json',
    undefined,
  ])('content type %s is 415', async type => {
    const { url } = await serve()
    const got = await ask(url, { body: PING_TEXT, headers: { 'content-type': type } })
    expect(got.status).toBe(415)
    expect(got.json.error.data.name).toBe('INVALID_REQUEST')
  })

  test('unknown paths are 404, in the form of an error', async () => {
    const { url } = await serve()
    for (const path of [
      '/nope',
      '/../etc/passwd',
      '/rpc/',
      '//rpc',
      '/__proto__',
      '/constructor',
    ]) {
      const got = await ask(url, { method: 'GET', path })
      expect([path, got.status]).toEqual([path, 404])
      expect(got.json.error.message).toContain('POST /rpc')
    }
  })

  test('a connection is kept for the next call', async () => {
    const { port } = await serve()
    const one = `POST /rpc HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${PING_TEXT.length}\r\n`
    const back = await raw(
      port,
      `${one}\r\n${PING_TEXT}${one}\r\n${PING_TEXT}${one}connection: close\r\n\r\n${PING_TEXT}`,
    )
    expect(back.match(/"pong":true/g)).toHaveLength(3)
  })
})

describe('limits', () => {
  test('a body of the limit is read, one byte more is 413', async () => {
    const { url } = await serve({ limits: { bodyBytes: 1000 } })
    const padded = (bytes: number) => PING_TEXT + ' '.repeat(bytes - PING_TEXT.length)
    expect((await post(url, padded(1000))).json.result.pong).toBe(true)
    const got = await post(url, padded(1001))
    expect(got.status).toBe(413)
    expect(got.json.error).toMatchObject({ code: -32006, data: { limit: 1000, outcome: 'none' } })
  })

  test('a body without a length is cut at the limit too', async () => {
    const { url } = await serve({ limits: { bodyBytes: 1000 } })
    const headers = { 'transfer-encoding': 'chunked' }
    const got = await ask(url, { body: PING_TEXT + ' '.repeat(1000), headers })
    expect(got.status).toBe(413)
  })

  test('20 MiB are refused and the connection survives it', async () => {
    const { url, node } = await serve()
    const value = 'x'.repeat(20 << 20)
    const got = await post(url, { ...PING, method: 'kv.put', params: { key: 'k', value } })
    expect(got.status).toBe(413)
    expect(node.calls).toEqual([])
    expect((await post(url, PING)).json.result.pong).toBe(true)
  })

  test('who asks first (Expect) is refused before sending', async () => {
    const { port } = await serve()
    const head = `POST /rpc HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\nexpect: 100-continue\r\n`
    const no = await raw(port, `${head}content-length: 99999999\r\n\r\n`)
    expect(no).toMatch(/^HTTP\/1.1 413 /)
    const yes = await raw(port, `${head}content-length: ${PING_TEXT.length}\r\n\r\n${PING_TEXT}`)
    expect(yes).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 /)
  })

  test('headers of 17 KiB are 431', async () => {
    const { port } = await serve()
    const back = await raw(
      port,
      `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(17_000)}\r\n\r\n`,
    )
    expect(back).toMatch(/^HTTP\/1.1 431 /)
  })

  test.each([
    'content-length: 4\r\ntransfer-encoding: chunked',
    'content-length: 4\r\ncontent-length: 5',
    'transfer-encoding: chunked, identity',
    'content-length: +4',
    'content-length : 4',
  ])('two readings of one request (%j) are 400', async headers => {
    const { port } = await serve()
    const head = 'POST /rpc HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n'
    expect(await raw(port, `${head}${headers}\r\n\r\n0\r\n\r\n`)).toMatch(/^HTTP\/1.1 400 /)
  })

  test('slow headers and slow bodies are cut', async () => {
    const { port } = await serve({ limits: { headersTimeoutMs: 100, requestTimeoutMs: 200 } })
    const [headers, body] = await Promise.all([
      raw(port, 'POST /rpc HTTP/1.1\r\nhost:'),
      raw(
        port,
        'POST /rpc HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
      ),
    ])
    expect(headers).toMatch(/^HTTP\/1.1 408 /)
    expect(body).toMatch(/^HTTP\/1.1 408 /)
  })
})

describe('pages', () => {
  const get = (url: string, path: string) => ask(url, { method: 'GET', path })

  test('/livez never looks at the cluster, /readyz does', async () => {
    const { url, node } = await serve()
    node.ready = false
    expect((await get(url, '/livez')).status).toBe(200)
    const got = await get(url, '/readyz?verbose')
    expect(got.status).toBe(503)
    expect(got.text).toContain('[-] quorum: 3 of 3')
    node.ready = true
    expect((await get(url, '/readyz')).text).toBe('ok\n')
  })

  test('/metrics has the figures of the node and of this layer', async () => {
    const { url } = await serve()
    await post(url, PING)
    const { text, headers } = await get(url, '/metrics')
    expect(headers['content-type']).toContain('text/plain; version=0.0.4')
    expect(text).toContain('viewstamp_view 3\n')
    expect(text).toContain('viewstamp_rpc_requests_total{method="system.ping",code="ok"} 1\n')
    expect(text).toContain(
      'viewstamp_rpc_duration_seconds_bucket{method="system.ping",le="+Inf"} 1',
    )
  })

  test('/version, /openrpc.json and /', async () => {
    const { url } = await serve()
    expect((await get(url, '/version')).json).toMatchObject({ version: '0.1.0', protocol: '1' })
    expect((await get(url, '/openrpc.json')).json.openrpc).toMatch(/^1\./)
    const home = await get(url, '/')
    expect(home.headers['content-security-policy']).toContain("default-src 'none'")
    expect(home.text).toContain('/rpc')
  })

  test('pages are read only', async () => {
    const { url } = await serve()
    for (const path of ['/', '/livez', '/metrics']) {
      const got = await ask(url, { method: 'POST', path, body: PING_TEXT })
      expect([got.status, got.headers['allow']]).toEqual([405, 'GET, HEAD'])
    }
    const head = await ask(url, { method: 'HEAD', path: '/version' })
    expect([head.status, head.text]).toEqual([200, ''])
  })
})

describe('start and stop', () => {
  test('a port in use is one clear error', async () => {
    const { port } = await serve()
    const second = createRpcServer({ node: new FakeNode(), listen: `127.0.0.1:${port}` })
    await expect(second.start()).rejects.toMatchObject({ code: 'PORT_IN_USE' })
  })

  test.each(['127.0.0.1', 'localhost:', ':7401', '127.0.0.1:70000', '127.0.0.1:x'])(
    '%s is no address to listen on',
    listen => {
      const create = () => createRpcServer({ node: new FakeNode(), listen })
      expect(create).toThrow(expect.objectContaining({ code: 'CANNOT_LISTEN' }))
    },
  )

  test('calls under way are answered before it closes', async () => {
    const { url, node, server } = await serve({ limits: { stopTimeoutMs: 60_000 } })
    let open = () => {}
    node.gate = new Promise(resolve => {
      open = resolve
    })
    const answer = call(url, 'kv.put', ['a', 1])
    while (node.calls.length === 0) await new Promise(resolve => setImmediate(resolve))
    const stopped = server.stop()
    open()
    expect((await answer).result.rev).toBe(1)
    await stopped
    await expect(post(url, PING)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})
