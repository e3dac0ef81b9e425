/**
 * Where members may be reached. Addresses are hints from three sources, tried in this order: what
 * the peer said of itself in its hello, the configuration, and what other members say. Only
 * members are kept, so that no peer can make the book grow.
 */
import { utf8 } from '../base/bytes.ts'
import { ADDRESSES_MAX, cleanAddresses } from './address.ts'
import { addressesOf, fieldsOf, listOf, parseFields, peerIdOf } from './fields.ts'

export interface PeerAddresses {
  readonly peerId: string
  readonly addresses: readonly string[]
}

interface Entry {
  configured: string[]
  announced: string[]
  heard: string[]
}

/** Peers told of in one message. */
export const PEERS_MAX = 64

export class AddressBook {
  readonly #entries = new Map<string, Entry>()

  /** Replaces the members; what was learnt about those that stay is kept. */
  setMembers(members: readonly PeerAddresses[]): void {
    const kept = new Set(members.map(member => member.peerId))
    for (const peerId of [...this.#entries.keys()]) {
      if (!kept.has(peerId)) this.#entries.delete(peerId)
    }
    for (const { peerId, addresses } of members) {
      const entry = this.#entries.get(peerId) ?? { configured: [], announced: [], heard: [] }
      entry.configured = cleanAddresses(addresses)
      this.#entries.set(peerId, entry)
    }
  }

  /** One more, up to PEERS_MAX: while a cluster is being founded, whoever comes may be a member. */
  add(peerId: string): void {
    if (this.#entries.size >= PEERS_MAX) return
    this.#entries.set(peerId, { configured: [], announced: [], heard: [] })
  }

  has(peerId: string): boolean {
    return this.#entries.has(peerId)
  }

  get members(): readonly string[] {
    return [...this.#entries.keys()]
  }

  /** Addresses to try, best first. */
  of(peerId: string): readonly string[] {
    const entry = this.#entries.get(peerId)
    if (entry === undefined) return []
    return [...new Set([...entry.announced, ...entry.configured, ...entry.heard])]
  }

  /** What the peer itself says. True when that is news. */
  announce(peerId: string, addresses: readonly string[]): boolean {
    const entry = this.#entries.get(peerId)
    const clean = cleanAddresses(addresses)
    if (entry === undefined || clean.length === 0) return false
    const news = clean.some(address => !this.of(peerId).includes(address))
    entry.announced = clean
    return news
  }

  /** What somebody else says; the latest ADDRESSES_MAX are kept. True when that is news. */
  hear(peerId: string, addresses: readonly string[]): boolean {
    const entry = this.#entries.get(peerId)
    if (entry === undefined) return false
    const known = this.of(peerId)
    const news = cleanAddresses(addresses).filter(address => !known.includes(address))
    entry.heard = [...news, ...entry.heard].slice(0, ADDRESSES_MAX)
    return news.length > 0
  }

  /** What we tell `receiver` about the others. */
  tell(receiver: string): PeerAddresses[] {
    return this.members
      .filter(peerId => peerId !== receiver)
      .map(peerId => ({ peerId, addresses: this.of(peerId).slice(0, ADDRESSES_MAX) }))
      .filter(({ addresses }) => addresses.length > 0)
      .slice(0, PEERS_MAX)
  }
}

export const encodePeers = (peers: readonly PeerAddresses[]): Uint8Array =>
  utf8(JSON.stringify({ type: 'PEERS', peers }))

/** Throws FormatError. */
export const decodePeers = (bytes: Uint8Array): PeerAddresses[] =>
  peersOf(parseFields(bytes, 'PEERS')['peers'])

export function peersOf(value: unknown): PeerAddresses[] {
  return listOf(value, 'peers', {
    max: PEERS_MAX,
    item: item => {
      const fields = fieldsOf(item, 'peer')
      return { peerId: peerIdOf(fields['peerId']), addresses: addressesOf(fields['addresses']) }
    },
  })
}
