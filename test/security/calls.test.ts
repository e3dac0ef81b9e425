/** V17 to V22, V27: calls that cost the caller nothing and should cost the node no more. */
import { describe, expect, test } from 'vitest'
import { ask, Client, call, post, serve } from '../rpc/harness.ts'

const put = (value: string) => `{"jsonrpc":"2.0","id":1,"method":"kv.put","params":["k",${value}]}`
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

describe('V19 nesting', () => {
  test('of a million levels is told by its first 33 bytes, on both transports', async () => {
    const { url, node } = await serve()
    const body = put(nested(1_000_000))
    expect((await post(url, body)).json.error.data).toMatchObject({ name: 'TOO_LARGE', limit: 32 })
    const client = await Client.open(url)
    client.send(body)
    await client.until(got => got.length === 1)
    expect(client.got[0].error.data.name).toBe('TOO_LARGE')
    expect(node.calls).toEqual([])
  })

  test('the limit itself is let in, one more is not', async () => {
    const { url } = await serve()
    // The call, its params and the levels of the value.
    expect((await post(url, put(nested(30)))).json.result.rev).toBe(1)
    expect((await post(url, put(nested(31)))).json.error.data.limit).toBe(32)
  })

  test('brackets in strings are no levels', async () => {
    const { url } = await serve()
    const value = JSON.stringify(`${'['.repeat(100)}"\\`)
    expect((await post(url, put(value))).json.result.rev).toBe(1)
  })
})

describe('V20, V21 batches', () => {
  test('of 200 000 are refused whole: none is executed', async () => {
    const { url, node } = await serve()
    const { json } = await post(url, `[${Array(200_000).fill('{}').join()}]`)
    expect(json.error.data).toMatchObject({
      name: 'BATCH_TOO_LARGE',
      outcome: 'none',
      limit: 1_000,
    })
    const small = await serve({ limits: { batch: 2 } })
    const three = `[${put('1')},${put('2')},${put('3')}]`
    expect((await post(small.url, three)).json.error.data.name).toBe('BATCH_TOO_LARGE')
    expect(node.calls).toEqual([])
    expect(small.node.calls).toEqual([])
  })
})

describe('V22 names that JavaScript knows', () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf']
  test.each(names)(
    '%s is a key, a value’s member, a method and a parameter like any other',
    async name => {
      const { url } = await serve()
      const value = `{"${name}":{"polluted":true}}`
      await post(url, put(value).replace('"k"', `"${name}"`))
      const got = await post(url, `{"jsonrpc":"2.0","id":1,"method":"kv.get","params":["${name}"]}`)
      expect(got.text).toContain(`"value":${value}`)
      expect((await call(url, name)).error.code).toBe(-32601)
      const params = `{"key":"k","value":1,"${name}":{"polluted":true},"meta":{"${name}":1}}`
      const asked = await post(url, `{"jsonrpc":"2.0","id":1,"method":"kv.put","params":${params}}`)
      expect(asked.json.result.rev).toBeGreaterThan(0)
      expect(Reflect.get({}, 'polluted')).toBeUndefined()
    },
  )
})

describe('V17 nothing that is read changes anything', () => {
  test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('%s', async method => {
    const { url, node } = await serve()
    const { status, headers } = await ask(url, { method, body: put('1') })
    expect([status, headers['allow']]).toEqual([405, 'POST'])
    for (const path of [
      '/',
      '/metrics',
      '/readyz?verbose',
      '/version?method=kv.put&params=["k",1]',
    ]) {
      await ask(url, { method, path })
    }
    expect(node.calls).toEqual([])
  })
})

describe('V27 one WebSocket', () => {
  test('asks for 10 000 subscriptions and gets those of the limit', async () => {
    const { url, node } = await serve()
    const client = await Client.open(url)
    const one = (id: number) => ({
      jsonrpc: '2.0',
      id,
      method: 'kv.watch',
      params: { prefix: 'p' },
    })
    for (let i = 0; i < 10_000; i += 1_000) {
      client.send(Array.from({ length: 1_000 }, (_, k) => one(i + k)))
    }
    await client.until(got => got.filter(Array.isArray).length === 10)
    const answers = client.got.flat().filter(each => 'id' in each)
    expect(answers.filter(each => each.result)).toHaveLength(64)
    expect(answers.find(each => each.error).error.data).toMatchObject({
      limit: 64,
      outcome: 'none',
    })
    expect(node.keyFollowers).toBe(64)
  })

  test('and compression is not offered', async () => {
    const { url } = await serve()
    const client = await Client.open(url, { 'sec-websocket-extensions': 'permessage-deflate' })
    expect(client.ws.extensions).toBe('')
  })
})
