/**
 * What the node needs of a network: frames to and from the other members, told apart by peer id.
 * Frames may be lost (a full queue, a closed connection) but are never cut, and arrive in order
 * while a connection lives. Implementations: libp2p (libp2p.ts) and memory (memory.ts).
 */
export interface NetworkEvents {
  /** A whole frame from an authenticated peer. Called synchronously while the stream is read. */
  frame(from: string, frame: Uint8Array): void
  /** A connection to the peer is usable; `addresses` are those it announces. */
  up(peer: string): void
  /** The last connection to the peer is gone. */
  down(peer: string, reason: string): void
  /** A member was turned away: another cluster, an older life of it, a copy of it … One sentence. */
  refused?(peer: string, reason: string): void
  /**
   * A peer knows better than we who we are: our data is older than what it has seen of us, or a copy
   * of us is running. This process must stop at once. One sentence.
   */
  fenced?(reason: string): void
}

export interface PeerState {
  readonly peerId: string
  readonly connected: boolean
  readonly addresses: readonly string[]
  readonly bytesIn: number
  readonly bytesOut: number
  /** Frames dropped because the queue was full. */
  readonly dropped: number
}

export interface Network {
  readonly peerId: string
  /** Addresses we listen on, as multiaddr texts with /p2p/. Known after start. */
  readonly addresses: readonly string[]
  start(events: NetworkEvents): Promise<void>
  stop(): Promise<void>
  /**
   * Queues a frame; everything queued in one turn of the event loop leaves in one write. False when
   * the frame was dropped: no connection, or the queue is full. The frame is not copied: do not reuse it.
   */
  send(to: string, frame: Uint8Array): boolean
  /** Large transfers (snapshot chunks) on a stream of their own, so that they never delay the small ones. */
  sendBulk(to: string, frame: Uint8Array): boolean
  /** Who may connect and be dialled, with addresses to try. Replaces the former list. */
  setMembers(
    members: readonly { readonly peerId: string; readonly addresses: readonly string[] }[],
  ): void
  peers(): readonly PeerState[]
  /** Cuts all connections to the peer, which has been silent for too long; dialling starts again. */
  disconnect(peer: string, reason: string): void
}
