/** What the daemon's configuration says about the network, checked and with keys read. */
import { addressFrom } from './address.ts'
import type { HostOptions } from './host.ts'
import { loadOrCreateIdentity } from './identity.ts'
import type { Log } from './log.ts'
import { readSharedKey } from './shared-key.ts'

export interface Libp2pNetworkOptions {
  /** Of the key file, which is made on the first start; or the key itself. */
  readonly identity: { readonly file: string } | { readonly privateKey: Uint8Array }
  readonly listen: readonly string[]
  /** What peers are told; empty: the addresses listened on. */
  readonly announce: readonly string[]
  readonly sharedKeyFile?: string | undefined
  /** Announce and look for peers on the local network. */
  readonly mdns: boolean
  /** Clusters of different ids do not see each other there. */
  readonly mdnsService?: string | undefined
  /** Addresses where somebody useful may live, with or without /p2p/. */
  readonly discoveryPeers: readonly string[]
  readonly log: Log
  /** Of each peer's queue of frames, and of its bulk queue. */
  readonly queueBytesMax?: number | undefined
}

/** Rejects with a sentence for an address or a key file that is none. */
export async function hostOptionsFrom(options: Libp2pNetworkOptions): Promise<HostOptions> {
  const { listen, announce, identity, sharedKeyFile, log } = options
  for (const address of listen) addressFrom(address, 'p2p.listen')
  for (const address of announce) addressFrom(address, 'p2p.announce')
  for (const address of options.discoveryPeers) addressFrom(address, 'discovery.peers')
  const privateKey =
    'file' in identity
      ? (await loadOrCreateIdentity(identity.file)).privateKey
      : identity.privateKey
  const sharedKey = sharedKeyFile === undefined ? undefined : await readSharedKey(sharedKeyFile)
  const mdnsService = options.mdns ? (options.mdnsService ?? '_viewstamp._udp.local') : undefined
  return { privateKey, listen, announce, sharedKey, mdnsService, log }
}
