/** V28 to V34: what a daemon shows, and to whom: files, ports, log, pages. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Daemons, rpc } from '../daemon/processes.ts'
import { ask } from '../rpc/harness.ts'

const TOKEN = 'correct-horse-battery-staple'
const KEY = 'users/secret-name'
const VALUE = 'a-value-to-keep'

let daemons: Daemons
beforeAll(async () => {
  daemons = await Daemons.init(1)
  const tokens = join(daemons.dir, 'tokens')
  const hash = createHash('sha256').update(TOKEN).digest('hex')
  writeFileSync(tokens, `sha256:${hash} ops\n`)
  await daemons.start(0)
  await daemons.untilWritable()
  await rpc(daemons.url(0), 'kv.put', { key: KEY, value: VALUE })
  await daemons.kill(0, 'SIGTERM')
  const config = readFileSync(daemons.config(0), 'utf8')
  writeFileSync(daemons.config(0), config.replace(/^rpc: {/m, 'rpc: { tokensFile: ../tokens,'))
  await daemons.start(0)
})
afterAll(() => daemons.destroy())

const headers = { authorization: `Bearer ${TOKEN}` }
const get = (path: string, more = {}) =>
  ask(daemons.url(0), { method: 'GET', path, headers: { ...headers, ...more } })

test('V32 the data directory is for its owner only, and so is every secret in it', () => {
  const dir = join(daemons.dir, 'n1')
  const modeOf = (path: string) => statSync(path).mode & 0o777
  expect(modeOf(dir)).toBe(0o700)
  expect(modeOf(join(dir, 'identity.key'))).toBe(0o600)
  const open = readdirSync(dir).filter(name => {
    const path = join(dir, name)
    return name !== 'config.yaml' && (modeOf(path) & 0o077) !== 0
  })
  expect(open).toEqual([])
})

/** Another address of this machine, as a neighbour would use it. */
const outside = Object.values(networkInterfaces())
  .flat()
  .find(each => each?.family === 'IPv4' && !each.internal)?.address

test.runIf(outside !== undefined)('V31 by default only this machine can call', async () => {
  const failure = await new Promise(resolve => {
    const socket = connect(daemons.basePort + 1, outside)
    socket.on('connect', () => resolve('connected'))
    socket.on('error', error => resolve((error as NodeJS.ErrnoException).code))
  })
  expect(failure).toBe('ECONNREFUSED')
})

test('V28 no token is in the log, in an error, in the metrics', async () => {
  const body = '{"jsonrpc":"2.0","id":1,"method":"kv.pot"}'
  const refused = await ask(daemons.url(0), { body, headers: { authorization: 'Bearer guess-it' } })
  expect(refused.status).toBe(401)
  const unknown = await ask(daemons.url(0), { body, headers })
  expect(unknown.json.error.code).toBe(-32601)
  const { text } = await get('/metrics')
  for (const shown of [refused.text, unknown.text, text, daemons.logOf(0)]) {
    expect(shown).not.toContain(TOKEN)
    expect(shown).not.toContain('guess-it')
  }
})

test('V29 neither health nor metrics nor log tell keys or values', async () => {
  await ask(daemons.url(0), {
    headers,
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'kv.get', params: { key: KEY } }),
  })
  const pages = await Promise.all(
    ['/livez', '/readyz?verbose', '/metrics', '/version'].map(p => get(p)),
  )
  for (const text of [...pages.map(page => page.text), daemons.logOf(0)]) {
    expect(text).not.toContain(KEY)
    expect(text).not.toContain(VALUE)
  }
  expect(pages.map(page => page.status)).toEqual([200, 200, 200, 200])
})

test('V30 there is nothing but the pages, however the path is written; they may load nothing', async () => {
  const paths = ['/../identity.key', '/..%2f..%2fetc/passwd', '/%2e%2e/config.yaml', '//etc/passwd']
  for (const path of [...paths, '/n1', '/dist/cli.js', '/\\..\\identity.key']) {
    expect((await get(path)).status, path).toBe(404)
  }
  const page = await get('/')
  expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'/)
  expect(page.headers['x-content-type-options']).toBe('nosniff')
  expect(page.text).not.toMatch(/<script|javascript:|\son\w+=/i)
})

test('V34 without --chaos there is no method that does harm', async () => {
  for (const method of ['chaos.partition', 'chaos.kill', 'chaos.status']) {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: {} })
    const { json } = await ask(daemons.url(0), { body, headers })
    expect([-32601, -32020]).toContain(json.error.code)
    expect(json.error.data.outcome).toBe('none')
  }
  expect(daemons.isUp(0)).toBe(true)
})
