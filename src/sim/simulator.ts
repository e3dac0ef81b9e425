/**
 * A whole cluster in virtual time, from one seed. First the safety phase: anything may fail, nothing
 * wrong may happen. Then the liveness phase: a random core of at least a quorum is healed, all other
 * faults become permanent, and the core must converge and serve. READ FIRST in this folder; then
 * host.ts (a node), options.ts (the swarm), check/ (the properties).
 */
import { present, unreachable } from '../base/assert.ts'
import { Heap } from '../base/heap.ts'
import { Prng } from '../base/prng.ts'
import { quorumOf } from '../vr/configuration.ts'
import type { Command } from '../vr/entry.ts'
import type { Message, ReplyAnswer } from '../vr/message.ts'
import { epochNumber } from '../vr/terms.ts'
import { Admission, type Daemon, type Refused } from './admission.ts'
import { Violation } from './check/check.ts'
import { apart, assertConverged } from './check/converges.ts'
import { assertServed } from './check/serves.ts'
import { whyStuck } from './check/stuck.ts'
import { Clocks } from './clocks.ts'
import { emptyCoverage } from './coverage.ts'
import { Digest } from './digest.ts'
import { Disk, emptyImage, standingOn } from './disk.ts'
import type { ClientEvent, HostEvent, ReadKind, SimEvent } from './event.ts'
import { Faults } from './faults.ts'
import { Frames } from './frames.ts'
import { History, type Operation } from './history.ts'
import { Host } from './host.ts'
import { Nemesis } from './nemesis.ts'
import { Network } from './network.ts'
import { CALM_NETWORK, type SimOptions } from './options.ts'
import { type Failure, failureOf, type Limits, type Outcome, type Tracing } from './outcome.ts'
import { type Recording, tellerOf } from './recorder.ts'
import { type InTransit, Replays } from './replays.ts'
import type { Noting } from './report.ts'
import { Standby } from './standby.ts'
import type { End, Surroundings } from './surroundings.ts'
import { tally } from './tally.ts'
import { reportOf } from './timeline.ts'
import { safetyChecks, Watcher } from './watch.ts'
import { type ClientPort, Workload } from './workload.ts'
import type { World } from './world.ts'

/** Requests that the healed core has to serve, besides the old ones. */
const LIVENESS_REQUESTS = 12
const LIVENESS_STEP_MS = 250

export class Simulator implements Surroundings, ClientPort {
  readonly #options: SimOptions
  readonly #heap = new Heap<SimEvent>()
  readonly #network: Network
  readonly #frames: Frames
  readonly #replays: Replays
  readonly #admission: Admission
  readonly #workload: Workload
  readonly #clientLanes: readonly Prng[]
  readonly #hosts: Host[] = []
  readonly #clocks: Clocks
  readonly #faults: Faults
  readonly #digest = new Digest()
  readonly #coverage = emptyCoverage()
  readonly #report: Noting | undefined
  readonly #world: World
  readonly #standby: Standby | undefined
  readonly #untilMs: number
  readonly #eventsMax: number
  readonly watch: Watcher
  #core: readonly number[] = []

  constructor(options: SimOptions, tracing?: Tracing, limits: Limits & Recording = {}) {
    const { replicas, seed } = options
    const { luck, faults, recorder } = limits
    const root = new Prng(luck === undefined ? seed : `${seed} luck ${luck}`)
    this.#options = options
    this.#untilMs = limits.untilMs ?? Number.POSITIVE_INFINITY
    this.#eventsMax = limits.eventsMax ?? Number.POSITIVE_INFINITY
    const lanes = Array.from({ length: 2 * options.workload.clients }, (_, i) => i)
    this.#clientLanes = lanes.map(i => root.fork(`client-network/${i}`))
    this.#network = new Network(options.network, root.fork('network'), replicas)
    this.#frames = new Frames(options.network, root.fork('frames'))
    this.#replays = new Replays(root.fork('replays'))
    this.#clocks = new Clocks(options.clock, root.fork('clocks'), replicas + 1)
    const configuration = { epochNumber: epochNumber(0), replicaCount: replicas, primaryOffset: 0 }
    const history = new History()
    this.#workload = new Workload(options, root.fork('workload'), history, this)
    const record = tellerOf(recorder, () => this.nowMs)
    this.#admission = new Admission(record)
    const newHost = (number: number, stream: string, around: Surroundings = this): Host => {
      const disk = new Disk(emptyImage(), options.disk, root.fork(stream), record)
      return new Host({ number, disk, configuration, options }, around)
    }
    for (let i = 0; i < replicas; i++) this.#hosts.push(newHost(i, `disk/${i}`))
    this.#world = this.#makeWorld(history, quorumOf(configuration))
    this.#report = tracing && reportOf(this.#world, tracing)
    const told = { coverage: this.#coverage, digest: this.#digest, report: this.#report }
    const checks = safetyChecks(this.#world)
    this.watch = new Watcher(checks, told)
    const shared = {
      hosts: this.#hosts,
      network: this.#network,
      clocks: this.#clocks,
      coverage: this.#coverage,
      world: this.#world,
      digest: this.#digest,
    }
    const at = (atMs: number, event: SimEvent): void => this.#heap.push(atMs, event)
    if (options.standby) {
      const newOne = (around: Surroundings) => newHost(replicas, 'disk/standby', around)
      const prng = root.fork('standby')
      this.#standby = new Standby({ ...shared, prng, checks, newHost: newOne, at })
    }
    this.#faults = new Faults({
      ...shared,
      options,
      nemesis: new Nemesis(options.nemesis, root.fork('nemesis'), replicas),
      prng: root.fork('simulator'),
      report: this.#report,
      only: faults && new Set(faults),
      second: ({ number }) => newHost(number, `disk/${number}/copy`),
      replay: count => this.#replay(count),
      now: () => this.nowMs,
      after: (ms, event) => at(this.nowMs + ms, event),
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
      this.#frames.heal()
      this.#standby?.heal()
      this.#live()
      if (!this.#isGivenUp) this.watch.atEnd()
    } catch (error) {
      failure = failureOf(error, this.nowMs)
    }
    // Stuck is allowed where more was lost than the group promises to survive; wrong never is.
    const stuck = failure?.kind === 'liveness' ? whyStuck(this.#world) : undefined
    if (stuck !== undefined) failure = undefined
    tally(this.#coverage, {
      options: this.#options,
      hosts: this.#hosts,
      network: this.#network,
      frames: this.#frames,
      commits: this.#world.committed.length,
      fired: this.#workload.fired,
      isStuck: stuck !== undefined,
    })
    // One line of it: what follows names the files of this process.
    this.#digest.text(failure?.message.split('\n')[0] ?? '')
    const { hex: digest } = this.#digest
    const { happened: faults } = this.#faults
    return { failure, stuck, digest, coverage: this.#coverage, virtualMs: this.nowMs, faults }
  }

  get history(): History {
    return this.#world.history
  }

  get nowMs(): number {
    return this.#world.nowMs
  }

  get #isGivenUp(): boolean {
    return this.#coverage.events >= this.#eventsMax
  }

  // The phases.

  #start(): void {
    this.#faults.startAll()
    this.#standby?.start()
    this.#workload.start()
  }

  /** Until the time, or until `done` when the workload of the phase is over. */
  #runUntil(atMs: number, done: () => boolean): void {
    const until = Math.min(atMs, this.#untilMs)
    for (;;) {
      const next = this.#heap.peek()
      if (next === undefined || next.at > until || this.#isGivenUp || done()) break
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
    const isWell = (): boolean =>
      this.#workload.isDone && apart(this.#world) === undefined && !this.#standby?.isBehind
    while (this.nowMs < deadline && this.nowMs < this.#untilMs) {
      const slice = this.nowMs + LIVENESS_STEP_MS
      this.#runUntil(slice, () => false)
      this.#world.nowMs = Math.max(this.nowMs, Math.min(slice, this.#untilMs))
      if (isWell() || this.#isGivenUp) return
    }
    if (this.nowMs >= this.#untilMs) return
    assertServed(this.#world, this.#workload.isDone, this.#workload.waiting)
    assertConverged(this.#world)
    this.#standby?.assertFollowed()
  }

  // Events.

  #handle(event: SimEvent): void {
    switch (event.type) {
      case 'host':
        if (event.host.boot === event.boot) event.host.on(event.event)
        return
      case 'message':
        return this.#arrive(event)
      case 'arrival':
        this.#host(event.host).on(event.event)
        return
      case 'start':
        return this.#faults.onStart(event.host)
      case 'standby':
        return this.#standby?.on(event.event)
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

  send(host: Host, to: number, message: Message): void {
    if (to >= this.#hosts.length) return this.#standby?.hear(host, message)
    const from = present(host.daemon, 'who sends is running')
    const standing = standingOn(host.image)
    const arrivals = this.#network.arrivals(host.number, to, this.nowMs, message.type)
    if (arrivals.length === 0) this.#report?.lost(host.number, to, message)
    for (const at of arrivals) {
      const arrived = this.#frames.through(message)
      if (arrived === undefined) {
        this.#network.breakStream(host.number, to)
        continue
      }
      const stream = this.#network.stream(host.number, to)
      const event = {
        type: 'message',
        from,
        to,
        message: arrived,
        sentMs: this.nowMs,
        stream,
        standing,
      } as const
      this.#heap.push(at, event)
      this.#replays.note(event)
    }
  }

  /** A message is there: heard, if its stream is whole, and both ends are who the other takes them for. */
  #arrive({ from, to, message, sentMs, stream, standing }: InTransit): void {
    const host = this.#host(to)
    const { daemon } = host
    if (daemon === undefined || stream !== this.#network.stream(from.number, to)) return
    const refused = this.#admission.judge(from, daemon, sentMs)
    if (refused) return this.#refuse(from, daemon, refused)
    const sender = this.#host(from.number)
    if (sender.daemon === from) {
      const back = this.#admission.judge(daemon, from, this.nowMs)
      if (back) return this.#refuse(daemon, from, back)
    } else if (daemon.isImpostor) return
    this.watch.heard(from, daemon)
    this.#admission.heard(from, daemon, { message, standing }, this.nowMs)
    this.#digest.add(message.type.length * 64 + from.number)
    this.#report?.delivered(host, from.number, message)
    host.on({ type: 'deliver', from: from.number, message })
  }

  /** The refused one is told, if the link to it is not cut. */
  #refuse(who: Daemon, by: Daemon, { reason, fence }: Refused): void {
    if (fence) this.watch.refused(who, by, reason)
    if (fence && !this.#network.isCut(by.number, who.number)) this.#faults.refused(who, reason)
  }

  #replay(count: number): number {
    const messages = this.#replays.pick(count, this.nowMs)
    for (const message of messages) {
      const stream = this.#network.stream(message.from.number, message.to)
      this.#heap.push(this.nowMs + 1, { ...message, stream })
    }
    return messages.length
  }

  later(host: Host, atMs: number, event: HostEvent): void {
    this.#heap.push(atMs, { type: 'host', host, boot: host.boot, event })
  }

  ended(host: Host, why: End): void {
    this.#faults.ended(host, why)
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
    if (this.#core.length > 0) return this.#core
    const { down } = this.#options.permanent
    return this.#hosts.map(host => host.number).filter(number => !down.includes(number))
  }

  request(host: number, client: number, command: Command, seen: number): void {
    this.#toHost(host, client, { type: 'request', client, command, seen })
  }

  read(host: number, client: number, id: number, key: string, kind: ReadKind): void {
    this.watch.asked(client, id)
    this.#toHost(host, client, { type: 'read', client, id, key, kind })
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

  #toHost(host: number, client: number, event: HostEvent): void {
    const delay = this.#clientDelay(2 * client)
    if (delay !== undefined) this.#heap.push(this.nowMs + delay, { type: 'arrival', host, event })
  }

  #toClient(event: ClientEvent): void {
    const delay = this.#clientDelay(2 * event.client + 1)
    if (delay !== undefined) this.at(this.nowMs + delay, event)
  }

  #clientDelay(lane: number): number | undefined {
    const prng = present(this.#clientLanes[lane], 'every client has two lanes')
    const { loss, delayMeanMs } = this.#core.length > 0 ? CALM_NETWORK : this.#options.network
    const isLost = prng.chance(loss)
    const delay = Math.round(prng.exponential(Math.min(delayMeanMs, 20)))
    return isLost ? undefined : delay
  }
}
