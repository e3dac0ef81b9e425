/**
 * A whole cluster in virtual time, from one seed. First the safety phase: anything may fail, nothing
 * wrong may happen. Then the liveness phase: a random core of at least a quorum is healed, all other
 * faults become permanent, and the core must converge and serve. READ FIRST in this folder; then
 * host.ts (a node), options.ts (the swarm), check/ (the properties).
 */
import { AssertionError, present, unreachable } from '../base/assert.ts'
import { Heap } from '../base/heap.ts'
import { Prng } from '../base/prng.ts'
import { quorumOf } from '../vr/configuration.ts'
import type { Command } from '../vr/entry.ts'
import type { Message, ReplyAnswer } from '../vr/message.ts'
import { isPrimary } from '../vr/state.ts'
import { epochNumber } from '../vr/terms.ts'
import { decodeMessage, encodeMessage } from '../wire/codec.ts'
import { Violation } from './check/check.ts'
import { apart, assertConverged } from './check/converges.ts'
import { assertServed } from './check/serves.ts'
import { type Coverage, emptyCoverage } from './coverage.ts'
import { Digest } from './digest.ts'
import { Disk } from './disk.ts'
import type { ClientEvent, HostEvent, SimEvent, Undo } from './event.ts'
import { History, type Operation } from './history.ts'
import { emptyImage, Host, type Surroundings } from './host.ts'
import { FAULTS, type FaultKind, Nemesis } from './nemesis.ts'
import { Network } from './network.ts'
import { CALM_NETWORK, type SimOptions } from './options.ts'
import { type LogLevel, Report } from './report.ts'
import { safetyChecks, Watcher } from './watch.ts'
import { type ClientPort, Workload } from './workload.ts'
import type { World } from './world.ts'

/** Log time starts here, so that a clock may jump back. */
const WALL_START_MS = 1_700_000_000_000
/** Requests that the healed core has to serve, besides the old ones. */
const LIVENESS_REQUESTS = 12
const LIVENESS_STEP_MS = 250

export interface Outcome {
  readonly failure: Failure | undefined
  readonly digest: string
  readonly coverage: Coverage
  readonly virtualMs: number
}

export interface Failure {
  /** invariant: a replica stopped itself · liveness, property: a check of the simulator. */
  readonly kind: 'invariant' | 'liveness' | 'property'
  /** Name of the property, or `assertion`. */
  readonly property: string
  readonly message: string
  readonly atMs: number
}

export interface Tracing {
  readonly level: LogLevel
  line(line: string): void
}

export class Simulator implements Surroundings, ClientPort {
  readonly #options: SimOptions
  readonly #heap = new Heap<SimEvent>()
  readonly #network: Network
  readonly #nemesis: Nemesis
  readonly #workload: Workload
  readonly #prng: Prng
  readonly #clientPrng: Prng
  readonly #hosts: Host[] = []
  readonly #skew: { wallMs: number; drift: number }[] = []
  readonly #digest = new Digest()
  readonly #coverage = emptyCoverage()
  readonly #report: Report | undefined
  readonly #world: World
  readonly #untilMs: number
  readonly watch: Watcher
  #core: number[] = []
  #usable: number[]

  constructor(options: SimOptions, tracing?: Tracing, untilMs = Number.POSITIVE_INFINITY) {
    const root = new Prng(options.seed)
    const { replicas } = options
    this.#options = options
    this.#untilMs = untilMs
    this.#prng = root.fork('simulator')
    this.#clientPrng = root.fork('client-network')
    this.#network = new Network(options.network, root.fork('network'), replicas)
    this.#nemesis = new Nemesis(options.nemesis, root.fork('nemesis'), replicas)
    const configuration = { epochNumber: epochNumber(0), replicaCount: replicas, primaryOffset: 0 }
    const history = new History()
    this.#workload = new Workload(options.workload, root.fork('workload'), history, this)
    const clocks = root.fork('clocks')
    const { skewMs, drift } = options.clock
    for (let number = 0; number < replicas; number++) {
      const disk = new Disk(emptyImage(), options.disk, root.fork(`disk/${number}`))
      const fields = { number, disk, configuration, options }
      this.#hosts.push(new Host(fields, this))
      const skewed = clocks.int(-skewMs, skewMs)
      this.#skew.push({ wallMs: skewed, drift: (clocks.float() * 2 - 1) * drift })
    }
    this.#usable = this.#hosts.map(host => host.number)
    this.#world = this.#makeWorld(history, quorumOf(configuration))
    this.#report = tracing && new Report(this.#world, tracing.level, line => tracing.line(line))
    const told = { coverage: this.#coverage, digest: this.#digest, report: this.#report }
    this.watch = new Watcher(safetyChecks(this.#world), told)
  }

  #makeWorld(history: History, quorum: number): World {
    const simulator = this
    return {
      options: this.#options,
      quorum,
      hosts: this.#hosts,
      history,
      committed: [],
      get core() {
        return simulator.#core
      },
      nowMs: 0,
    }
  }

  run(): Outcome {
    let failure: Failure | undefined
    try {
      this.#start()
      this.#runUntil(this.#options.safetyMs, () => this.#workload.isDone)
      this.#heal()
      this.#live()
      this.watch.atEnd()
    } catch (error) {
      failure = failureOf(error, this.nowMs)
    }
    this.#coverage.commits = this.#world.committed.length
    this.#coverage.dropped = this.#network.dropped
    this.#digest.text(failure?.message ?? '')
    const { hex: digest } = this.#digest
    return { failure, digest, coverage: this.#coverage, virtualMs: this.nowMs }
  }

  get nowMs(): number {
    return this.#world.nowMs
  }

  // The phases.

  #start(): void {
    for (const host of this.#hosts) host.start(this.#prng.u32())
    for (const kind of FAULTS) this.#planFault(kind)
    this.#workload.start()
  }

  /** Until the time, or until `done` when the workload of the phase is over. */
  #runUntil(atMs: number, done: () => boolean): void {
    const until = Math.min(atMs, this.#untilMs)
    for (;;) {
      const next = this.#heap.peek()
      if (next === undefined || next.at > until || done()) break
      this.#heap.pop()
      this.#world.nowMs = Math.max(this.nowMs, next.at)
      this.#coverage.events++
      this.#digest.add(next.at)
      this.#handle(next.item)
    }
  }

  /** A core gets well and stays well; whoever is outside keeps what ails it. */
  #heal(): void {
    const { replicas } = this.#options
    const least = this.#world.quorum
    const size = this.#prng.int(least, replicas)
    const order = this.#prng.shuffle(this.#hosts.map(host => host.number))
    this.#core = order.slice(0, size).sort((a, b) => a - b)
    this.#usable = this.#core
    this.#network.change({ ...CALM_NETWORK, codec: this.#options.network.codec })
    for (const a of this.#core) for (const b of this.#core) this.#network.join(a, b)
    for (const outside of order.slice(size)) this.#isolate(outside)
    for (const number of this.#core) {
      const host = this.#host(number)
      if (!host.isUp) this.#startHost(number)
      host.resume()
      for (const peer of this.#core) {
        if (peer !== number) this.#tellPeer(number, peer, true)
      }
    }
    this.#report?.note(`liveness phase: the core is ${this.#core.map(i => `r${i}`).join(' ')}`)
  }

  /** Down, cut off, or able to speak and not to hear, or the other way round. */
  #isolate(outside: number): void {
    const fate = this.#prng.pick(['down', 'cut', 'deaf', 'mute'] as const)
    if (fate === 'down') this.#crash(outside)
    else this.#host(outside).resume()
    for (const member of this.#core) {
      this.#network.join(member, outside)
      this.#network.join(outside, member)
      if (fate !== 'mute') this.#network.cut(member, outside)
      if (fate !== 'deaf') this.#network.cut(outside, member)
    }
  }

  #live(): void {
    const deadline = this.nowMs + this.#options.livenessMs
    this.#workload.more(LIVENESS_REQUESTS)
    const isWell = (): boolean => this.#workload.isDone && apart(this.#world) === undefined
    while (this.nowMs < deadline && this.nowMs < this.#untilMs) {
      const slice = this.nowMs + LIVENESS_STEP_MS
      this.#runUntil(slice, () => false)
      this.#world.nowMs = Math.max(this.nowMs, Math.min(slice, this.#untilMs))
      if (isWell()) return
    }
    if (this.nowMs >= this.#untilMs) return
    assertServed(this.#world, this.#workload.isDone, this.#workload.waiting)
    assertConverged(this.#world)
  }

  // Events.

  #handle(event: SimEvent): void {
    switch (event.type) {
      case 'host': {
        const host = this.#host(event.host)
        if (host.boot === event.boot) host.on(event.event)
        return
      }
      case 'arrival': {
        const host = this.#host(event.host)
        const inner = event.event
        if (inner.type === 'deliver') {
          this.#digest.add(inner.message.type.length * 64 + inner.from)
          this.#report?.delivered(host, inner.from, inner.message)
        }
        host.on(inner)
        return
      }
      case 'start':
        if (!this.#host(event.host).isUp && this.#core.length === 0) this.#startHost(event.host)
        return
      case 'fault':
        if (this.#core.length > 0) return
        this.#fault(event.kind)
        this.#planFault(event.kind)
        return
      case 'undo':
        if (this.#core.length === 0) this.#undo(event.undo)
        return
      case 'client':
        this.#workload.on(event.event)
        return
      default:
        unreachable(event)
    }
  }

  #host(number: number): Host {
    return present(this.#hosts[number], 'the host exists')
  }

  // Faults.

  #planFault(kind: FaultKind): void {
    const wait = this.#nemesis.next(kind)
    if (wait !== undefined) this.#heap.push(this.nowMs + wait, { type: 'fault', kind })
  }

  #fault(kind: FaultKind): void {
    switch (kind) {
      case 'crash':
        this.#crashFor(this.#nemesis.victim(kind), this.#nemesis.duration(kind))
        return
      case 'crash-all':
        for (const { number } of this.#hosts) this.#crashFor(number, this.#nemesis.duration(kind))
        return
      case 'partition':
        this.#partition()
        return
      case 'clog': {
        const from = this.#nemesis.victim(kind)
        const to = this.#nemesis.victim(kind)
        this.#network.clog(from, to, this.nowMs + this.#nemesis.duration(kind))
        return
      }
      case 'pause':
        this.#pause(this.#nemesis.victim(kind), this.#nemesis.duration(kind))
        return
      case 'clock-jump': {
        const skew = present(this.#skew[this.#nemesis.victim(kind)], 'the host exists')
        skew.wallMs += this.#nemesis.clockJumpMs()
        return
      }
      case 'hang':
        this.#host(this.#nemesis.victim(kind)).disk.hang(this.nowMs + this.#nemesis.duration(kind))
        return
      case 'step-down':
        this.#stepDown(this.#nemesis.victim(kind))
        return
      case 'reset':
        this.#reset(this.#nemesis.victim(kind), this.#nemesis.victim(kind))
        return
      default:
        unreachable(kind)
    }
  }

  #crashFor(number: number, downMs: number): void {
    if (!this.#host(number).isUp) return
    this.#crash(number)
    this.#heap.push(this.nowMs + downMs, { type: 'start', host: number })
  }

  #crash(number: number): void {
    const host = this.#host(number)
    if (!host.isUp) return
    const lost = host.crash()
    this.#coverage.crashes++
    this.#coverage.writesLost += lost
    this.#report?.fault(number, `crash, ${lost} writes lost`)
    if (!this.#options.network.tellPeers) return
    for (const peer of this.#hosts) this.#tellPeer(peer.number, number, false)
  }

  #startHost(number: number): void {
    this.#report?.fault(number, 'start')
    this.#host(number).start(this.#prng.u32())
    if (!this.#options.network.tellPeers) return
    for (const peer of this.#hosts) this.#tellPeer(peer.number, number, true)
  }

  #tellPeer(number: number, replica: number, connected: boolean): void {
    if (number === replica) return
    const event: HostEvent = { type: 'peer', replica, connected }
    this.#heap.push(this.nowMs + 1, { type: 'arrival', host: number, event })
  }

  #partition(): void {
    const acting = this.#hosts.find(({ replica }) => replica !== undefined && isPrimary(replica))
    const cuts = this.#nemesis.cuts(acting?.number)
    const links = cuts.filter(([from, to]) => !this.#network.isCut(from, to))
    if (links.length === 0) return
    for (const [from, to] of links) this.#network.cut(from, to)
    this.#coverage.partitions++
    this.#report?.note(`! cut ${links.map(([from, to]) => `r${from}→r${to}`).join(' ')}`)
    const undo: Undo = { type: 'join', links }
    this.#heap.push(this.nowMs + this.#nemesis.duration('partition'), { type: 'undo', undo })
  }

  #pause(number: number, forMs: number): void {
    const host = this.#host(number)
    if (!host.isUp || host.paused) return
    host.paused = true
    this.#coverage.pauses++
    this.#report?.fault(number, `pause for ${forMs} ms`)
    const undo: Undo = { type: 'resume', host: number }
    this.#heap.push(this.nowMs + forMs, { type: 'undo', undo })
  }

  #stepDown(number: number): void {
    const host = this.#host(number)
    if (host.isUp && !host.paused) host.step({ type: 'step-down' })
  }

  /** A connection breaks and comes back. */
  #reset(a: number, b: number): void {
    if (a === b) return
    for (const [to, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      this.#tellPeer(to, peer, false)
      const event: HostEvent = { type: 'peer', replica: peer, connected: true }
      const at = this.nowMs + 1 + this.#nemesis.stream('reset').int(1, 300)
      this.#heap.push(at, { type: 'arrival', host: to, event })
    }
  }

  #undo(undo: Undo): void {
    if (undo.type === 'resume') {
      this.#report?.fault(undo.host, 'resume')
      this.#host(undo.host).resume()
      return
    }
    for (const [from, to] of undo.links) this.#network.join(from, to)
    this.#report?.note(`! joined ${undo.links.map(([from, to]) => `r${from}→r${to}`).join(' ')}`)
  }

  // What hosts ask of their surroundings.

  send(from: number, to: number, message: Message): void {
    const arrivals = this.#network.arrivals(from, to, this.nowMs)
    for (const at of arrivals) {
      const event: HostEvent = { type: 'deliver', from, message: this.#throughWire(message) }
      this.#heap.push(at, { type: 'arrival', host: to, event })
    }
  }

  #throughWire(message: Message): Message {
    if (!this.#options.network.codec) return message
    return decodeMessage(encodeMessage(0, message)).message
  }

  later(host: Host, atMs: number, event: HostEvent): void {
    this.#heap.push(atMs, { type: 'host', host: host.number, boot: host.boot, event })
  }

  monotonicMs(host: Host): number {
    const { drift } = present(this.#skew[host.number], 'the host exists')
    return Math.floor(this.nowMs * (1 + drift))
  }

  wallMs(host: Host): number {
    const { wallMs } = present(this.#skew[host.number], 'the host exists')
    return WALL_START_MS + wallMs + this.monotonicMs(host)
  }

  reply(
    _host: Host,
    client: number,
    session: string,
    requestNumber: number,
    answer: ReplyAnswer,
  ): void {
    this.#toClient({ type: 'reply', client, session, requestNumber, answer })
  }

  value(_host: Host, client: number, id: number, value: string): void {
    this.#toClient({ type: 'value', client, id, value })
  }

  // What clients ask of theirs. Their network loses messages too, but knows no partitions.

  get hosts(): readonly number[] {
    return this.#usable
  }

  request(host: number, client: number, command: Command): void {
    this.#toHost(host, { type: 'request', client, command })
  }

  read(host: number, client: number, id: number, key: string): void {
    this.#toHost(host, { type: 'read', client, id, key })
  }

  at(atMs: number, event: ClientEvent): void {
    this.#heap.push(atMs, { type: 'client', event })
  }

  replied(operation: Operation): void {
    this.watch.replied(operation)
  }

  /** Only eviction may make a session unknown, and nothing else is forgotten of one that is in use. */
  forgotten(operation: Operation, reason: string): void {
    const sessionsMax = this.#options.replica.clientsMax
    if (reason === 'no-session' && sessionsMax < this.#options.workload.clients * 50) return
    const who = `${operation.session}#${operation.requestNumber}`
    throw new Violation('executed-once', `${who} was answered «forgotten: ${reason}»`)
  }

  #toHost(host: number, event: HostEvent): void {
    const delay = this.#clientDelay()
    if (delay !== undefined) this.#heap.push(this.nowMs + delay, { type: 'arrival', host, event })
  }

  #toClient(event: ClientEvent): void {
    const delay = this.#clientDelay()
    if (delay !== undefined) this.at(this.nowMs + delay, event)
  }

  #clientDelay(): number | undefined {
    const { loss, delayMeanMs } = this.#core.length > 0 ? CALM_NETWORK : this.#options.network
    if (loss > 0 && this.#clientPrng.chance(loss)) return undefined
    return Math.round(this.#clientPrng.exponential(Math.min(delayMeanMs, 20)))
  }
}

function failureOf(error: unknown, atMs: number): Failure {
  if (error instanceof Violation) {
    const kind = error.kind === 'liveness' ? 'liveness' : 'property'
    return { kind, property: error.property, message: error.message, atMs }
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const property = error instanceof AssertionError ? 'assertion' : 'crash'
  return { kind: 'invariant', property, message, atMs }
}
