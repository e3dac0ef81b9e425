/** Who is connected, through which connections, and whether they have said anything yet. */
import type { Connection } from '@libp2p/interface'

/**
 * Cuts it at once. Yamux says goodbye first, and throws where the line takes nothing more (the peer has closed
 * it, say); asked again it has said so, and the line itself is cut.
 */
export function cut(connection: Connection, reason: string): void {
  const error = new Error(reason)
  try {
    connection.abort(error)
  } catch {
    connection.abort(error)
  }
}

export class Connections {
  readonly #of = new Map<string, Set<Connection>>()
  readonly #spoke = new WeakSet<Connection>()

  get peers(): readonly string[] {
    return [...this.#of.keys()]
  }

  has(peer: string): boolean {
    return this.#of.has(peer)
  }

  all(): [string, Connection][] {
    return [...this.#of].flatMap(([peer, set]) =>
      [...set].map((connection): [string, Connection] => [peer, connection]),
    )
  }

  /** One to open a stream on. */
  open(peer: string): Connection | undefined {
    for (const connection of this.#of.get(peer) ?? []) {
      if (connection.status === 'open') return connection
    }
    return undefined
  }

  add(connection: Connection): string {
    const peer = connection.remotePeer.toString()
    const set = this.#of.get(peer) ?? new Set()
    this.#of.set(peer, set.add(connection))
    return peer
  }

  /** `last`: none to this peer is left. */
  remove(connection: Connection): { peer: string; last: boolean } {
    const peer = connection.remotePeer.toString()
    const set = this.#of.get(peer)
    if (set?.delete(connection) !== true || set.size > 0) return { peer, last: false }
    this.#of.delete(peer)
    return { peer, last: true }
  }

  /** The peer has talked to us: it did not take us for a stranger. */
  spoke(peer: string): void {
    for (const connection of this.#of.get(peer) ?? []) this.#spoke.add(connection)
  }

  hasSpoken(connection: Connection): boolean {
    return this.#spoke.has(connection)
  }
}
