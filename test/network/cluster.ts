/** Builds libp2p nodes on loopback for the tests: identities, introductions, recorded events. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { type Identity, newIdentity } from '../../src/network/identity.ts'
import { createLibp2pNetwork, type Libp2pNetwork } from '../../src/network/libp2p.ts'
import type { Libp2pNetworkOptions } from '../../src/network/libp2p-options.ts'
import { type Log, silent } from '../../src/network/log.ts'
import type { Introduction } from '../../src/network/reception.ts'

export interface TestNode {
  readonly name: string
  readonly identity: Identity
  readonly network: Libp2pNetwork
  readonly frames: { readonly from: string; readonly frame: Uint8Array }[]
  /** up/down/refused/fenced in order, as "up ID" … */
  readonly events: string[]
  readonly notes: Map<string, { incarnation: string; boot: number }>
  onFrame: ((from: string, frame: Uint8Array) => void) | undefined
  start(): Promise<void>
}

export interface NodeOptions {
  readonly name?: string
  readonly identity?: Identity
  readonly listen?: readonly string[]
  readonly discoveryPeers?: readonly string[]
  readonly queueBytesMax?: number
  readonly sharedKeyFile?: string
  readonly self?: Partial<Introduction>
  readonly notes?: Map<string, { incarnation: string; boot: number }>
  readonly log?: Log
}

export const ANY_PORT = ['/ip4/127.0.0.1/tcp/0']

const running: Libp2pNetwork[] = []

/** For afterEach. */
export async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map(network => network.stop()))
}

export async function createNetwork(
  options: Partial<Libp2pNetworkOptions> & {
    readonly identity: { readonly privateKey: Uint8Array }
  },
): Promise<Libp2pNetwork> {
  const network = await createLibp2pNetwork({
    listen: ANY_PORT,
    announce: [],
    mdns: false,
    discoveryPeers: [],
    log: silent,
    ...options,
  })
  running.push(network)
  return network
}

export async function createNode(options: NodeOptions = {}): Promise<TestNode> {
  const name = options.name ?? 'n'
  const identity = options.identity ?? newIdentity()
  const { queueBytesMax, sharedKeyFile, log } = options
  const network = await createNetwork({
    identity,
    listen: options.listen ?? ANY_PORT,
    discoveryPeers: options.discoveryPeers ?? [],
    ...(queueBytesMax !== undefined && { queueBytesMax }),
    ...(sharedKeyFile !== undefined && { sharedKeyFile }),
    ...(log !== undefined && { log }),
  })
  const notes = options.notes ?? new Map()
  network.introduce({
    clusterId: 'test',
    foundingId: 'f1',
    name,
    incarnation: `inc-${identity.peerId}`,
    bootCounter: 1,
    members: [],
    standing: [],
    peerSeen: peer => notes.get(peer),
    notePeer: async (peer, seen) => void notes.set(peer, seen),
    ...options.self,
  })
  const node: TestNode = {
    name,
    identity,
    network,
    frames: [],
    events: [],
    notes,
    onFrame: undefined,
    start: () =>
      network.start({
        frame: (from, frame) => {
          node.frames.push({ from, frame: frame.slice() })
          node.onFrame?.(from, frame)
        },
        up: peer => node.events.push(`up ${peer}`),
        down: peer => node.events.push(`down ${peer}`),
        refused: (peer, reason) => node.events.push(`refused ${peer}: ${reason}`),
        fenced: reason => node.events.push(`fenced: ${reason}`),
      }),
  }
  return node
}

/** Makes all of them members of each other, with the addresses they listen on, and waits for `up`. */
export async function connectAll(nodes: readonly TestNode[]): Promise<void> {
  for (const node of nodes) await node.start()
  const members = nodes.map(({ network }) => ({
    peerId: network.peerId,
    addresses: network.addresses,
  }))
  for (const node of nodes) node.network.setMembers(members)
  await until('all are connected', () =>
    nodes.every(node => node.network.peers().filter(p => p.connected).length === nodes.length - 1),
  )
}

/** Polls; the only waiting in these tests. */
export async function until(what: string, done: () => boolean, timeoutMs = 20_000): Promise<void> {
  const endMs = performance.now() + timeoutMs
  while (!done()) {
    if (performance.now() > endMs) throw new Error(`never happened: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

export function addressOf(network: Libp2pNetwork): string {
  return network.addresses[0] ?? ''
}
