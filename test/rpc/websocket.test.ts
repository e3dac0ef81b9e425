/** WebSocket: the specification once more, frames, limits. */
import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import { textFrames } from '../../src/rpc/frames.ts'
import { Client, serve } from './harness.ts'
import { brief, EXAMPLE_METHODS, EXAMPLES } from './specification.ts'

describe('specification §7', () => {
  test.each(EXAMPLES)('$title', async ({ request, answer }) => {
    const { url } = await serve({ methods: EXAMPLE_METHODS })
    const client = await Client.open(url)
    client.send(request)
    // What gets no answer is followed by something that does.
    client.send('{"jsonrpc":"2.0","method":"get_data","id":"last"}')
    await client.until(got => got.length >= (answer === undefined ? 1 : 2))
    const others = client.got.filter(got => got.id !== 'last')
    expect(others.map(got => brief(JSON.stringify(got)))).toEqual(
      answer === undefined ? [] : [answer],
    )
  })
})

describe('calls', () => {
  test('256 at a time over one connection are all answered, writes in order', async () => {
    const { url } = await serve()
    const client = await Client.open(url)
    for (let id = 1; id <= 256; id++) {
      client.send({ jsonrpc: '2.0', id, method: 'kv.incr', params: ['n'] })
    }
    const got = await client.until(all => all.length === 256)
    expect(got.every(each => each.result.value === each.id)).toBe(true)
  })

  test('binary messages are read as text, and what is not UTF-8 is a parse error', async () => {
    const { url } = await serve()
    const client = await Client.open(url)
    client.ws.send(Buffer.from('{"jsonrpc":"2.0","method":"system.ping","id":1}'), { binary: true })
    client.ws.send(Buffer.from([0x22, 0xff, 0x22]), { binary: false })
    const [ping, broken] = await client.until(all => all.length === 2)
    expect(ping.result.pong).toBe(true)
    expect(broken).toMatchObject({ id: null, error: { code: -32700 } })
  })

  test('values larger than a frame of each kind come back whole', async () => {
    const { url } = await serve()
    const client = await Client.open(url)
    for (const size of [1, 50, 120, 126, 1000, 65_400, 65_536, 100_000]) {
      const value = 'é'.repeat(size / 2)
      await client.call('kv.put', { key: 'big', value })
      expect((await client.call('kv.get', ['big'])).result.kv.value).toBe(value)
    }
  })

  test('a message over the limit ends this connection only', async () => {
    const { url } = await serve({ limits: { bodyBytes: 1000 } })
    const [big, other] = [await Client.open(url), await Client.open(url)]
    const closed = new Promise(resolve => big.ws.on('close', resolve))
    big.send('x'.repeat(1001))
    expect(await closed).toBe(1009)
    expect((await other.call('system.ping')).result.pong).toBe(true)
  })

  test('a silent connection is pinged, and cut when nothing comes back', async () => {
    const { url, server } = await serve()
    const client = await Client.open(url)
    const pinged = new Promise<void>(resolve => client.ws.once('ping', () => resolve()))
    server.tick()
    await pinged
    const closed = new Promise(resolve => client.ws.on('close', resolve))
    for (let i = 0; i < 8; i++) server.tick()
    expect(await closed).toBe(1006)
  })

  test('stopping closes with 1001', async () => {
    const { url, server } = await serve()
    const client = await Client.open(url)
    const closed = new Promise(resolve => client.ws.on('close', resolve))
    await server.stop()
    expect(await closed).toBe(1001)
  })
})

describe('frames', () => {
  test('what textFrames writes, ws reads', async () => {
    const texts = ['', 'a', 'x'.repeat(125), 'x'.repeat(126), 'ü'.repeat(32_768), '{"a":"€😀"}']
    // Not in the types of `ws`.
    const { Receiver } = createRequire(import.meta.url)('ws')
    const receiver = new Receiver({ isServer: false })
    const got: string[] = []
    receiver.on('message', (data: Buffer) => got.push(String(data)))
    await new Promise<void>((resolve, reject) => {
      receiver.write(textFrames(texts), (error?: Error) => (error ? reject(error) : resolve()))
    })
    expect(got).toEqual(texts)
  })
})
