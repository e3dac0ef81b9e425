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
import { epochNumber } from '../vr/terms.ts'
import { decodeMessage, encodeMessage } from '../wire/codec.ts'
import { Violation } from './check/check.ts'
import { apart, assertConverged } from './check/converges.ts'
import { assertServed } from './check/serves.ts'
import { Clocks } from './clocks.ts'
import { type Coverage, emptyCoverage } from './coverage.ts'
import { Digest } from './digest.ts'
import { Disk } from './disk.ts'
import type { ClientEvent, HostEvent, SimEvent } from './event.ts'
import { Faults } from './faults.ts'
import { History, type Operation } from './history.ts'
import { emptyImage, Host, type Surroundings } from './host.ts'
import { Nemesis } from './nemesis.ts'
import { Network } from './network.ts'
import { CALM_NETWORK, type SimOptions } from './options.ts'
import { type LogLevel, Report } from './report.ts'
import { safetyChecks, Watcher } from './watch.ts'
import { type ClientPort, Workload } from './workload.ts'
import type { World } from './world.ts'

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
  readonly #workload: Workload
  readonly #clientPrng: Prng
  readonly #hosts: Host[] = []
  readonly #clocks: Clocks
  readonly #faults: Faults
  readonly #digest = new Digest()
  readonly #coverage = emptyCoverage()
  readonly #report: Report | undefined
  readonly #world: World
  readonly #untilMs: number
  readonly watch: Watcher
  #core: readonly number[] = []

  constructor(options: SimOptions, tracing?: Tracing, untilMs = Number.POSITIVE_INFINITY) {
    const root = new Prng(options.seed)
    const { replicas } = options
    this.#options = options
    this.#untilMs = untilMs
    this.#clientPrng = root.fork('client-network')
    this.#network = new Network(options.network, root.fork('network'), replicas)
    this.#clocks = new Clocks(options.clock, root.fork('clocks'), replicas)
    const configuration = { epochNumber: epochNumber(0), replicaCount: replicas, primaryOffset: 0 }
    const history = new History()
    this.#workload = new Workload(options.workload, root.fork('workload'), history, this)
    for (let number = 0; number < replicas; number++) {
      const disk = new Disk(emptyImage(), options.disk, root.fork(`disk/${number}`))
      const fields = { number, disk, configuration, options }
      this.#hosts.push(new Host(fields, this))
    }
    this.#world = this.#makeWorld(history, quorumOf(configuration))
    this.#report = tracing && new Report(this.#world, tracing.level, line => tracing.line(line))
    const told = { coverage: this.#coverage, digest: this.#digest, report: this.#report }
    this.watch = new Watcher(safetyChecks(this.#world), told)
    this.#faults = new Faults({
      options,
      hosts: this.#hosts,
      network: this.#network,
      clocks: this.#clocks,
      nemesis: new Nemesis(options.nemesis, root.fork('nemesis'), replicas),
      prng: root.fork('simulator'),
      coverage: this.#coverage,
      report: this.#report,
      now: () => this.nowMs,
      after: (ms, event) => this.#heap.push(this.nowMs + ms, event),
    })
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
      this.#core = this.#faults.heal(this.#world.quorum)
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
    this.#faults.startAll()
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
        return this.#faults.onStart(event.host)
      case 'fault':
        return this.#faults.on(event.kind)
      case 'undo':
        return this.#faults.undo(event.undo)
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
    return this.#clocks.monotonicMs(host.number, this.nowMs)
  }

  wallMs(host: Host): number {
    return this.#clocks.wallMs(host.number, this.nowMs)
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
    return this.#core.length > 0 ? this.#core : this.#hosts.map(host => host.number)
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

  /** Only eviction and expiry make a session unknown, and nothing else is forgotten of one in use. */
  forgotten(operation: Operation, reason: string): void {
    const { workload, replica } = this.#options
    const mayEnd = workload.sessionTtlMs > 0 || replica.clientsMax < workload.clients * 50
    if (reason === 'no-session' && mayEnd) return
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
