/**
 * The network of a daemon on libp2p: one connection a pair of members, a stream each way for frames
 * and one for bulk, hello first, members only. Loading libp2p takes its time; see loadLibp2p.
 */
import type { Connection } from '@libp2p/interface'
import { addressFrom, cleanAddresses } from './address.ts'
import { AddressBook, decodePeers, encodePeers, type PeerAddresses } from './address-book.ts'
import { Connections, cut } from './connections.ts'
import { NetworkError } from './error.ts'
import type { FoundingTransport, FoundingTransportEvents } from './founding.ts'
import { encodeFounding } from './founding-message.ts'
import { FRAME_BYTES_MAX } from './frames.ts'
import {
  BULK_PROTOCOL,
  createHost,
  FOUND_PROTOCOL,
  type Host,
  type HostEvents,
  PEER_PROTOCOL,
} from './host.ts'
import { Inbound } from './inbound.ts'
import { hostOptionsFrom, type Libp2pNetworkOptions } from './libp2p-options.ts'
import type { Log } from './log.ts'
import { PeerLink } from './peer-link.ts'
import { Porch } from './porch.ts'
import type { Network, NetworkEvents, PeerState } from './port.ts'
import { foundedAnswer, type Introduction, Reception } from './reception.ts'
import { Seeker } from './seeker.ts'

export interface LinkState extends PeerState {
  readonly framesOut: number
  /** Writes into the stream; many frames leave in one. */
  readonly sends: number
}

export interface Libp2pNetwork extends Network {
  /** Used before `start` when there is no cluster yet; see foundCluster. */
  readonly founding: FoundingTransport
  /** Who we are; before `start`, which talks to nobody without it. */
  introduce(self: Introduction): void
  peers(): readonly LinkState[]
}

export const QUEUE_BYTES_MAX = 64 * 2 ** 20
/** After a founding, surplus founders are still told that the cluster exists; then strangers are cut. */
const GRACE_MS = 30_000
/** Members hear of new addresses at most this often. */
const EXCHANGE_MS = 100

export async function createLibp2pNetwork(options: Libp2pNetworkOptions): Promise<Libp2pNetwork> {
  const hostOptions = await hostOptionsFrom(options)
  const network = new Members(options)
  network.host = await createHost(hostOptions, network.hostEvents())
  return network
}

type Mode =
  | { readonly type: 'closed' }
  | {
      readonly type: 'founding'
      readonly admits: 'anyone' | readonly string[]
      readonly events: FoundingTransportEvents
    }
  | { readonly type: 'members'; readonly events: NetworkEvents }

class Members implements Libp2pNetwork {
  readonly #options: Libp2pNetworkOptions
  readonly #log: Log
  readonly #book = new AddressBook()
  readonly #links = new Map<string, PeerLink>()
  readonly #connections = new Connections()
  readonly #refusals = new Map<string, string>()
  readonly #inbound: Inbound
  readonly #porch: Porch
  #host: Host | undefined
  #seeker: Seeker | undefined
  #reception: Reception | undefined
  #mode: Mode = { type: 'closed' }
  #answer: ((peer: string) => Uint8Array) | undefined
  #graceUntilMs = 0
  #exchange: NodeJS.Timeout | undefined
  #grace: NodeJS.Timeout | undefined
  #listening: Promise<void> | undefined
  #fenced = false

  constructor(options: Libp2pNetworkOptions) {
    this.#options = options
    this.#log = options.log
    this.#porch = new Porch(options.log, {
      message: (peer, frame, reply) => this.#onPorch(peer, frame, reply),
    })
    this.#inbound = new Inbound(options.log, {
      admits: peer => this.#mode.type === 'members' && this.#book.has(peer),
      welcome: (via, greeting) => this.#introduced().welcome(via, greeting),
      welcomed: peer => this.#links.get(peer)?.welcomed(),
      control: (peer, frame) => this.#onPeers(peer, decodePeers(frame)),
      frame: (peer, frame) => {
        if (this.#mode.type === 'members') this.#mode.events.frame(peer, frame)
      },
    })
  }

  // ── Network ────────────────────────────────────────────────────────────────────────────────

  get peerId(): string {
    return this.host.peerId
  }

  get addresses(): readonly string[] {
    return this.host.addresses
  }

  async start(events: NetworkEvents): Promise<void> {
    this.#introduced()
    await this.#listen()
    this.#mode = { type: 'members', events }
    for (const [peer, connection] of this.#connections.all()) this.#opened(peer, connection)
    this.#seek()
  }

  async stop(): Promise<void> {
    this.#mode = { type: 'closed' }
    clearTimeout(this.#exchange)
    clearTimeout(this.#grace)
    this.#seeker?.stop()
    this.#inbound.stop()
    await Promise.all([...this.#links.values()].map(link => link.close()))
    await this.#host?.stop()
  }

  send(to: string, frame: Uint8Array): boolean {
    return this.#fits(frame) && (this.#links.get(to)?.send(frame) ?? false)
  }

  sendBulk(to: string, frame: Uint8Array): boolean {
    return this.#fits(frame) && (this.#links.get(to)?.sendBulk(frame) ?? false)
  }

  #fits(frame: Uint8Array): boolean {
    if (frame.length <= FRAME_BYTES_MAX) return true
    const fields = { bytes: frame.length, limit: FRAME_BYTES_MAX }
    this.#log.warn(fields, `a frame of ${frame.length} bytes is over the limit, not sent`)
    return false
  }

  setMembers(members: readonly PeerAddresses[]): void {
    const others = members.filter(member => member.peerId !== this.peerId)
    this.#book.setMembers(others)
    for (const [peer, link] of this.#links) {
      if (this.#book.has(peer)) continue
      this.#links.delete(peer)
      void link.close()
    }
    for (const peer of this.#book.members) {
      if (!this.#links.has(peer)) this.#links.set(peer, this.#createLink(peer))
    }
    this.#cutStrangers()
    for (const [peer, connection] of this.#connections.all()) this.#opened(peer, connection)
    this.#seek()
  }

  peers(): readonly LinkState[] {
    return [...this.#links.values()].map(link => ({
      peerId: link.peer,
      connected: link.up,
      addresses: this.#book.of(link.peer),
      bytesIn: this.#inbound.bytesIn.get(link.peer) ?? 0,
      bytesOut: link.bytesOut,
      dropped: link.dropped,
      framesOut: link.outbox.count.frames,
      sends: link.outbox.count.sends,
    }))
  }

  disconnect(peer: string, reason: string): void {
    this.#links.get(peer)?.abort(reason)
  }

  introduce(self: Introduction): void {
    this.#reception = new Reception(self, {
      addresses: () => cleanAddresses(this.addresses),
      announced: (peer, addresses) => {
        if (this.#book.announce(peer, addresses)) this.#onNews(peer)
      },
      isAlive: async (peer, via, isIt) =>
        (await this.#links.get(peer)?.answers(via, isIt)) ?? false,
      restarted: (peer, via) => this.#links.get(peer)?.abort('the peer has started anew', via),
      refused: (peer, reason) => this.#onRefused(peer, reason),
      fenced: reason => this.#onFenced(reason),
    })
    this.#answer = peer => encodeFounding(foundedAnswer(self, peer))
  }

  // ── The host's events ──────────────────────────────────────────────────────────────────────

  get host(): Host {
    if (this.#host === undefined) throw new NetworkError('listen', 'the network is not created yet')
    return this.#host
  }

  set host(host: Host) {
    this.#host = host
    this.#seeker = new Seeker(this.#log, {
      self: host.peerId,
      connected: peer => this.#connections.has(peer),
      addressesOf: peer => this.#book.of(peer),
      dial: (addresses, peer, signal) => host.dial(addresses, peer, signal),
      found: (peer, address) => this.#onPeers(peer, [{ peerId: peer, addresses: [address] }]),
    })
  }

  hostEvents(): HostEvents {
    return {
      admits: peer => this.#admits(peer),
      opened: connection => this.#opened(this.#connections.add(connection), connection),
      closed: connection => this.#closed(connection),
      discovered: (peerId, addresses) => this.#onPeers(peerId, [{ peerId, addresses }]),
      handlers: {
        [PEER_PROTOCOL]: (stream, connection) => this.#inbound.acceptPeer(stream, connection),
        [BULK_PROTOCOL]: (stream, connection) => this.#inbound.acceptBulk(stream, connection),
        [FOUND_PROTOCOL]: (stream, connection) => {
          if (!this.#admits(connection.remotePeer.toString())) {
            return stream.abort(new Error('not a member'))
          }
          this.#porch.accept(stream, connection)
        },
      },
    }
  }

  #admits(peer: string): boolean {
    switch (this.#mode.type) {
      case 'closed':
        return false
      case 'founding':
        return this.#mode.admits === 'anyone' || this.#mode.admits.includes(peer)
      case 'members':
        return this.#book.has(peer) || performance.now() < this.#graceUntilMs
    }
  }

  #opened(peer: string, connection: Connection): void {
    if (this.#mode.type === 'members') this.#links.get(peer)?.add(connection)
    if (this.#mode.type === 'founding') this.#mode.events.joined(peer)
  }

  #closed(connection: Connection): void {
    const { peer, last } = this.#connections.remove(connection)
    this.#links.get(peer)?.remove(connection)
    if (!last) return
    this.#reception?.gone(peer)
    this.#porch.gone(peer)
    if (this.#mode.type === 'founding') {
      this.#mode.events.left(peer)
      if (!this.#connections.hasSpoken(connection)) this.#mode.events.shutOut(peer)
    }
    this.#seeker?.lost(peer)
  }

  // ── Members ────────────────────────────────────────────────────────────────────────────────

  #createLink(peer: string): PeerLink {
    const queueBytesMax = this.#options.queueBytesMax ?? QUEUE_BYTES_MAX
    return new PeerLink(
      { peer, queueBytesMax, log: this.#log },
      {
        greeting: () => this.#introduced().greeting(peer),
        verify: (via, answer) => this.#introduced().verify(via, answer),
        up: () => this.#onUp(peer),
        down: (_, reason) => {
          this.#log.debug({ peer, reason }, `lost ${peer}: ${reason}`)
          if (this.#mode.type === 'members') this.#mode.events.down(peer, reason)
        },
        refused: () => this.#seeker?.unwelcome(peer),
        heardOn: connection => this.#inbound.heardOn(connection),
      },
    )
  }

  #onUp(peer: string): void {
    this.#refusals.delete(peer)
    this.#seeker?.settled(peer)
    this.#log.debug({ peer }, `connected to ${peer}`)
    const news = this.#book.tell(peer)
    if (news.length > 0) this.#links.get(peer)?.sendControl(encodePeers(news))
    if (this.#mode.type === 'members') this.#mode.events.up(peer)
  }

  #onRefused(peer: string, reason: string): void {
    this.#seeker?.unwelcome(peer)
    if (this.#refusals.get(peer) === reason) return
    this.#refusals.set(peer, reason)
    this.#log.debug({ peer, reason }, `no connection with ${peer}: ${reason}`)
    if (this.#mode.type === 'members') this.#mode.events.refused?.(peer, reason)
  }

  #onFenced(reason: string): void {
    if (this.#fenced) return
    this.#fenced = true
    this.#log.debug({ reason }, `this node must stop: ${reason}`)
    if (this.#mode.type === 'members') this.#mode.events.fenced?.(reason)
  }

  /** Hints from a member, from a dial or from the local network; only those about members count. */
  #onPeers(_from: string, peers: readonly PeerAddresses[]): void {
    if (this.#mode.type === 'founding') return this.#meet(peers)
    for (const { peerId, addresses } of peers) {
      if (this.#book.hear(peerId, addresses)) this.#onNews(peerId)
    }
  }

  #onNews(peer: string): void {
    this.#seeker?.news(peer)
    this.#exchange ??= setTimeout(() => {
      this.#exchange = undefined
      for (const link of this.#links.values()) {
        const news = this.#book.tell(link.peer)
        if (news.length > 0) link.sendControl(encodePeers(news))
      }
    }, EXCHANGE_MS)
  }

  #introduced(): Reception {
    if (this.#reception !== undefined) return this.#reception
    throw new NetworkError('not-a-member', 'the network needs introduce() before start()')
  }

  #seek(): void {
    if (this.#mode.type === 'members') this.#seeker?.seekOnly(this.#book.members)
  }

  #cutStrangers(): void {
    for (const [peer, connection] of this.#connections.all()) {
      if (!this.#admits(peer)) cut(connection, 'not a member')
    }
  }

  #listen(): Promise<void> {
    this.#listening ??= this.host.listen().then(() => {
      for (const address of this.#options.discoveryPeers) {
        this.#seeker?.visit(addressFrom(address, 'discovery.peers'))
      }
    })
    return this.#listening
  }

  // ── Founding ───────────────────────────────────────────────────────────────────────────────

  readonly founding: FoundingTransport = this.#foundingTransport()

  #foundingTransport(): FoundingTransport {
    const network = this
    return {
      get peerId() {
        return network.peerId
      },
      get addresses() {
        return network.addresses
      },
      open: async (events, admits) => {
        this.#mode = { type: 'founding', admits, events }
        await this.#listen()
      },
      connected: () => this.#connections.peers,
      send: (peer, frame) => {
        const connection = this.#connections.open(peer)
        if (connection !== undefined) this.#porch.send(peer, connection, frame)
      },
      meet: peers => this.#meet(peers),
      close: answer => {
        this.#answer = answer
        this.#mode = { type: 'closed' }
        if (answer === undefined) return
        this.#graceUntilMs = performance.now() + GRACE_MS
        this.#grace = setTimeout(() => this.#cutStrangers(), GRACE_MS).unref()
      },
    }
  }

  #meet(peers: readonly PeerAddresses[]): void {
    if (this.#mode.type !== 'founding') return
    for (const { peerId, addresses } of peers) {
      if (peerId === this.peerId || !this.#admits(peerId)) continue
      // Until the cluster is founded, everybody who may be a founder is in the book.
      if (!this.#book.has(peerId)) this.#book.add(peerId)
      const news = this.#book.hear(peerId, addresses)
      this.#seeker?.seek(peerId)
      if (news) this.#seeker?.news(peerId)
    }
  }

  #onPorch(peer: string, frame: Uint8Array, reply: (frame: Uint8Array) => void): void {
    this.#connections.spoke(peer)
    if (this.#mode.type === 'founding') this.#mode.events.message(peer, frame, reply)
    else if (this.#answer !== undefined) reply(this.#answer(peer))
  }
}
