/** Addresses as texts: /ip4|ip6|dns…/HOST/tcp/PORT, with or without /p2p/PEERID. TCP is all we speak. */
import { NetworkError } from './error.ts'

export const ADDRESS_LENGTH_MAX = 256
/** Addresses kept of one peer from one source. */
export const ADDRESSES_MAX = 8

const ADDRESS = /^(\/(?:ip4|ip6|dns|dns4|dns6)\/[^/\s]+\/tcp\/(\d{1,5}))(?:\/p2p\/([A-Za-z0-9]+))?$/
const PEER_ID = /^[1-9A-HJ-NP-Za-km-z]{40,64}$/

export interface Address {
  /** Without /p2p/. */
  readonly at: string
  readonly peerId: string | undefined
}

export function parseAddress(text: string): Address | undefined {
  if (text.length > ADDRESS_LENGTH_MAX) return undefined
  const [, at, port, peerId] = ADDRESS.exec(text) ?? []
  if (at === undefined || Number(port) > 65_535) return undefined
  if (peerId !== undefined && !isPeerId(peerId)) return undefined
  return { at, peerId }
}

export const isPeerId = (text: string): boolean => PEER_ID.test(text)

/** For what the user wrote: a sentence when it is no address. */
export function addressFrom(text: string, where: string): Address {
  const address = parseAddress(text)
  if (address !== undefined) return address
  throw new NetworkError(
    'address',
    `${where}: ${JSON.stringify(text)} is not a TCP multiaddr: write it like /ip4/127.0.0.1/tcp/7400 or /dns4/n1.example.org/tcp/7400/p2p/12D3Koo…`,
  )
}

/** Valid addresses without /p2p/, no repeats, at most ADDRESSES_MAX; what is not an address is left out. */
export function cleanAddresses(texts: readonly string[]): string[] {
  const out: string[] = []
  for (const text of texts) {
    const at = parseAddress(text)?.at
    if (at !== undefined && !out.includes(at) && out.length < ADDRESSES_MAX) out.push(at)
  }
  return out
}
