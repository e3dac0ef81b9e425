/** What the nemesis decided, done to hosts and links; and the healing of a core, for good. */
import { present, unreachable } from '../base/assert.ts'
import type { Prng } from '../base/prng.ts'
import { isPrimary } from '../vr/state.ts'
import type { Clocks } from './clocks.ts'
import type { Coverage } from './coverage.ts'
import type { HostEvent, SimEvent, Undo } from './event.ts'
import type { Host } from './host.ts'
import { FAULTS, type FaultKind, type Nemesis } from './nemesis.ts'
import type { Network } from './network.ts'
import { CALM_NETWORK, type SimOptions } from './options.ts'
import type { Report } from './report.ts'

/** What there is to break. */
export interface Ground {
  readonly options: SimOptions
  readonly hosts: readonly Host[]
  readonly network: Network
  readonly clocks: Clocks
  readonly nemesis: Nemesis
  readonly prng: Prng
  readonly coverage: Coverage
  readonly report: Report | undefined
  now(): number
  after(ms: number, event: SimEvent): void
}

export class Faults {
  readonly #ground: Ground
  #isOver = false

  constructor(ground: Ground) {
    this.#ground = ground
  }

  startAll(): void {
    for (const host of this.#ground.hosts) host.start(this.#ground.prng.u32())
    for (const kind of FAULTS) this.#plan(kind)
  }

  /** A core gets well and stays well; whoever is outside keeps what ails it. */
  heal(quorum: number): readonly number[] {
    const { prng, network, options, hosts, report } = this.#ground
    this.#isOver = true
    // Who has lost its disk needs a quorum of others.
    const isOneLost = hosts.some(({ image }) => image.vsr.recovering)
    const size = isOneLost ? hosts.length : prng.int(quorum, hosts.length)
    const order = prng.shuffle(hosts.map(host => host.number))
    const core = order.slice(0, size).sort((a, b) => a - b)
    network.change({ ...CALM_NETWORK, codec: options.network.codec })
    for (const a of core) for (const b of core) network.join(a, b)
    for (const outside of order.slice(size)) this.#isolate(outside, core)
    for (const number of core) {
      const host = this.#host(number)
      if (!host.isUp) this.#start(number)
      host.resume()
      for (const peer of core) this.#tellPeer(number, peer, true)
    }
    report?.note(`liveness phase: the core is ${core.map(i => `r${i}`).join(' ')}`)
    return core
  }

  /** Down, cut off, or able to speak and not to hear, or the other way round. */
  #isolate(outside: number, core: readonly number[]): void {
    const { prng, network } = this.#ground
    const fate = prng.pick(['down', 'cut', 'deaf', 'mute'] as const)
    if (fate === 'down') this.#crash(outside)
    else this.#host(outside).resume()
    for (const member of core) {
      network.join(member, outside)
      network.join(outside, member)
      if (fate !== 'mute') network.cut(member, outside)
      if (fate !== 'deaf') network.cut(outside, member)
    }
  }

  /** A fault's time has come. */
  on(kind: FaultKind): void {
    if (this.#isOver) return
    this.#do(kind)
    this.#plan(kind)
  }

  onStart(number: number): void {
    if (!this.#isOver && !this.#host(number).isUp) this.#start(number)
  }

  undo(undo: Undo): void {
    if (this.#isOver) return
    const { network, report } = this.#ground
    if (undo.type === 'resume') {
      report?.fault(undo.host, 'resume')
      this.#host(undo.host).resume()
      return
    }
    for (const [from, to] of undo.links) network.join(from, to)
    report?.note(`! joined ${undo.links.map(([from, to]) => `r${from}→r${to}`).join(' ')}`)
  }

  #plan(kind: FaultKind): void {
    const wait = this.#ground.nemesis.next(kind)
    if (wait !== undefined) this.#ground.after(wait, { type: 'fault', kind })
  }

  #do(kind: FaultKind): void {
    const { nemesis, hosts, clocks, network, now } = this.#ground
    switch (kind) {
      case 'crash':
        return this.#crashFor(nemesis.victim(kind), nemesis.duration(kind))
      case 'crash-all':
        for (const { number } of hosts) this.#crashFor(number, nemesis.duration(kind))
        return
      case 'wipe':
        return this.#wipe(nemesis.victim(kind), nemesis.duration(kind))
      case 'partition':
        return this.#partition()
      case 'clog':
        return network.clog(
          nemesis.victim(kind),
          nemesis.victim(kind),
          now() + nemesis.duration(kind),
        )
      case 'pause':
        return this.#pause(nemesis.victim(kind), nemesis.duration(kind))
      case 'clock-jump':
        return clocks.jump(nemesis.victim(kind), nemesis.clockJumpMs())
      case 'hang':
        return this.#host(nemesis.victim(kind)).disk.hang(now() + nemesis.duration(kind))
      case 'step-down':
        return this.#stepDown(nemesis.victim(kind))
      case 'reset':
        return this.#reset(nemesis.victim(kind), nemesis.victim(kind))
      default:
        unreachable(kind)
    }
  }

  #host(number: number): Host {
    return present(this.#ground.hosts[number], 'the host exists')
  }

  #crashFor(number: number, downMs: number): void {
    if (!this.#host(number).isUp) return
    this.#crash(number)
    this.#ground.after(downMs, { type: 'start', host: number })
  }

  #crash(number: number): void {
    const host = this.#host(number)
    if (!host.isUp) return
    const { coverage, report } = this.#ground
    const lost = host.crash()
    coverage.crashes++
    coverage.writesLost += lost
    report?.fault(number, `crash, ${lost} writes lost`)
    this.#tellPeers(number, false)
  }

  /** More than f lost disks at once may lose what was acknowledged: nobody promises otherwise. */
  #wipe(number: number, downMs: number): void {
    const { hosts, nemesis, coverage, report } = this.#ground
    if (hosts.some(({ image }) => image.vsr.recovering)) return
    const hasSuperblock = nemesis.stream('wipe').chance(0.5)
    const host = this.#host(number)
    const isPlanned = !host.isUp
    this.#crash(number)
    host.wipe(hasSuperblock)
    coverage.wipes++
    report?.fault(number, hasSuperblock ? 'its database is lost' : 'its disk is lost')
    if (!isPlanned) this.#ground.after(downMs, { type: 'start', host: number })
  }

  #start(number: number): void {
    this.#ground.report?.fault(number, 'start')
    this.#host(number).start(this.#ground.prng.u32())
    this.#tellPeers(number, true)
  }

  #tellPeers(number: number, connected: boolean): void {
    if (!this.#ground.options.network.tellPeers) return
    for (const peer of this.#ground.hosts) this.#tellPeer(peer.number, number, connected)
  }

  #tellPeer(number: number, replica: number, connected: boolean, afterMs = 1): void {
    if (number === replica) return
    const event: HostEvent = { type: 'peer', replica, connected }
    this.#ground.after(afterMs, { type: 'arrival', host: number, event })
  }

  #partition(): void {
    const { hosts, nemesis, network, coverage, report, after } = this.#ground
    const acting = hosts.find(({ replica }) => replica !== undefined && isPrimary(replica))
    const links = nemesis.cuts(acting?.number).filter(([from, to]) => !network.isCut(from, to))
    if (links.length === 0) return
    for (const [from, to] of links) network.cut(from, to)
    coverage.partitions++
    report?.note(`! cut ${links.map(([from, to]) => `r${from}→r${to}`).join(' ')}`)
    after(nemesis.duration('partition'), { type: 'undo', undo: { type: 'join', links } })
  }

  #pause(number: number, forMs: number): void {
    const host = this.#host(number)
    if (!host.isUp || host.paused) return
    const { coverage, report, after } = this.#ground
    host.paused = true
    coverage.pauses++
    report?.fault(number, `pause for ${forMs} ms`)
    after(forMs, { type: 'undo', undo: { type: 'resume', host: number } })
  }

  #stepDown(number: number): void {
    const host = this.#host(number)
    if (host.isUp && !host.paused) host.step({ type: 'step-down' })
  }

  /** A connection breaks and comes back. */
  #reset(a: number, b: number): void {
    const stream = this.#ground.nemesis.stream('reset')
    for (const [to, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      this.#tellPeer(to, peer, false)
      this.#tellPeer(to, peer, true, 1 + stream.int(1, 300))
    }
  }
}
