/** What the nemesis decided, done to hosts and links; and the healing of a core, for good. */
import { present, unreachable } from '../base/assert.ts'
import type { Prng } from '../base/prng.ts'
import type { Daemon } from './admission.ts'
import type { Clocks } from './clocks.ts'
import type { Coverage } from './coverage.ts'
import { fire } from './coverage.ts'
import { isLost } from './disk.ts'
import type { HostEvent, SimEvent, Undo } from './event.ts'
import type { Host } from './host.ts'
import { LinkFaults } from './link-faults.ts'
import { Losses } from './losses.ts'
import { FAULTS, type FaultKind, isPartition, type Nemesis } from './nemesis.ts'
import type { Network } from './network.ts'
import { CALM_NETWORK, type SimOptions } from './options.ts'
import type { Noting } from './report.ts'
import type { End } from './surroundings.ts'

/** What there is to break. */
export interface Ground {
  readonly options: SimOptions
  readonly hosts: readonly Host[]
  readonly network: Network
  readonly clocks: Clocks
  readonly nemesis: Nemesis
  readonly prng: Prng
  readonly coverage: Coverage
  readonly report: Noting | undefined
  /** Names of the faults that may happen; `undefined`: all. */
  readonly only: ReadonlySet<string> | undefined
  /** A second daemon on the same replica's data. */
  second(of: Host): Host
  /** Sends some messages of the last minute once more; gives how many. */
  replay(count: number): number
  now(): number
  after(ms: number, event: SimEvent): void
}

/** What a broken link, or a lost disk, may have done to the hosts. */
export interface Power {
  crash(host: Host): void
  startLater(number: number, afterMs: number): void
  tellPeer(number: number, replica: number, connected: boolean, afterMs?: number): void
}

/** A start that finds no room on its disk is tried again. */
const RETRY_START_MS = 500

export class Faults implements Power {
  readonly #ground: Ground
  /** Names of the faults that happened, in order. */
  readonly happened: string[] = []
  readonly #links: LinkFaults
  readonly #losses: Losses
  /** Healed for good; `undefined`: the safety phase goes on. */
  #core: readonly number[] | undefined
  #processes = 0

  constructor(ground: Ground) {
    this.#ground = ground
    this.#links = new LinkFaults(ground, this)
    this.#losses = new Losses(ground, this)
  }

  startAll(): void {
    const { hosts, network, options } = this.#ground
    const { cuts, down } = options.permanent
    for (const [from, to] of cuts) network.cut(from, to)
    for (const host of hosts) if (!down.includes(host.number)) this.#boot(host)
    for (const kind of FAULTS) this.#plan(kind)
  }

  /** A core gets well and stays well; whoever is outside keeps what ails it. */
  heal(quorum: number): readonly number[] {
    const { prng, network, options, hosts, report, clocks } = this.#ground
    const { down } = options.permanent
    const able = hosts.map(host => host.number).filter(number => !down.includes(number))
    this.#losses.recoverAll()
    // Who has lost its disk needs a quorum of others.
    const isOneLost = hosts.some(({ image }) => isLost(image))
    const size = isOneLost ? able.length : prng.int(quorum, able.length)
    const order = prng.shuffle(able)
    const core = order.slice(0, size).sort((a, b) => a - b)
    this.#core = core
    network.change({ ...CALM_NETWORK, codec: options.network.codec })
    for (const a of core) for (const b of core) network.heal(a, b)
    for (const [from, to] of options.permanent.cuts) network.cut(from, to)
    for (const outside of order.slice(size)) this.#isolate(outside, core)
    for (const number of core) {
      const host = this.#host(number)
      host.disk.heal()
      host.arm(0)
      if (!host.isUp) this.#start(number)
      clocks.wake(number, this.#ground.now())
      host.resume()
      if (host.isUp) host.step({ type: 'space', isShort: false })
      for (const peer of core) this.tellPeer(number, peer, true)
    }
    report?.note(`liveness phase: the core is ${core.map(i => `r${i}`).join(' ')}`)
    return core
  }

  /** Down, paused, with a full disk, cut off, or able to speak and not to hear, or the other way round. */
  #isolate(outside: number, core: readonly number[]): void {
    const { prng, network } = this.#ground
    const host = this.#host(outside)
    const fate = prng.pick(['down', 'paused', 'full', 'cut', 'deaf', 'mute'] as const)
    if (fate === 'down') this.crash(host)
    else if (fate === 'paused') host.paused = true
    else host.resume()
    if (fate === 'full') host.disk.fill(Number.POSITIVE_INFINITY)
    for (const member of core) {
      network.heal(member, outside)
      network.heal(outside, member)
      if (fate === 'cut' || fate === 'deaf') network.cut(member, outside)
      if (fate === 'cut' || fate === 'mute') network.cut(outside, member)
    }
  }

  /** A fault's time has come. */
  on(kind: FaultKind): void {
    if (this.#core !== undefined) return
    const { nemesis, only, coverage } = this.#ground
    const name = nemesis.begin(kind)
    if ((only === undefined || only.has(name)) && this.#do(kind)) {
      this.happened.push(name)
      fire(coverage, kind)
    }
    this.#plan(kind)
  }

  onStart(number: number): void {
    const isOutside = this.#core !== undefined && !this.#core.includes(number)
    if (isOutside || this.#host(number).isUp) return
    const { now } = this.#ground
    // Opening the data writes its boot counter.
    if (this.#host(number).disk.isFull(now())) return this.startLater(number, RETRY_START_MS)
    this.#start(number)
  }

  undo(undo: Undo): void {
    if (undo.type === 'fence') return this.#losses.fence(undo.daemon, undo.reason)
    if (this.#core !== undefined) return
    switch (undo.type) {
      case 'resume':
        this.#ground.clocks.wake(undo.host, this.#ground.now())
        this.#ground.report?.fault(undo.host, 'resume')
        return this.#host(undo.host).resume()
      case 'room':
        return this.#giveRoom(this.#host(undo.host), undo)
      case 'copy':
        return this.#losses.startCopy(undo.host, undo.image)
      case 'join':
        return this.#links.join(undo.links)
      case 'clog':
        return this.#links.clog(undo.links, undo.forMs)
      default:
        unreachable(undo)
    }
  }

  /** The process has ended by itself; somebody will start it again. */
  ended(host: Host, why: End): void {
    const { nemesis, report } = this.#ground
    const kind = why === 'crash-point' ? 'crash-point' : 'write-error'
    report?.fault(host.number, why)
    this.crash(host)
    if (this.#losses.isSecond(host)) return
    if (why === 'crash-point') fire(this.#ground.coverage, kind)
    this.startLater(host.number, nemesis.duration(kind))
  }

  /** A peer refused what this process sent, or to hear it. */
  refused(daemon: Daemon, reason: string): void {
    this.#ground.after(1, { type: 'undo', undo: { type: 'fence', daemon, reason } })
  }

  #plan(kind: FaultKind): void {
    const wait = this.#ground.nemesis.next(kind)
    if (wait !== undefined) this.#ground.after(wait, { type: 'fault', kind })
  }

  /** True if it happened. */
  #do(kind: FaultKind): boolean {
    if (isPartition(kind)) return this.#links.partition(kind)
    const { nemesis, hosts, clocks, now } = this.#ground
    switch (kind) {
      case 'clog':
      case 'swizzle':
      case 'reset':
      case 'replay':
        return this.#links.do(kind)
      case 'rot':
      case 'helix':
      case 'wipe':
      case 'rollback':
      case 'amnesia':
      case 'copy':
        return this.#losses.do(kind)
      case 'crash-all': {
        const ups = hosts.filter(host => this.#crashFor(host, nemesis.duration(kind)))
        return ups.length > 0
      }
      case 'clock-jump':
        clocks.jump(nemesis.victim(kind), nemesis.clockJumpMs())
        return true
      case 'clock-stuck':
        clocks.stick(nemesis.victim(kind), now(), now() + nemesis.duration(kind))
        return true
      case 'hang':
        this.#host(nemesis.victim(kind)).disk.hang(now() + nemesis.duration(kind))
        return true
      case 'full-disk':
        this.#host(nemesis.victim(kind)).disk.fill(now() + nemesis.duration(kind))
        return true
      default:
        return this.#doToProcess(kind)
    }
  }

  /** To a process that is running. */
  #doToProcess(
    kind:
      | 'crash'
      | 'crash-point'
      | 'pause'
      | 'suspend'
      | 'write-error'
      | 'short-of-space'
      | 'step-down',
  ): boolean {
    const { nemesis, after } = this.#ground
    const host = this.#host(nemesis.victim(kind))
    if (!host.isUp || host.paused) return false
    switch (kind) {
      case 'crash':
        // Ten times as probable while a write is under way.
        if (host.disk.unsynced === 0 && !nemesis.stream(kind).chance(0.1)) return false
        return this.#crashFor(host, nemesis.duration(kind))
      case 'crash-point':
        host.arm(nemesis.stream(kind).int(1, 40))
        return false
      case 'pause':
      case 'suspend':
        this.#pause(host, kind)
        return true
      case 'write-error':
        host.disk.failNext()
        return true
      case 'short-of-space':
        // The daemon tells its replica in time, before the disk is full.
        host.step({ type: 'space', isShort: true })
        after(nemesis.duration(kind), { type: 'undo', undo: { type: 'room', host: host.number } })
        return true
      case 'step-down':
        host.step({ type: 'step-down' })
        return true
      default:
        unreachable(kind)
    }
  }

  /** There is room again; who is paused is told later. */
  #giveRoom(host: Host, undo: Undo): void {
    if (host.paused) this.#ground.after(RETRY_START_MS, { type: 'undo', undo })
    else if (host.isUp) host.step({ type: 'space', isShort: false })
  }

  #host(number: number): Host {
    return present(this.#ground.hosts[number], 'the host exists')
  }

  #crashFor(host: Host, downMs: number): boolean {
    if (!host.isUp) return false
    this.crash(host)
    this.startLater(host.number, downMs)
    return true
  }

  startLater(number: number, afterMs: number): void {
    this.#ground.after(afterMs, { type: 'start', host: number })
  }

  crash(host: Host): void {
    if (!host.isUp) return
    const { coverage, report, hosts } = this.#ground
    const lost = host.crash()
    coverage.crashes++
    coverage.writesLost += lost
    report?.fault(host.number, `crash, ${lost} writes lost`)
    if (hosts[host.number] === host) this.#tellPeers(host.number, false)
  }

  #start(number: number): void {
    this.#ground.report?.fault(number, 'start')
    this.#boot(this.#host(number))
    this.#tellPeers(number, true)
  }

  #boot(host: Host): void {
    const nonce = this.#ground.prng.fork(`start ${host.boot} of ${host.number}`).u32()
    host.start(nonce, this.nextProcess())
  }

  nextProcess(): number {
    return ++this.#processes
  }

  #tellPeers(number: number, connected: boolean): void {
    if (!this.#ground.options.network.tellPeers) return
    for (const peer of this.#ground.hosts) this.tellPeer(peer.number, number, connected)
  }

  tellPeer(number: number, replica: number, connected: boolean, afterMs = 1): void {
    if (number === replica) return
    const event: HostEvent = { type: 'peer', replica, connected }
    this.#ground.after(afterMs, { type: 'arrival', host: number, event })
  }

  /** Stopped, or by collecting garbage; or the machine sleeps, and one of its clocks with it. */
  #pause(host: Host, kind: 'pause' | 'suspend'): void {
    const { coverage, report, after, nemesis, clocks, now } = this.#ground
    const forMs = nemesis.duration(kind)
    host.paused = true
    if (kind === 'suspend') clocks.sleep(host.number, now())
    coverage.pauses++
    report?.fault(host.number, `${kind} for ${forMs} ms`)
    after(forMs, { type: 'undo', undo: { type: 'resume', host: host.number } })
  }
}
