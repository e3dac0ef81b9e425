import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Libp2p, Stream } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, test } from 'vitest'
import { encodeHello } from '../../src/network/hello.ts'
import { PEER_PROTOCOL } from '../../src/network/host.ts'
import { newIdentity } from '../../src/network/identity.ts'
import { silent } from '../../src/network/log.ts'
import { createSharedKey } from '../../src/network/shared-key.ts'
import { readFrames, sendFrame } from '../../src/network/streams.ts'
import { PROTOCOL_VERSION } from '../../src/wire/hello.ts'
import { addressOf, connectAll, createNode, stopAll, type TestNode, until } from './cluster.ts'
import { stopStrangers, stranger } from './stranger.ts'

afterEach(async () => {
  await stopStrangers()
  await stopAll()
})

function helloOf(overrides: object = {}): Uint8Array {
  return encodeHello({
    version: PROTOCOL_VERSION,
    clusterId: 'test',
    foundingId: 'f1',
    name: 'rogue',
    incarnation: 'inc-rogue',
    bootCounter: 1,
    instanceNonce: 'one',
    addresses: [],
    ...overrides,
  })
}

/** A rogue that has a member's key, connected and with a stream open to `node`. */
async function rogueMember(node: TestNode): Promise<{ rogue: Libp2p; stream: Stream }> {
  const identity = newIdentity()
  await node.start()
  node.network.setMembers([{ peerId: identity.peerId, addresses: [] }])
  const rogue = await stranger(identity)
  const stream = await rogue.dialProtocol(multiaddr(addressOf(node.network)), PEER_PROTOCOL)
  return { rogue, stream }
}

const closed = (stream: Stream): Promise<void> =>
  new Promise(resolve => {
    if (stream.status !== 'open') return resolve()
    stream.addEventListener('close', () => resolve())
  })

describe('a stranger', () => {
  test('V1 is cut after the handshake and reaches no handler', async () => {
    const a = await createNode({ name: 'a' })
    const member = newIdentity()
    await a.start()
    a.network.setMembers([{ peerId: member.peerId, addresses: [] }])
    const rogue = await stranger()
    const opening = rogue.dialProtocol(multiaddr(addressOf(a.network)), PEER_PROTOCOL)
    await expect(opening).rejects.toThrow()
    await until('it is cut', () => rogue.getConnections().length === 0)
    expect(a.events).toEqual([])
    expect(a.network.peers().every(peer => !peer.connected)).toBe(true)
  })

  test('V2 with another pre-shared key gets nowhere, with the same one it does', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'viewstamp-'))
    const keys = [join(directory, 'one.key'), join(directory, 'two.key')] as const
    for (const key of keys) await createSharedKey(key)
    const a = await createNode({ name: 'a', sharedKeyFile: keys[0] })
    const b = await createNode({ name: 'b', sharedKeyFile: keys[0] })
    const failures: string[] = []
    const debug = (_: object, message: string): void => void failures.push(message)
    const log = { ...silent, debug }
    const c = await createNode({ name: 'c', sharedKeyFile: keys[1], log })
    await connectAll([a, b])
    await c.start()
    const members = [a, b, c].map(({ network: { peerId, addresses } }) => ({ peerId, addresses }))
    for (const node of [a, b, c]) node.network.setMembers(members)
    await until('c has tried again and again', () => failures.length >= 4)
    expect(failures.every(message => message.startsWith('cannot reach'))).toBe(true)
    expect(c.events).toEqual([])
    expect(a.events).toEqual([`up ${b.network.peerId}`])
  })
})

describe('a member that misbehaves', () => {
  test('V7 and claims a frame of 2 GiB is cut off, and the node goes on', async () => {
    const a = await createNode({ name: 'a' })
    const { stream } = await rogueMember(a)
    sendFrame(stream, 'control', helloOf())
    const answers: Uint8Array[] = []
    readFrames(stream, {
      frameBytesMax: 1024,
      onFrame: (_, frame) => answers.push(frame),
      onBroken: () => {},
    })
    await until('the hello is answered', () => answers.length === 1)
    sendFrame(stream, 'data', Buffer.from('good'))
    await until('a frame arrives', () => a.frames.length === 1)
    stream.send(Buffer.from([0xff, 0xff, 0xff, 0x7f, 1, 2, 3]))
    await closed(stream)
    expect(a.frames.length).toBe(1)
  })

  test('V8 and sends frames before its hello is cut off', async () => {
    const a = await createNode({ name: 'a' })
    const { stream } = await rogueMember(a)
    sendFrame(stream, 'data', Buffer.from('replayed'))
    await closed(stream)
    expect(a.frames).toEqual([])
  })

  test('and sends a hello that makes no sense is cut off', async () => {
    const a = await createNode({ name: 'a' })
    const { stream } = await rogueMember(a)
    sendFrame(stream, 'control', Buffer.from('{"type":"HELLO","__proto__":{"version":1}}'))
    await closed(stream)
    expect(a.events).toEqual([])
  })

  test('and reads nothing cannot make the sender hold more than its queue', async () => {
    const queueBytesMax = 2 ** 20
    const a = await createNode({ name: 'a', queueBytesMax })
    const identity = newIdentity()
    const slow = await stranger(identity)
    await slow.handle(PEER_PROTOCOL, stream => {
      readFrames(stream, {
        frameBytesMax: 2 ** 20,
        onFrame: () => {
          const hello = JSON.parse(Buffer.from(helloOf()).toString())
          const answer = JSON.stringify({ type: 'HELLO-ANSWER', hello })
          sendFrame(stream, 'control', Buffer.from(answer))
          stream.pause()
        },
        onBroken: () => {},
      })
    })
    await a.start()
    const addresses = slow.getMultiaddrs().map(address => address.toString())
    a.network.setMembers([{ peerId: identity.peerId, addresses }])
    await until('a is connected', () => a.events.includes(`up ${identity.peerId}`))
    let sent = 0
    for (let i = 0; i < 400; i++) {
      if (a.network.send(identity.peerId, new Uint8Array(100_000))) sent++
      if (i % 10 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    // What the window and the socket took, and the queue; the rest was dropped and counted.
    expect(sent).toBeLessThan(100)
    expect(a.network.peers()[0]?.dropped).toBe(400 - sent)
    expect(a.network.peers()[0]?.connected).toBe(true)
  })
})

describe('a node that is not who its peers know', () => {
  test('of another cluster is refused on both sides, once', async () => {
    const a = await createNode({ name: 'a' })
    const b = await createNode({ name: 'b', self: { clusterId: 'other' } })
    await startBoth(a, b)
    await until('both refuse', () => a.events.length > 0 && b.events.length > 0)
    expect(a.events).toEqual([expect.stringMatching(/^refused .*belongs to cluster "other"/)])
    expect(b.events).toEqual([expect.stringMatching(/^refused .*belongs to cluster "test"/)])
  })

  test('of another founding is refused', async () => {
    const a = await createNode({ name: 'a' })
    const b = await createNode({ name: 'b', self: { foundingId: 'f2' } })
    await startBoth(a, b)
    await until('a refuses', () => a.events.some(event => event.includes('another founding')))
  })

  test('with a new data directory is refused, and fenced', async () => {
    const b = await createNode({ name: 'b', self: { incarnation: 'new' } })
    const notes = new Map([[b.network.peerId, { incarnation: 'old', boot: 7 }]])
    const a = await createNode({ name: 'a', notes })
    await startBoth(a, b)
    await until('b is fenced', () => b.events.some(event => event.startsWith('fenced')))
    await until('a refuses', () => a.events.some(event => event.includes('a lost disk is another')))
    expect(a.events.some(event => event.startsWith('up'))).toBe(false)
    expect(notes.get(b.network.peerId)?.incarnation).toBe('old')
  })

  test('with a boot counter that went back is refused, and fenced', async () => {
    const b = await createNode({ name: 'b' })
    const incarnation = `inc-${b.network.peerId}`
    const a = await createNode({
      name: 'a',
      notes: new Map([[b.network.peerId, { incarnation, boot: 7 }]]),
    })
    await startBoth(a, b)
    await until('b is fenced', () => b.events.some(event => event.includes('start number 7')))
    expect(a.events.some(event => event.startsWith('up'))).toBe(false)
  })

  test('V10 and is the second daemon of one identity is refused and fenced', async () => {
    const [a, b] = [await createNode({ name: 'a' }), await createNode({ name: 'b' })]
    await connectAll([a, b])
    const copy = await createNode({ name: 'b', identity: b.identity })
    await copy.start()
    const { peerId, addresses } = a.network
    copy.network.setMembers([{ peerId, addresses }])
    await until('the copy is fenced', () => copy.events.some(e => e.startsWith('fenced')))
    a.network.send(b.network.peerId, Buffer.from('to the first'))
    await until('the first still hears', () => b.frames.length === 1)
    expect(copy.frames).toEqual([])
  })
})

/** A copy that starts later than its original has a later number: the original answers, and stays. */
test('a copy with the next start number does not displace the daemon that it is of', async () => {
  const [a, b] = [await createNode({ name: 'a' }), await createNode({ name: 'b' })]
  await connectAll([a, b])
  const copy = await createNode({ name: 'b', identity: b.identity, self: { bootCounter: 2 } })
  await copy.start()
  const { peerId, addresses } = a.network
  copy.network.setMembers([{ peerId, addresses }])
  await until('the copy is fenced', () => copy.events.some(e => e.includes('two daemons run as b')))
  a.network.send(b.network.peerId, Buffer.from('to the first'))
  await until('the first still hears', () => b.frames.length === 1)
  expect(b.events).toEqual([`up ${a.network.peerId}`])
  expect(copy.frames).toEqual([])
  expect(a.notes.get(b.network.peerId)?.boot).toBe(1)
})

test('data that lacks what was promised is refused, and fenced', async () => {
  const disk = { viewNumber: 4, lastNormalView: 4, log: 'kept' } as const
  const b = await createNode({ name: 'b', self: { standing: [{ ...disk, opNumber: 6 }] } })
  const life = { incarnation: `inc-${b.network.peerId}`, boot: 0 }
  const seen = { ...life, promised: [{ ...disk, opNumber: 9 }] }
  const a = await createNode({ name: 'a', self: { peerSeen: () => seen } })
  await startBoth(a, b)
  await until('b is fenced', () => b.events.some(event => event.includes('viewstamp recover')))
  expect(b.events.join()).toContain('acknowledged op 9')
  expect(a.events.some(event => event.startsWith('up'))).toBe(false)
})

async function startBoth(a: TestNode, b: TestNode): Promise<void> {
  await a.start()
  await b.start()
  const members = [a, b].map(({ network: { peerId, addresses } }) => ({ peerId, addresses }))
  a.network.setMembers(members)
  b.network.setMembers(members)
}

test('a peer that restarted before its old connection died is taken in at once', async () => {
  const a = await createNode({ name: 'a' })
  const { rogue, stream } = await rogueMember(a)
  const answers: string[] = []
  const read = (s: Stream): void =>
    readFrames(s, {
      frameBytesMax: 1024,
      onFrame: (_, frame) => answers.push(Buffer.from(frame).toString()),
      onBroken: () => {},
    })
  read(stream)
  sendFrame(stream, 'control', helloOf())
  await until('the first life is accepted', () => answers.length === 1)
  const address = multiaddr(addressOf(a.network))
  const second = await rogue.dial(address, { force: true })
  const next = await second.newStream(PEER_PROTOCOL)
  read(next)
  sendFrame(next, 'control', helloOf({ bootCounter: 2, instanceNonce: 'two' }))
  await until('the second life is accepted', () => answers.length === 2)
  await closed(stream)
  expect(answers[1]).not.toContain('refused')
  sendFrame(next, 'data', Buffer.from('here again'))
  await until('its frame arrives', () => a.frames.length === 1)
})
