/** GET /snapshots/<id>: as fast as it is taken, under the same rules as every call. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect, onTestFinished, test } from 'vitest'
import { ask, serve } from './harness.ts'

test('gives the file with its length', async () => {
  const { node, url } = await serve()
  node.kept.set('op1-00000000', Buffer.alloc(300_000, 'x'))
  const got = await ask(url, { method: 'GET', path: '/snapshots/op1-00000000' })
  expect(got.status).toBe(200)
  expect(got.headers['content-length']).toBe('300000')
  expect(got.text).toBe('x'.repeat(300_000))
  const head = await ask(url, { method: 'HEAD', path: '/snapshots/op1-00000000' })
  expect(head).toMatchObject({ status: 200, text: '' })
  expect(head.headers['content-length']).toBe('300000')
})

test('what is not there is not found; a page is only read', async () => {
  const { url } = await serve()
  for (const path of ['/snapshots/op2-00000000', '/snapshots/', '/snapshots/..%2fidentity.key']) {
    expect((await ask(url, { method: 'GET', path })).status).toBe(404)
  }
  expect((await ask(url, { path: '/snapshots/op2-00000000' })).status).toBe(405)
})

test('host, origin and token are asked for as everywhere', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'viewstamp-tokens-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const tokensFile = join(dir, 'tokens')
  const token = 'a-token-that-is-long-enough-to-count'
  const hash = createHash('sha256').update(token).digest('hex')
  writeFileSync(tokensFile, `sha256:${hash} backup\n`, { mode: 0o600 })
  const { node, url } = await serve({ tokensFile })
  node.kept.set('op1-00000000', Buffer.from('state'))
  const get = (headers: Record<string, string>) =>
    ask(url, { method: 'GET', path: '/snapshots/op1-00000000', headers })
  const authorization = `Bearer ${token}`
  expect((await get({})).status).toBe(401)
  expect((await get({ authorization, host: 'evil.example' })).status).toBe(403)
  expect((await get({ authorization, origin: 'http://evil.example' })).status).toBe(403)
  expect(await get({ authorization })).toMatchObject({ status: 200, text: 'state' })
})

test('a file is read from disk no faster than it is taken', async () => {
  const { node, port } = await serve()
  const whole = Buffer.alloc(64 * 1024 * 1024)
  let given = 0
  node.openSnapshot = async () => {
    const content = Readable.from(
      (function* () {
        for (; given < whole.length; given += 65_536) yield whole.subarray(given, given + 65_536)
      })(),
    )
    return { bytes: whole.length, content }
  }
  const asked = request({ port, path: '/snapshots/op1-00000000', agent: false })
  const response = await new Promise<IncomingMessage>(resolve => {
    asked.on('response', resolve).end()
  })
  let taken = 0
  let ahead = 0
  for await (const part of response) {
    taken += (part as Buffer).length
    ahead = Math.max(ahead, given - taken)
    // Slower than a file is read: the server has its turns.
    await new Promise(resolve => setImmediate(resolve))
  }
  expect(taken).toBe(whole.length)
  // What the sockets hold, and a little.
  expect(ahead).toBeLessThan(whole.length / 2)
})

test('a caller who goes away ends the reading; few are served at once', async () => {
  const { node, port, url } = await serve()
  const open: Readable[] = []
  node.openSnapshot = async () => {
    // Its first byte comes, the others never.
    const content = new Readable({ read() {} })
    content.push('s')
    open.push(content)
    return { bytes: 9, content }
  }
  const path = '/snapshots/op1-00000000'
  const asked = await Promise.all(
    Array.from({ length: 4 }, () => {
      const each = request({ port, path, agent: false })
      each.on('error', () => {})
      return new Promise<typeof each>(resolve => each.on('response', () => resolve(each)).end())
    }),
  )
  expect((await ask(url, { method: 'GET', path })).status).toBe(503)
  const closed = open.map(each => new Promise(resolve => each.on('close', resolve)))
  for (const each of asked) each.destroy()
  await Promise.all(closed)
})
