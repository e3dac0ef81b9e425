/**
 * A standby beside the replicas of a run: a host of its own, with faults of its own, on links of their own, so that
 * a run is nearly the same with it and without. The properties of replicas are not about it: standby-follows is.
 */
import type { Prng } from '../base/prng.ts'
import type { Message } from '../vr/message.ts'
import type { Check } from './check/check.ts'
import { assertFollowed, behind, standbyFollows } from './check/standby-follows.ts'
import type { Clocks } from './clocks.ts'
import { type Coverage, emptyCoverage, fire } from './coverage.ts'
import type { Digest } from './digest.ts'
import type { HostEvent, SimEvent, StandbyEvent } from './event.ts'
import type { Host } from './host.ts'
import type { Network } from './network.ts'
import type { Surroundings } from './surroundings.ts'
import { Watcher } from './watch.ts'
import type { World } from './world.ts'

export interface Beside {
  readonly world: World
  readonly hosts: readonly Host[]
  readonly network: Network
  readonly clocks: Clocks
  readonly prng: Prng
  readonly digest: Digest
  readonly coverage: Coverage
  /** Of the replicas: one compares the standby's state with theirs. */
  readonly checks: readonly Check[]
  newHost(around: Surroundings): Host
  at(atMs: number, event: SimEvent): void
}

const FAULT_EVERY_MS = [300, 4000] as const
const FOR_MS_MAX = 4000

export class Standby implements Surroundings {
  readonly watch: Watcher
  readonly #host: Host
  readonly #beside: Beside
  /** Links that are cut now. */
  #cuts: (readonly [from: number, to: number])[] = []
  #isHealed = false

  constructor(beside: Beside) {
    const { world, checks, digest } = beside
    this.#beside = beside
    const sameState = checks.filter(({ name }) => name === 'same-state')
    // Its events are no views and checkpoints of the group.
    const told = { coverage: emptyCoverage(), digest, report: undefined }
    this.watch = new Watcher([standbyFollows(world), ...sameState], told)
    this.#host = beside.newHost(this)
  }

  start(): void {
    this.#startHost()
    this.#plan()
  }

  /** A replica says something to it. */
  hear(from: Host, message: Message): void {
    this.#carry(from, this.#host, message)
  }

  on(event: StandbyEvent): void {
    if (event === 'start') return this.#startHost()
    if (this.#isHealed) return
    if (event === 'resume') return this.#host.resume()
    if (event === 'join') return this.#join()
    this.#fail()
    this.#plan()
  }

  /** It is up for good, and reaches everybody who can be reached. */
  heal(): void {
    const { hosts, network } = this.#beside
    this.#isHealed = true
    this.#join()
    for (const { number } of hosts) {
      network.heal(number, this.#host.number)
      network.heal(this.#host.number, number)
    }
    this.#host.resume()
    this.#startHost()
  }

  get isBehind(): boolean {
    return behind(this.#beside.world, this.#host) !== undefined
  }

  assertFollowed(): void {
    assertFollowed(this.#beside.world, this.#host)
  }

  #plan(): void {
    this.#after(this.#beside.prng.int(...FAULT_EVERY_MS), 'fault')
  }

  #fail(): void {
    const { prng, hosts, network, coverage } = this.#beside
    fire(coverage, 'standby')
    const forMs = prng.int(0, FOR_MS_MAX)
    const kind = prng.pick(['crash', 'pause', 'cut', 'cut'] as const)
    const who = prng.shuffle(hosts.map(({ number }) => number)).slice(0, prng.int(1, hosts.length))
    const ways = prng.pick([
      [true, true],
      [true, false],
      [false, true],
    ] as const)
    if (kind === 'crash') {
      this.#host.crash()
      this.#after(forMs, 'start')
    } else if (kind === 'pause') {
      this.#host.paused = this.#host.isUp
      this.#after(forMs, 'resume')
    } else {
      this.#join()
      const own = this.#host.number
      const both = who.flatMap(other => [[own, other] as const, [other, own] as const])
      this.#cuts = both.filter(([from]) => ways[from === own ? 0 : 1])
      for (const [from, to] of this.#cuts) network.cut(from, to)
      this.#after(forMs, 'join')
    }
  }

  #join(): void {
    for (const [from, to] of this.#cuts) this.#beside.network.join(from, to)
    this.#cuts = []
  }

  #startHost(): void {
    if (!this.#host.isUp) this.#host.start(this.#beside.prng.u32())
  }

  #after(ms: number, event: StandbyEvent): void {
    this.#beside.at(this.nowMs + ms, { type: 'standby', event })
  }

  #carry(from: Host, to: Host, message: Message): void {
    const arrivals = this.#beside.network.arrivals(from.number, to.number, this.nowMs, message.type)
    const event: HostEvent = { type: 'deliver', from: from.number, message }
    for (const at of arrivals) this.#beside.at(at, { type: 'host', host: to, boot: to.boot, event })
  }

  // What its host asks of its surroundings.

  get nowMs(): number {
    return this.#beside.world.nowMs
  }

  send(from: Host, to: number, message: Message): void {
    const replica = this.#beside.hosts[to]
    if (replica !== undefined) this.#carry(from, replica, message)
  }

  later(host: Host, atMs: number, event: HostEvent): void {
    this.#beside.at(atMs, { type: 'host', host, boot: host.boot, event })
  }

  /** A disk of its own fails in no run; nor does anybody arm a point of its work. */
  ended(host: Host): void {
    host.crash()
    this.#after(0, 'start')
  }

  monotonicMs({ number }: Host): number {
    return this.#beside.clocks.monotonicMs(number, this.nowMs)
  }

  wallMs({ number }: Host): number {
    return this.#beside.clocks.wallMs(number, this.nowMs)
  }

  // No client calls it.
  reply(): void {}
  value(): void {}
}
