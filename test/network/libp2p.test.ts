import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { newIdentity } from '../../src/network/identity.ts'
import { addressOf, connectAll, createNode, freePort, stopAll, until } from './cluster.ts'

afterEach(stopAll)

const bytes = (text: string): Uint8Array => Buffer.from(text)

describe('frames between members', () => {
  test('go both ways, whole and in order', async () => {
    const [a, b] = [await createNode({ name: 'a' }), await createNode({ name: 'b' })]
    await connectAll([a, b])
    for (let i = 0; i < 100; i++) {
      expect(a.network.send(b.network.peerId, bytes(`to b ${i}`))).toBe(true)
      expect(b.network.send(a.network.peerId, bytes(`to a ${i}`))).toBe(true)
    }
    await until('all arrived', () => a.frames.length === 100 && b.frames.length === 100)
    const sentToA = Array.from({ length: 100 }, (_, i) => `to a ${i}`)
    expect(a.frames.map(({ frame }) => Buffer.from(frame).toString())).toEqual(sentToA)
    expect(b.frames.every(({ from }) => from === a.network.peerId)).toBe(true)
  })

  test('may be answered at once, even the first one', async () => {
    const [a, b] = [await createNode({ name: 'a' }), await createNode({ name: 'b' })]
    const answered: boolean[] = []
    b.onFrame = from => answered.push(b.network.send(from, bytes('answer')))
    await a.start()
    await b.start()
    const members = [a, b].map(({ network: { peerId, addresses } }) => ({ peerId, addresses }))
    for (const node of [a, b]) node.network.setMembers(members)
    await until('a is up', () => a.network.send(b.network.peerId, bytes('question')))
    await until('the answer is here', () => a.frames.length > 0)
    expect(answered).toEqual([true])
  })

  test('10 000 small ones leave in few writes', async () => {
    const [a, b] = [await createNode(), await createNode({ name: 'b' })]
    await connectAll([a, b])
    const before = a.network.peers()[0]?.sends ?? 0
    for (let i = 0; i < 10_000; i++) a.network.send(b.network.peerId, bytes(`frame ${i}`))
    await until('all arrived', () => b.frames.length === 10_000)
    expect((a.network.peers()[0]?.sends ?? 0) - before).toBeLessThan(50)
    expect(Buffer.from(b.frames[9_999]?.frame ?? []).toString()).toBe('frame 9999')
  })

  test('of 8 MiB arrive, also on the bulk stream', async () => {
    const [a, b] = [await createNode(), await createNode({ name: 'b' })]
    await connectAll([a, b])
    const large = Buffer.alloc(8 * 2 ** 20, 'viewstamp')
    expect(a.network.send(b.network.peerId, large)).toBe(true)
    expect(a.network.sendBulk(b.network.peerId, large)).toBe(true)
    await until('both arrived', () => b.frames.length === 2)
    for (const { frame } of b.frames) expect(large.equals(frame)).toBe(true)
  })

  test('on the bulk stream keep their order and may be many', async () => {
    const [a, b] = [await createNode(), await createNode({ name: 'b' })]
    await connectAll([a, b])
    for (let i = 0; i < 40; i++) {
      expect(a.network.sendBulk(b.network.peerId, Buffer.alloc(2 ** 20, i))).toBe(true)
    }
    await until('all arrived', () => b.frames.length === 40)
    expect(b.frames.map(({ frame }) => frame[0])).toEqual(Array.from({ length: 40 }, (_, i) => i))
  })

  test('over the limit, or to nobody, are refused', async () => {
    const [a, b] = [await createNode(), await createNode({ name: 'b' })]
    await connectAll([a, b])
    expect(a.network.send(b.network.peerId, new Uint8Array(16 * 2 ** 20 + 1))).toBe(false)
    expect(a.network.send(newIdentity().peerId, bytes('x'))).toBe(false)
  })
})

describe('connections', () => {
  test('come back after a stop and a start', async () => {
    const a = await createNode({ name: 'a' })
    const port = await freePort()
    const listen = [`/ip4/127.0.0.1/tcp/${port}`]
    const b = await createNode({ name: 'b', listen })
    await connectAll([a, b])
    await b.network.stop()
    await until('a noticed', () => a.events.includes(`down ${b.network.peerId}`))
    expect(a.network.send(b.network.peerId, bytes('x'))).toBe(false)
    const again = await createNode({
      name: 'b',
      listen,
      identity: b.identity,
      self: { bootCounter: 2 },
    })
    await connectAll([a, again])
    a.network.send(b.network.peerId, bytes('hello again'))
    await until('it arrived', () => again.frames.length === 1)
    expect(a.notes.get(b.network.peerId)?.boot).toBe(2)
  })

  test('cut by disconnect are made anew', async () => {
    const [a, b] = [await createNode({ name: 'a' }), await createNode({ name: 'b' })]
    await connectAll([a, b])
    a.network.disconnect(b.network.peerId, 'silent')
    expect(a.events.at(-1)).toBe(`down ${b.network.peerId}`)
    await until('both are up again', () =>
      [a, b].every(node => node.events.filter(event => event.startsWith('up')).length === 2),
    )
  })

  test('of a removed member close at once', async () => {
    const [a, b] = [await createNode({ name: 'a' }), await createNode({ name: 'b' })]
    await connectAll([a, b])
    a.network.setMembers([])
    await until('b noticed', () => b.events.includes(`down ${a.network.peerId}`))
    b.network.send(a.network.peerId, bytes('x'))
    expect(a.network.peers()).toEqual([])
    expect(a.frames).toEqual([])
  })

  test('are found through one bootstrap peer', async () => {
    const a = await createNode({ name: 'a' })
    await a.start()
    const discoveryPeers = [addressOf(a.network).replace(/\/p2p\/.*/, '')]
    const b = await createNode({ name: 'b', discoveryPeers })
    const c = await createNode({ name: 'c', discoveryPeers })
    const nodes = [a, b, c]
    const members = nodes.map(({ network }) => ({ peerId: network.peerId, addresses: [] }))
    for (const node of nodes) node.network.setMembers(members)
    await b.start()
    await c.start()
    await until('all are connected', () =>
      nodes.every(node => node.network.peers().every(peer => peer.connected)),
    )
  })

  test('survive garbage on the port', async () => {
    const [a, b] = [await createNode({ name: 'a' }), await createNode({ name: 'b' })]
    await connectAll([a, b])
    const port = Number(/tcp\/(\d+)/.exec(addressOf(a.network))?.[1])
    for (const garbage of [Buffer.alloc(100_000, 0xff), bytes('GET / HTTP/1.1\r\n\r\n')]) {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      socket.write(garbage)
      // Cut with a reset or without one: both are right, and `once` would reject on the first.
      const closed = new Promise(resolve => socket.on('close', resolve))
      socket.end()
      socket.resume()
      await closed
    }
    b.network.send(a.network.peerId, bytes('still there'))
    await until('it arrived', () => a.frames.length === 1)
    expect(a.events).toEqual([`up ${b.network.peerId}`])
  })

  test('V5 of members stay, and new ones come, while half-open handshakes fill the port', async () => {
    const [a, b] = [await createNode({ name: 'a' }), await createNode({ name: 'b' })]
    await connectAll([a, b])
    const port = Number(/tcp\/(\d+)/.exec(addressOf(a.network))?.[1])
    const sockets = Array.from({ length: 300 }, () => connect(port, '127.0.0.1'))
    for (const socket of sockets) socket.on('error', () => {})
    const c = await createNode({ name: 'c' })
    await connectAll([a, b, c])
    a.network.send(b.network.peerId, bytes('x'))
    await until('it arrived', () => b.frames.length === 1)
    expect(a.events.filter(event => event.startsWith('down'))).toEqual([])
    for (const socket of sockets) socket.destroy()
  })

  test('to a port in use are refused with a sentence', async () => {
    const a = await createNode({ name: 'a' })
    await a.start()
    const listen = [addressOf(a.network).replace(/\/p2p\/.*/, '')]
    const b = await createNode({ name: 'b', listen })
    await expect(b.start()).rejects.toMatchObject({
      name: 'NetworkError',
      reason: 'listen',
      message: `cannot listen on ${listen}: another process uses the port: stop it, or change p2p.listen`,
    })
  })
})
