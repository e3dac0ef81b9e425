/**
 * V5, V6, V23 on real daemons: connections, handshakes and streams without end, slow bytes. The members go on
 * to commit, nobody is elected anew, and a member that restarts meanwhile gets in.
 */
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { PEER_PROTOCOL } from '../../src/network/host.ts'
import { loadIdentity } from '../../src/network/identity.ts'
import { Daemons, rpc } from '../daemon/processes.ts'
import { stopStrangers, stranger } from '../network/stranger.ts'

let daemons: Daemons
const sockets: Socket[] = []

beforeAll(async () => {
  daemons = await Daemons.init()
  await daemons.startAll()
  await daemons.untilWritable()
})
afterAll(() => daemons.destroy())
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await stopStrangers()
  await daemons.agree()
})

const peerPort = (i: number): number => daemons.basePort + 10 * i
const rpcPort = (i: number): number => peerPort(i) + 1

/** Resolves when it is connected or refused; what comes back is thrown away. */
function open(port: number, first: string | Uint8Array): Promise<Socket> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => socket.write(first, () => resolve(socket)))
    sockets.push(socket)
    socket.on('error', () => resolve(socket))
    socket.resume()
  })
}

const viewOf = async (): Promise<number> =>
  (await rpc(daemons.url(0), 'cluster.status')).shards[0].view

let written = 0
async function put(count: number): Promise<void> {
  for (let k = 0; k < count; k++) {
    await rpc(daemons.url(k % 2), 'kv.put', { key: `flood/${k % 7}`, value: written++ })
  }
}

/** Half a handshake: what a libp2p node says first, and then nothing. */
const HALF = '\x13/multistream/1.0.0\n'

test('V5 a thousand connections, three hundred of them half-way through a handshake', async () => {
  const view = await viewOf()
  const flood = Array.from({ length: 1_000 }, (_, i) =>
    open(peerPort(i % 3), i % 10 < 3 ? HALF : new Uint8Array(1)),
  )
  const writing = put(60)
  await Promise.all(flood)
  await writing
  await put(60)
  expect(await viewOf()).toBe(view)
})

test('V5 a member that restarts meanwhile gets in', async () => {
  await Promise.all(Array.from({ length: 300 }, (_, i) => open(peerPort(i % 2), HALF)))
  await daemons.kill(2)
  await put(20)
  const again = daemons.start(2)
  await Promise.all(Array.from({ length: 300 }, (_, i) => open(peerPort(i % 3), HALF)))
  await again
  await put(20)
  await daemons.agree()
})

test('V5 ten thousand streams from one that has the key of a member', async () => {
  await daemons.kill(2)
  const identity = await loadIdentity(join(daemons.dir, 'n3', 'identity.key'))
  const rogue = await stranger(identity)
  const address = multiaddr(`/ip4/127.0.0.1/tcp/${peerPort(0)}`)
  const writing = put(40)
  const opened = await openStreams(rogue, address, 10_000)
  await writing
  expect(opened).toBeLessThan(100)
  await put(20)
  await stopStrangers()
  await daemons.start(2)
})

/** All at once, without waiting for an answer; gives how many were open in the end. */
async function openStreams(
  rogue: Libp2p,
  address: ReturnType<typeof multiaddr>,
  count: number,
): Promise<number> {
  const connection = await rogue.dial(address)
  const signal = AbortSignal.timeout(5_000)
  const opening = Array.from({ length: count }, () =>
    connection.newStream(PEER_PROTOCOL, { maxOutboundStreams: count, signal }),
  )
  const done = await Promise.allSettled(opening)
  return done.filter(each => each.status === 'fulfilled' && each.value.status === 'open').length
}

test('V6 and a frame that comes byte by byte holds nobody up', async () => {
  const view = await viewOf()
  const dripping = await open(peerPort(1), HALF.slice(0, 1))
  for (const byte of HALF.slice(1)) {
    dripping.write(byte)
    await put(2)
  }
  expect(await viewOf()).toBe(view)
})

test('V23 five hundred slow headers and as many slow bodies: others are served', async () => {
  const head = 'POST /rpc HTTP/1.1\r\nhost: localhost\r\n'
  const body = `${head}content-type: application/json\r\ncontent-length: 1000\r\n\r\n{`
  await Promise.all(Array.from({ length: 480 }, (_, i) => open(rpcPort(i % 2), head)))
  await Promise.all(Array.from({ length: 480 }, (_, i) => open(rpcPort(i % 2), body)))
  await put(40)
})
