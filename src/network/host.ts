/**
 * The libp2p node: TCP, Noise, Yamux and our own protocols, nothing else mounted (reliability.md
 * §5.1), with tight limits and a gater. Only this file loads libp2p, and lazily: `loadLibp2p()`
 * early in the daemon overlaps the 0.4 s with opening the store.
 */
import { corked } from './cork.ts'
import '../base/polyfill.ts'
import type { Connection, Libp2p, PeerId, StreamHandler } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { NetworkError } from './error.ts'
import type { Log } from './log.ts'
import { messageOf } from './secret-file.ts'

export const PEER_PROTOCOL = '/viewstamp/1/peer'
export const BULK_PROTOCOL = '/viewstamp/1/bulk'
export const FOUND_PROTOCOL = '/viewstamp/1/found'

export interface HostOptions {
  /** As in the identity file. */
  readonly privateKey: Uint8Array
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  readonly sharedKey?: Uint8Array | undefined
  /** The service to announce and look for on the local network; undefined: no mDNS. */
  readonly mdnsService?: string | undefined
  readonly log: Log
}

export interface HostEvents {
  /** The connection gater's question; asked again in every handler. */
  admits(peerId: string): boolean
  opened(connection: Connection): void
  closed(connection: Connection): void
  /** Heard on the local network. */
  discovered(peerId: string, addresses: readonly string[]): void
  readonly handlers: Readonly<Record<string, StreamHandler>>
}

export interface Host {
  readonly peerId: string
  readonly addresses: readonly string[]
  listen(): Promise<void>
  /** Addresses of one peer; with its id the peer's identity is checked, without anyone may answer. */
  dial(
    addresses: readonly string[],
    peerId: string | undefined,
    signal: AbortSignal,
  ): Promise<Connection>
  stop(): Promise<void>
}

/** Starts loading libp2p; call it without awaiting to overlap it with other work. */
export function loadLibp2p(): Promise<Libraries> {
  loading ??= load()
  return loading
}

type Libraries = typeof import('libp2p') &
  typeof import('@libp2p/tcp') &
  typeof import('@chainsafe/libp2p-noise') &
  typeof import('@libp2p/yamux') &
  typeof import('@libp2p/crypto/keys') &
  typeof import('@multiformats/multiaddr')
let loading: Promise<Libraries> | undefined

async function load(): Promise<Libraries> {
  const [core, tcp, noise, yamux, keys, multiaddr] = await Promise.all([
    import('libp2p'),
    import('@libp2p/tcp'),
    import('@chainsafe/libp2p-noise'),
    import('@libp2p/yamux'),
    import('@libp2p/crypto/keys'),
    import('@multiformats/multiaddr'),
  ])
  return { ...core, ...tcp, ...noise, ...yamux, ...keys, ...multiaddr }
}

/** Streams of one protocol on one connection: one is used, a few may linger while they close. */
const STREAMS_MAX = 4
const DIAL_MS_MAX = 3000

export async function createHost(options: HostOptions, events: HostEvents): Promise<Host> {
  const lib = await loadLibp2p()
  const denies = (peer: PeerId): boolean => !events.admits(peer.toString())
  const node = await lib.createLibp2p({
    start: false,
    privateKey: lib.privateKeyFromProtobuf(options.privateKey),
    addresses: { listen: [...options.listen], announce: [...options.announce] },
    transports: [lib.tcp()],
    connectionEncrypters: [corked(lib.noise())],
    // A stream's window must not pass its read buffer, or pausing it resets it.
    streamMuxers: [
      lib.yamux({
        enableKeepAlive: false,
        streamOptions: { maxStreamWindowSize: 2 ** 20, maxReadBufferLength: 4 * 2 ** 20 },
      }),
    ],
    ...(await optionalParts(options)),
    connectionGater: {
      denyDialPeer: denies,
      denyInboundEncryptedConnection: denies,
      denyOutboundEncryptedConnection: denies,
    },
    connectionManager: {
      maxConnections: 256,
      // The default of 5 a second and host would cut members that share a machine.
      inboundConnectionThreshold: 1000,
      maxIncomingPendingConnections: 128,
      inboundUpgradeTimeout: DIAL_MS_MAX,
      dialTimeout: DIAL_MS_MAX,
      addressDialTimeout: DIAL_MS_MAX / 2,
      outboundStreamProtocolNegotiationTimeout: DIAL_MS_MAX,
      inboundStreamProtocolNegotiationTimeout: DIAL_MS_MAX,
      connectionCloseTimeout: 250,
    },
    // Its pings open a stream each; the node's heartbeats notice a silent peer sooner.
    connectionMonitor: { enabled: false },
  })
  await mount(node, events)
  return new Libp2pHost(node, lib.multiaddr, options)
}

async function optionalParts(options: HostOptions) {
  const { sharedKey, mdnsService } = options
  return {
    ...(sharedKey && {
      connectionProtector: (await import('@libp2p/pnet')).preSharedKey({ psk: sharedKey }),
    }),
    ...(mdnsService && {
      peerDiscovery: [
        (await import('@libp2p/mdns')).mdns({ serviceTag: mdnsService, interval: 2000 }),
      ],
    }),
  }
}

async function mount(node: Libp2p, events: HostEvents): Promise<void> {
  for (const [protocol, handler] of Object.entries(events.handlers)) {
    const limits = { maxInboundStreams: STREAMS_MAX, maxOutboundStreams: STREAMS_MAX }
    await node.handle(protocol, handler, limits)
  }
  node.addEventListener('connection:open', event => events.opened(event.detail))
  node.addEventListener('connection:close', event => events.closed(event.detail))
  node.addEventListener('peer:discovery', ({ detail }) => {
    // Also given for peers that dialled us, with no addresses.
    if (detail.multiaddrs.length === 0) return
    events.discovered(
      detail.id.toString(),
      detail.multiaddrs.map(address => address.toString()),
    )
  })
}

class Libp2pHost implements Host {
  readonly #node: Libp2p
  readonly #multiaddr: (text: string) => Multiaddr
  readonly #options: HostOptions

  constructor(node: Libp2p, multiaddr: (text: string) => Multiaddr, options: HostOptions) {
    this.#node = node
    this.#multiaddr = multiaddr
    this.#options = options
  }

  get peerId(): string {
    return this.#node.peerId.toString()
  }

  get addresses(): readonly string[] {
    return this.#node.getMultiaddrs().map(address => address.toString())
  }

  async listen(): Promise<void> {
    try {
      await this.#node.start()
    } catch (error) {
      const where = this.#options.listen.join(', ')
      // libp2p's own message is of several lines, and about its options.
      const code = /\bE[A-Z]{3,}\b/.exec(messageOf(error))?.[0]
      const advice =
        code === 'EADDRINUSE'
          ? 'another process uses the port: stop it, or change p2p.listen'
          : `give an address of this machine in p2p.listen (${code ?? messageOf(error)})`
      throw new NetworkError('listen', `cannot listen on ${where}: ${advice}`, { cause: error })
    }
  }

  dial(
    addresses: readonly string[],
    peerId: string | undefined,
    signal: AbortSignal,
  ): Promise<Connection> {
    const suffix = peerId === undefined ? '' : `/p2p/${peerId}`
    return this.#node.dial(
      addresses.map(address => this.#multiaddr(address + suffix)),
      { signal },
    )
  }

  async stop(): Promise<void> {
    await this.#node.stop()
  }
}
