/**
 * Dials: every peer that is wanted and not connected, and every place (an address where somebody
 * useful may live) until it is known who lives there.
 */
import type { Connection } from '@libp2p/interface'
import type { Address } from './address.ts'
import type { Log } from './log.ts'
import { Redial } from './redial.ts'
import { messageOf } from './secret-file.ts'

export interface SeekerEvents {
  readonly self: string
  connected(peer: string): boolean
  addressesOf(peer: string): readonly string[]
  dial(
    addresses: readonly string[],
    peer: string | undefined,
    signal: AbortSignal,
  ): Promise<Connection>
  /** This peer lives at this address. */
  found(peer: string, address: string): void
}

interface Place {
  readonly redial: Redial
  /** Who lives there, once known. */
  peer: string | undefined
}

/** Of two peers the smaller id dials at once and the other waits: one connection a pair, mostly. */
const SECOND_MS = 300

export class Seeker {
  readonly #log: Log
  readonly #events: SeekerEvents
  readonly #peers = new Map<string, Redial>()
  readonly #places: Place[] = []

  constructor(log: Log, events: SeekerEvents) {
    this.#log = log
    this.#events = events
  }

  /** Exactly these from now on. */
  seekOnly(peers: readonly string[]): void {
    for (const [peer, redial] of this.#peers) {
      if (peers.includes(peer)) continue
      redial.stop()
      this.#peers.delete(peer)
    }
    for (const peer of peers) this.seek(peer)
  }

  seek(peer: string): void {
    if (peer === this.#events.self || this.#peers.has(peer)) return
    const redial = new Redial({
      patienceMs: this.#events.self < peer ? 0 : SECOND_MS,
      satisfied: () => this.#events.connected(peer) || this.#events.addressesOf(peer).length === 0,
      dial: async signal => {
        await this.#events.dial(this.#events.addressesOf(peer), peer, signal)
      },
      failed: error => {
        const fields = { peer, error: messageOf(error) }
        this.#log.debug(fields, `cannot reach ${peer}`)
      },
    })
    this.#peers.set(peer, redial)
  }

  visit(address: Address): void {
    const place: Place = {
      peer: address.peerId,
      redial: new Redial({
        patienceMs: 0,
        satisfied: () => this.#isKnown(place.peer),
        dial: async signal => {
          const connection = await this.#events.dial([address.at], address.peerId, signal)
          place.peer = connection.remotePeer.toString()
          this.#events.found(place.peer, address.at)
        },
        failed: error => {
          if (error instanceof Error && error.name === 'InvalidPeerIdError') {
            place.peer = this.#events.self
          }
          const fields = { address: address.at, error: messageOf(error) }
          this.#log.debug(fields, `nobody for us at ${address.at}`)
        },
      }),
    }
    this.#places.push(place)
    if (address.peerId !== undefined) this.#events.found(address.peerId, address.at)
  }

  /** A peer that is sought is dialled as such; its place need not be. */
  #isKnown(peer: string | undefined): boolean {
    if (peer === undefined) return false
    return peer === this.#events.self || this.#peers.has(peer) || this.#events.connected(peer)
  }

  /** The last connection to the peer is gone. */
  lost(peer: string): void {
    this.#peers.get(peer)?.lost()
    for (const place of this.#places) if (place.peer === peer) place.redial.lost()
  }

  settled(peer: string): void {
    this.#peers.get(peer)?.settled()
  }

  unwelcome(peer: string): void {
    this.#peers.get(peer)?.unwelcome()
  }

  /** New addresses of the peer are known. */
  news(peer: string): void {
    if (!this.#events.connected(peer)) this.#peers.get(peer)?.poke()
  }

  stop(): void {
    for (const redial of this.#peers.values()) redial.stop()
    for (const { redial } of this.#places) redial.stop()
  }
}
