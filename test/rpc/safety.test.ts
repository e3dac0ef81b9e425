/** The safety of a localhost port: who may come in, by HTTP and by WebSocket. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { createRpcServer } from '../../src/rpc/server.ts'
import { Tokens } from '../../src/rpc/tokens.ts'
import { FakeNode } from './fake-node.ts'
import { ask, Client, raw, serve } from './harness.ts'

const PING = '{"jsonrpc":"2.0","id":1,"method":"system.ping"}'
const directory = mkdtempSync(join(tmpdir(), 'rpc-'))
afterAll(() => rmSync(directory, { recursive: true }))

const status = async (url: string, headers: Record<string, string>) =>
  (await ask(url, { body: PING, headers })).status

/** 101, or the status of the refusal. */
async function upgrade(url: string, headers: Record<string, string>): Promise<number> {
  try {
    await Client.open(url, headers)
    return 101
  } catch (error) {
    return Number(/\d+$/.exec(String(error))?.[0])
  }
}

describe('Host', () => {
  const good = ['127.0.0.1', '127.0.0.1:7401', 'localhost:1', '[::1]:7401', '10.1.2.3', 'LOCALHOST']
  const bad = [
    'evil.example',
    'evil.example:7401',
    'localhost.evil.example',
    '127.0.0.1.nip.io',
    'x@localhost',
    '[evil]',
  ]
  test.each(good)('%s is this machine', async host => {
    const { url } = await serve()
    expect(await status(url, { host })).toBe(200)
    expect(await upgrade(url, { host })).toBe(101)
  })
  test.each(bad)('%j is refused', async host => {
    const { url } = await serve()
    expect(await status(url, { host })).toBe(403)
    expect(await upgrade(url, { host })).toBe(403)
    expect((await ask(url, { method: 'GET', path: '/', headers: { host } })).status).toBe(403)
  })
  test('none at all is refused', async () => {
    const { port } = await serve()
    expect(await raw(port, 'GET /version HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 403 /)
    expect(await raw(port, 'GET /version HTTP/1.0\r\nhost:\r\n\r\n')).toMatch(/^HTTP\/1.1 403 /)
  })
  test('a listed name is let in', async () => {
    const { url } = await serve({ allowedHosts: ['Node1.example'] })
    expect(await status(url, { host: 'node1.example:7401' })).toBe(200)
    expect(await status(url, { host: 'node2.example:7401' })).toBe(403)
  })
})

describe('Origin', () => {
  test.each(['https://evil.example', 'null', 'http://localhost:9999', 'file://'])(
    '%s is refused',
    async origin => {
      const { url } = await serve()
      expect(await status(url, { origin })).toBe(403)
      expect(await upgrade(url, { origin })).toBe(403)
      const got = await ask(url, { method: 'GET', path: '/metrics', headers: { origin } })
      expect(got.status).toBe(403)
    },
  )
  test('a page of this server may call, and so may a listed one', async () => {
    const { url } = await serve({ allowedOrigins: ['https://desk.example'] })
    for (const origin of [url, 'https://desk.example']) {
      expect(await status(url, { origin })).toBe(200)
      expect(await upgrade(url, { origin })).toBe(101)
    }
  })
  test('a browser that says cross-site is refused, a followed link to a page is not', async () => {
    const { url } = await serve()
    const site = { 'sec-fetch-site': 'cross-site' }
    expect(await status(url, site)).toBe(403)
    expect(await status(url, { 'sec-fetch-site': 'same-origin' })).toBe(200)
    const link = { ...site, 'sec-fetch-mode': 'navigate' }
    expect((await ask(url, { method: 'GET', path: '/', headers: link })).status).toBe(200)
    expect(await status(url, link)).toBe(403)
  })
  test('no answer allows another origin to read it', async () => {
    const { url } = await serve()
    const asked = { 'access-control-request-method': 'POST', origin: 'https://evil.example' }
    const got = await ask(url, { method: 'OPTIONS', headers: asked })
    const plain = await ask(url, { body: PING })
    for (const { headers } of [got, plain]) {
      expect(Object.keys(headers).filter(name => name.startsWith('access-control'))).toEqual([])
    }
  })
})

describe('WebSocket upgrade', () => {
  test('only at /rpc, only to websocket', async () => {
    const { url } = await serve()
    const headers = { connection: 'upgrade', upgrade: 'h2c' }
    expect((await ask(url, { method: 'GET', headers })).status).toBe(400)
    expect((await ask(url, { method: 'GET', path: '/x', headers })).status).toBe(404)
  })
})

describe('tokens', () => {
  const token = 'correct-horse-battery'
  const hash = createHash('sha256').update(token).digest('hex')
  const file = (name: string, content: string) => {
    const path = join(directory, name)
    writeFileSync(path, content)
    return path
  }

  test('beyond this machine: not without tokens, unless told', () => {
    const node = new FakeNode()
    for (const listen of ['0.0.0.0:0', '[::]:0', '192.168.1.5:0', 'node1:0']) {
      const create = () => createRpcServer({ node, listen })
      expect(create).toThrow(expect.objectContaining({ code: 'UNSAFE_LISTEN' }))
      createRpcServer({ node, listen, insecure: true })
      createRpcServer({ node, listen, tokensFile: file('some', `sha256:${hash} ops\n`) })
    }
    createRpcServer({ node, listen: '[::1]:0' })
  })

  test('every method asks for one, health does not', async () => {
    const tokensFile = file('tokens', `# who\n\nsha256:${hash} ops\n`)
    const { url } = await serve({ tokensFile })
    const refused = await ask(url, { body: PING })
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, 'Bearer'])
    expect(refused.json.error.data.name).toBe('UNAUTHENTICATED')
    expect(await status(url, { authorization: 'Bearer wrong' })).toBe(401)
    expect(await status(url, { authorization: `Bearer ${hash}` })).toBe(401)
    expect(await status(url, { authorization: `Basic ${token}` })).toBe(401)
    expect(await status(url, { authorization: `Bearer ${token}` })).toBe(200)
    expect(await upgrade(url, {})).toBe(401)
    expect(await upgrade(url, { authorization: `Bearer ${token}` })).toBe(101)
    const get = async (path: string) => (await ask(url, { method: 'GET', path })).status
    expect(await Promise.all(['/livez', '/readyz', '/metrics', '/version'].map(get))).toEqual([
      200, 200, 401, 401,
    ])
  })

  test('V11 a WebSocket that came with a token goes with it', async () => {
    const path = file('leaving', `sha256:${hash} ops\n`)
    let nowMs = performance.now()
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => nowMs)
    const { url, server, node } = await serve({ tokensFile: path })
    const headers = { authorization: `Bearer ${token}` }
    const [asking, following] = [await Client.open(url, headers), await Client.open(url, headers)]
    const codes = [asking, following].map(
      ({ ws }) => new Promise(resolve => ws.once('close', resolve)),
    )
    await following.call('kv.watch', { prefix: '' })
    writeFileSync(path, `sha256:${'0'.repeat(64)}\n`)
    utimesSync(path, 7, 7)
    nowMs += 2_000
    asking.send({ jsonrpc: '2.0', id: 1, method: 'kv.put', params: ['k', 1] })
    expect(await codes[0]).toBe(1008)
    server.tick()
    expect(await codes[1]).toBe(1008)
    expect(asking.got).toEqual([])
    expect(node.calls).toEqual([])
    expect(node.keyFollowers).toBe(0)
    clock.mockRestore()
  })

  test('a removed line stops to count; a broken file changes nothing', () => {
    const path = file('changing', `sha256:${hash} ops\n`)
    const logged: string[] = []
    const log = {
      info: (_: object, m: string) => logged.push(m),
      warn: () => {},
      error: (_: object, m: string) => logged.push(m),
    }
    let nowMs = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => nowMs)
    const tokens = new Tokens(path, log)
    const rewrite = (content: string, at: number) => {
      writeFileSync(path, content)
      utimesSync(path, at, at)
      nowMs += 2_000
    }
    expect(tokens.admits(`Bearer ${token}`)).toBe(true)
    rewrite('garbage', 1)
    expect(tokens.admits(`Bearer ${token}`)).toBe(true)
    rewrite(`sha256:${'0'.repeat(64)}`, 2)
    expect(tokens.admits(`Bearer ${token}`)).toBe(false)
    clock.mockRestore()
    expect(logged).toHaveLength(2)
    expect(logged.join()).not.toContain(hash)
  })

  test.each([
    ['missing', undefined],
    ['empty', ''],
    ['no-hash', 'secret\n'],
  ])('a tokens file that is %s is one clear error', (name, content) => {
    const path = content === undefined ? join(directory, name) : file(name, content)
    const create = () =>
      createRpcServer({ node: new FakeNode(), listen: '127.0.0.1:0', tokensFile: path })
    expect(create).toThrow(expect.objectContaining({ code: 'BAD_TOKENS_FILE' }))
    expect(create).not.toThrow(/secret/)
  })
})
