/**
 * The network port with faults: frames are lost, late or cut off by peer, direction and shard, and
 * wait while the node is paused. A cut loses frames and lets no new connection through; one that
 * exists stays, as it does behind a broken switch.
 */
import type { Network, NetworkEvents, PeerState } from '../network/port.ts'
import { shardName } from '../node/shard.ts'
import { shardOfFrame } from '../wire/codec.ts'
import type { Clock } from './clock.ts'
import type { Faults } from './faults.ts'
import type { Gate } from './gate.ts'
import { Line } from './line.ts'

export interface ChaosPorts {
  readonly faults: Faults
  readonly gate: Gate
  readonly clock: Clock
  /** Peer id → name. */
  readonly nameOf: (peerId: string) => string
}

export class ChaosNetwork implements Network {
  readonly #inner: Network
  readonly #ports: ChaosPorts
  /** Connected below, and those of them that the node knows of. */
  readonly #connected = new Set<string>()
  readonly #shown = new Set<string>()
  readonly #lines = { in: new Map<string, Line>(), out: new Map<string, Line>() }
  #events: NetworkEvents | undefined

  constructor(inner: Network, ports: ChaosPorts) {
    this.#inner = inner
    this.#ports = ports
    ports.faults.onChange(() => void ports.gate.pass(() => this.#show()))
  }

  get peerId(): string {
    return this.#inner.peerId
  }

  get addresses(): readonly string[] {
    return this.#inner.addresses
  }

  start(events: NetworkEvents): Promise<void> {
    this.#events = events
    const { gate } = this.#ports
    return this.#inner.start({
      ...events,
      frame: (from, frame) => {
        // The bytes are the stream's until we return.
        this.#carry('in', from, frame, held =>
          gate.pass(() => events.frame(from, held), held.length),
        )
      },
      up: peer => void gate.pass(() => this.#up(peer)),
      down: (peer, reason) => void gate.pass(() => this.#down(peer, reason)),
    })
  }

  stop(): Promise<void> {
    for (const lines of Object.values(this.#lines)) for (const line of lines.values()) line.clear()
    // A later life has a network of its own: what is healed then is not told here.
    this.#connected.clear()
    this.#shown.clear()
    return this.#inner.stop()
  }

  send(to: string, frame: Uint8Array): boolean {
    return this.#carry('out', to, frame, held => this.#leave(to, held, 'send'))
  }

  sendBulk(to: string, frame: Uint8Array): boolean {
    return this.#carry('out', to, frame, held => this.#leave(to, held, 'sendBulk'))
  }

  /** A paused node sends nothing; what it had begun leaves when it goes on. */
  #leave(to: string, frame: Uint8Array, how: 'send' | 'sendBulk'): boolean {
    const { gate } = this.#ports
    if (gate.isOpen) return this.#inner[how](to, frame)
    return gate.pass(() => void this.#inner[how](to, frame), frame.length)
  }

  /** One frame on its way; a lost one is lost on the way, so it counts as sent. */
  #carry(
    way: 'in' | 'out',
    peer: string,
    frame: Uint8Array,
    deliver: (frame: Uint8Array) => boolean,
  ): boolean {
    const { faults, gate } = this.#ports
    const line = this.#lines[way].get(peer)
    const idle = line === undefined || line.isEmpty
    if (faults.calm && idle && gate.isOpen) return deliver(frame)
    const shard = shardOfFrame(frame)
    const of = shard === undefined ? undefined : shardName(shard)
    const name = this.#ports.nameOf(peer)
    const { lost, delayMs } = faults.judge(name, way, of)
    if (lost) return true
    const held = frame.slice()
    if (delayMs === 0 && idle) return deliver(held)
    return this.#line(way, peer).put(delayMs, held.length, () => {
      // It may have been cut while this one was on its way.
      if (!faults.isCut(name, way, of)) deliver(held)
    })
  }

  #line(way: 'in' | 'out', peer: string): Line {
    const lines = this.#lines[way]
    const line = lines.get(peer) ?? new Line(this.#ports.clock)
    lines.set(peer, line)
    return line
  }

  #up(peer: string): void {
    this.#connected.add(peer)
    this.#show()
  }

  /** Connections that were made meanwhile are seen when what cuts them off has gone. */
  #show(): void {
    for (const peer of this.#connected) {
      if (this.#shown.has(peer) || this.#ports.faults.cutOff(this.#ports.nameOf(peer))) continue
      this.#shown.add(peer)
      this.#events?.up(peer)
    }
  }

  #down(peer: string, reason: string): void {
    this.#connected.delete(peer)
    this.#lines.in.get(peer)?.clear()
    this.#lines.out.get(peer)?.clear()
    if (this.#shown.delete(peer)) this.#events?.down(peer, reason)
  }

  setMembers(members: Parameters<Network['setMembers']>[0]): void {
    this.#inner.setMembers(members)
  }

  peers(): readonly PeerState[] {
    return this.#inner.peers().map(peer => ({
      ...peer,
      connected: peer.connected && this.#shown.has(peer.peerId),
    }))
  }

  disconnect(peer: string, reason: string): void {
    this.#inner.disconnect(peer, reason)
  }
}
