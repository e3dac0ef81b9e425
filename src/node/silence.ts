/**
 * Peers that say nothing while we talk to them. Behind a cut, TCP repeats what was lost only as often as
 * its own patience allows, seconds to minutes apart, long after the network is whole again; a
 * connection made anew is there as soon as the network is.
 */
import type { PeerState } from '../network/port.ts'

interface Seen {
  readonly bytesIn: number
  readonly bytesOut: number
  /** Looks since the first at which we had sent something behind its last word. */
  looks: number
}

/** Every so often one looks; a node that stood still itself has looked once. */
export const LOOK_MS = 500
/** 3 s: longer than a peer is busy, shorter than TCP's patience gets. */
export const LOOKS_MAX = 6

export class Silence {
  readonly #seen = new Map<string, Seen>()

  /** Gives the peers whose connections are worth nothing any more. */
  look(peers: readonly PeerState[]): readonly string[] {
    return peers.filter(peer => this.#isSilent(peer)).map(({ peerId }) => peerId)
  }

  #isSilent({ peerId, connected, bytesIn, bytesOut }: PeerState): boolean {
    const seen = this.#seen.get(peerId)
    if (!connected || seen?.bytesIn !== bytesIn) {
      this.#seen.set(peerId, { bytesIn, bytesOut, looks: 0 })
      return false
    }
    if (bytesOut > seen.bytesOut) seen.looks++
    if (seen.looks <= LOOKS_MAX) return false
    this.#seen.delete(peerId)
    return true
  }
}
