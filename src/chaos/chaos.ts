/**
 * Fault injection of one node: the faults in force, the decorators of its ports that carry them out,
 * and the alarm that keeps them in mind. Made only where the configuration allows it; nothing below
 * knows of it (docs/chaos.md).
 */
import type { Network } from '../network/port.ts'
import type { NodeApi } from '../node/api.ts'
import { emit, type NodeContext } from '../node/context.ts'
import { shardName } from '../node/shard.ts'
import type { ClusterRecord, Store } from '../storage/port.ts'
import type { ChaosApi, ChaosStatus, Ending, Fault } from './api.ts'
import { type Clock, REAL_CLOCK } from './clock.ts'
import { Faults } from './faults.ts'
import { Gate } from './gate.ts'
import { ChaosNetwork } from './network.ts'
import type { OwnProcess } from './own-process.ts'
import { ALARM, chaosNode, chaosStore, chaosTimers } from './ports.ts'

export interface ChaosOptions {
  readonly cluster: ClusterRecord
  /** They may be cut off, too. */
  readonly standbys?: readonly { readonly name: string; readonly peerId: string }[] | undefined
  readonly process: OwnProcess
  readonly clock?: Clock
  /** In [0, 1). */
  readonly random?: () => number
}

export class Chaos implements ChaosApi {
  readonly node: string
  readonly others: readonly string[]
  readonly shards: readonly string[]
  /** For the node's timers. */
  readonly every: (ms: number, run: () => void) => () => void
  readonly #faults: Faults
  readonly #gate = new Gate()
  readonly #process: OwnProcess
  readonly #clock: Clock
  readonly #names: ReadonlyMap<string, string>
  #context: NodeContext | undefined

  constructor(options: ChaosOptions) {
    const { cluster, standbys = [], process, clock = REAL_CLOCK, random = Math.random } = options
    const nodes = [...cluster.members, ...standbys]
    this.node = cluster.name
    this.others = nodes.map(({ name }) => name).filter(name => name !== cluster.name)
    this.shards = Array.from({ length: cluster.shards }, (_, i) => shardName(i))
    this.every = chaosTimers(this.#gate)
    this.#names = new Map(nodes.map(({ peerId, name }) => [peerId, name]))
    this.#process = process
    this.#clock = clock
    this.#faults = new Faults(clock, random)
    this.#faults.onChange(() => this.#changed())
  }

  // ── The decorators ─────────────────────────────────────────────────────────────────────────

  network(inner: Network): Network {
    return new ChaosNetwork(inner, {
      faults: this.#faults,
      gate: this.#gate,
      clock: this.#clock,
      nameOf: peerId => this.#names.get(peerId) ?? peerId,
    })
  }

  store(inner: Store): Store {
    return chaosStore(inner, { faults: this.#faults, gate: this.#gate, clock: this.#clock })
  }

  callers(node: NodeApi): NodeApi {
    return chaosNode(node, this.#gate)
  }

  /** Where the alarm is raised: of the node's latest life. */
  watch(context: NodeContext): void {
    this.#context = context
    this.#alarm()
  }

  // ── What chaos.* asks ──────────────────────────────────────────────────────────────────────

  status(): ChaosStatus {
    return { node: this.node, paused: this.#faults.paused, faults: this.#faults.status() }
  }

  inject(fault: Fault, forMs?: number): ChaosStatus {
    this.#faults.inject(fault, forMs)
    return this.status()
  }

  heal(kind?: Fault['kind']): number {
    return this.#faults.heal(kind)
  }

  kill(): Ending {
    this.#process.kill('stay dead')
    return { pid: this.#process.pid, comesBack: false, run: this.#process.commandLine }
  }

  restart(): Ending {
    const comesBack = this.#process.hasSupervisor
    this.#process.kill('come back')
    return { pid: this.#process.pid, comesBack, run: this.#process.commandLine }
  }

  #changed(): void {
    this.#alarm()
    if (this.#faults.paused) this.#gate.close()
    else this.#gate.open()
  }

  #alarm(): void {
    const context = this.#context
    if (context === undefined) return
    const faults = this.#faults.status()
    if (faults.length === 0) {
      if (context.alarms.delete(ALARM)) emit(context, { kind: 'alarm_cleared', alarm: ALARM })
      return
    }
    const reason = faults.map(({ text }) => text).join('; ')
    context.alarms.set(ALARM, `fault injection at ${this.node}: ${reason}`)
    emit(context, { kind: 'alarm_raised', alarm: ALARM, reason })
  }
}
