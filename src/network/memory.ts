/**
 * Networks in one process, for tests of the node: frames are delivered in the order they were sent,
 * one queue for the whole hub, so a run repeats. Connections are made and cut by the hub.
 */
import type { Network, NetworkEvents, PeerState } from './port.ts'

export interface MemoryHubOptions {
  /** 'turn': what was sent in one turn of the event loop is delivered in the next. 'manual': by deliver(). */
  readonly delivery: 'turn' | 'manual'
  /** Frames that may wait in the hub; more are dropped. */
  readonly queueMax?: number
}

interface Parcel {
  readonly from: string
  readonly to: string
  readonly frame: Uint8Array
}

const QUEUE_MAX = 100_000

export class MemoryHub {
  readonly #options: MemoryHubOptions
  readonly #networks = new Map<string, MemoryNetwork>()
  /** Directed pairs between which nothing gets through. */
  readonly #cuts = new Set<string>()
  #queue: Parcel[] = []
  #turn: NodeJS.Immediate | undefined

  constructor(options: MemoryHubOptions = { delivery: 'turn' }) {
    this.#options = options
  }

  network(peerId: string): Network {
    const network = new MemoryNetwork(peerId, {
      changed: () => this.#connect(),
      send: (to, frame) => this.#send({ from: peerId, to, frame }),
      disconnect: (peer, reason) => this.#disconnect(peerId, peer, reason),
    })
    this.#networks.set(peerId, network)
    return network
  }

  /** Only peers of one group reach each other; those in none are alone. */
  partition(...groups: readonly (readonly string[])[]): void {
    const groupOf = (peer: string): number => groups.findIndex(group => group.includes(peer))
    for (const a of this.#networks.keys()) {
      for (const b of this.#networks.keys()) {
        if (a === b) continue
        if (groupOf(a) === -1 || groupOf(a) !== groupOf(b)) this.#cuts.add(`${a}>${b}`)
        else this.#cuts.delete(`${a}>${b}`)
      }
    }
    this.#connect()
  }

  /** Frames one way are lost; the connection stays, as behind a broken switch. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`)
  }

  heal(): void {
    this.#cuts.clear()
    this.#connect()
  }

  /** Delivers what waits now, and what that causes, up to `max` frames. Gives how many. */
  deliver(max = Number.POSITIVE_INFINITY): number {
    let count = 0
    while (count < max) {
      const parcel = this.#queue.shift()
      if (parcel === undefined) break
      count++
      this.#hand(parcel)
    }
    return count
  }

  get waiting(): number {
    return this.#queue.length
  }

  #hand({ from, to, frame }: Parcel): void {
    const receiver = this.#networks.get(to)
    if (receiver === undefined || this.#cuts.has(`${from}>${to}`)) return
    if (receiver.connected.has(from)) receiver.receive(from, frame)
  }

  #send(parcel: Parcel): boolean {
    if (this.#queue.length >= (this.#options.queueMax ?? QUEUE_MAX)) return false
    this.#queue.push({ ...parcel, frame: parcel.frame.slice() })
    if (this.#options.delivery === 'turn') this.#plan()
    return true
  }

  #plan(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined
      this.deliver(this.#queue.length)
      if (this.#queue.length > 0) this.#plan()
    })
  }

  /** Brings connections in line with who runs, who is whose member, and what is cut both ways. */
  #connect(): void {
    for (const a of this.#networks.values()) {
      for (const b of this.#networks.values()) {
        if (a.peerId >= b.peerId) continue
        const apart = this.#isCut(a.peerId, b.peerId)
        const wanted = !apart && a.wants(b.peerId) && b.wants(a.peerId)
        if (wanted === a.connected.has(b.peerId)) continue
        if (wanted) this.#up(a, b)
        else this.#down(a, b, 'the connection closed')
      }
    }
  }

  #isCut(a: string, b: string): boolean {
    return this.#cuts.has(`${a}>${b}`) && this.#cuts.has(`${b}>${a}`)
  }

  #up(a: MemoryNetwork, b: MemoryNetwork): void {
    a.connected.add(b.peerId)
    b.connected.add(a.peerId)
    a.events?.up(b.peerId)
    b.events?.up(a.peerId)
  }

  #down(a: MemoryNetwork, b: MemoryNetwork, reason: string): void {
    a.connected.delete(b.peerId)
    b.connected.delete(a.peerId)
    const between = (x: string, y: string): boolean =>
      (x === a.peerId && y === b.peerId) || (x === b.peerId && y === a.peerId)
    this.#queue = this.#queue.filter(({ from, to }) => !between(from, to))
    a.events?.down(b.peerId, reason)
    b.events?.down(a.peerId, reason)
  }

  #disconnect(from: string, to: string, reason: string): void {
    const a = this.#networks.get(from)
    const b = this.#networks.get(to)
    if (a === undefined || b === undefined || !a.connected.has(to)) return
    this.#down(a, b, reason)
    this.#connect()
  }
}

interface HubDoor {
  changed(): void
  send(to: string, frame: Uint8Array): boolean
  disconnect(peer: string, reason: string): void
}

class MemoryNetwork implements Network {
  readonly peerId: string
  readonly #door: HubDoor
  readonly connected = new Set<string>()
  events: NetworkEvents | undefined
  #members: readonly { readonly peerId: string; readonly addresses: readonly string[] }[] = []
  readonly #counts = new Map<string, { in: number; out: number; dropped: number }>()

  constructor(peerId: string, door: HubDoor) {
    this.peerId = peerId
    this.#door = door
  }

  get addresses(): readonly string[] {
    return [`/memory/${this.peerId}`]
  }

  async start(events: NetworkEvents): Promise<void> {
    this.events = events
    this.#door.changed()
  }

  /** The others see `down`; we, who asked for it, see nothing. */
  async stop(): Promise<void> {
    this.events = undefined
    this.#door.changed()
  }

  wants(peer: string): boolean {
    return this.events !== undefined && this.#members.some(member => member.peerId === peer)
  }

  receive(from: string, frame: Uint8Array): void {
    this.#count(from).in += frame.length
    this.events?.frame(from, frame)
  }

  send(to: string, frame: Uint8Array): boolean {
    const sent = this.events !== undefined && this.connected.has(to) && this.#door.send(to, frame)
    const count = this.#count(to)
    if (sent) count.out += frame.length
    else count.dropped++
    return sent
  }

  sendBulk(to: string, frame: Uint8Array): boolean {
    return this.send(to, frame)
  }

  setMembers(
    members: readonly { readonly peerId: string; readonly addresses: readonly string[] }[],
  ): void {
    this.#members = members.filter(member => member.peerId !== this.peerId)
    this.#door.changed()
  }

  peers(): readonly PeerState[] {
    return this.#members.map(({ peerId, addresses }) => {
      const count = this.#count(peerId)
      return {
        peerId,
        connected: this.connected.has(peerId),
        addresses,
        bytesIn: count.in,
        bytesOut: count.out,
        dropped: count.dropped,
      }
    })
  }

  disconnect(peer: string, reason: string): void {
    this.#door.disconnect(peer, reason)
  }

  #count(peer: string): { in: number; out: number; dropped: number } {
    const count = this.#counts.get(peer) ?? { in: 0, out: 0, dropped: 0 }
    this.#counts.set(peer, count)
    return count
  }
}
