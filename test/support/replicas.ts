/**
 * A few replicas by hand: nothing is delivered, made durable or ticked until the test says so. Effects are
 * carried out in the order of the daemon: what a write releases leaves first (to itself: at once), then the
 * core hears that the write is durable. What a restart finds is what was synced, nothing else.
 */
import { present } from '../../src/base/assert.ts'
import { text, utf8 } from '../../src/base/bytes.ts'
import { Prng } from '../../src/base/prng.ts'
import { audit, prepareRepair } from '../../src/sim/audit.ts'
import {
  Disk,
  dropUninstalled,
  emptyImage,
  entriesOn,
  headOf,
  type Job,
  recordsOn,
  textsOn,
} from '../../src/sim/disk.ts'
import type { DiskOptions, PageOptions } from '../../src/sim/options.ts'
import { SimService } from '../../src/sim/service.ts'
import type { Effect, Executed, Input, ReplicaEvent } from '../../src/vr/effect.ts'
import type { Command } from '../../src/vr/entry.ts'
import type { Message, MessageType, ReplyAnswer } from '../../src/vr/message.ts'
import { DEFAULTS, type ReplicaOptions } from '../../src/vr/options.ts'
import { step } from '../../src/vr/replica.ts'
import { boot, createReplica, replay, restore, restored } from '../../src/vr/restart.ts'
import type { Replica } from '../../src/vr/state.ts'
import { opOf } from '../../src/vr/state.ts'
import {
  clientId,
  epochNumber,
  type ReplicaNumber,
  replicaNumber,
  requestNumber,
} from '../../src/vr/terms.ts'

export interface Packet {
  readonly from: number
  readonly to: number
  readonly message: Message
}

/** Which packets: by addressees and type; what is left out matches all. */
export interface Which {
  readonly from?: number
  readonly to?: number
  readonly type?: MessageType
  readonly view?: number
}

const DISK: DiskOptions = { syncMs: [0, 0], keepUnsynced: 0, checkpointSlicesMax: 1, stall: 0 }

class Node {
  readonly number: number
  readonly disk: Disk
  boots = 0
  replica: Replica | undefined
  service = new SimService()
  jobs: Job[] = []
  nowMs = 0
  answers: { client: string; n: number; answer: ReplyAnswer }[] = []
  executed: Executed[] = []
  reads: { readNumber: number; opNumber: number }[] = []
  events: ReplicaEvent[] = []

  constructor(number: number) {
    this.number = number
    this.disk = new Disk(emptyImage(), DISK, new Prng(1))
  }
}

export class Replicas {
  readonly nodes: Node[]
  /** In flight, oldest first. */
  wire: Packet[] = []
  readonly #options: ReplicaOptions
  #wallMs = 1_000_000

  readonly #pages: PageOptions | undefined

  readonly #count: number

  /** With `pages` their services have cold records. Standbys have the numbers behind those of the replicas. */
  constructor(
    count: number,
    options: Partial<ReplicaOptions> = {},
    pages?: PageOptions,
    standbys = 0,
  ) {
    this.#pages = pages
    this.#count = count
    this.#options = { ...DEFAULTS, pipelineCommandsMin: 1, ...options }
    this.nodes = Array.from({ length: count + standbys }, (_, i) => new Node(i))
    for (const node of this.nodes) this.start(node.number)
  }

  node(i: number): Node {
    return present(this.nodes[i], 'there is such a replica')
  }

  at(i: number): Replica {
    return present(this.node(i).replica, 'the replica is up')
  }

  /** What its disk holds becomes a replica again. */
  start(i: number, options: Partial<ReplicaOptions> = {}): void {
    const node = this.node(i)
    node.boots++
    node.service = new SimService(this.#pages)
    dropUninstalled(node.disk.image)
    const { image } = node.disk
    const identity = {
      shard: 0,
      replicaNumber: replicaNumber(i),
      configuration: {
        epochNumber: epochNumber(0),
        replicaCount: this.#count,
        primaryOffset: 0,
      },
      options: { ...this.#options, ...options },
      nonce: 1000 * i + node.boots,
    }
    const found = audit(image)
    prepareRepair(image, found)
    const { damage } = found
    const replica = createReplica(identity, { ...image, damage }, node.service)
    restore(replica, recordsOn(image))
    restored(replica)
    node.replica = replica
    const whole = damage?.runs[0]?.first ?? headOf(image) + 1
    const log = entriesOn(image, image.checkpoint.opNumber + 1, whole - 1, Infinity)
    this.#carryOut(node, replay(replica, log))
    this.#carryOut(node, boot(replica, node.boots === 1, this.#wallMs))
  }

  crash(...who: number[]): void {
    for (const i of who) {
      const node = this.node(i)
      node.replica = undefined
      node.jobs = []
      this.wire = this.wire.filter(packet => packet.to !== i)
    }
  }

  step(i: number, input: Input): Effect[] {
    const node = this.node(i)
    if (node.replica === undefined) return []
    const effects = step(node.replica, input)
    this.#carryOut(node, effects)
    return effects
  }

  /** Puts number `from` to `to` of a session at the first replica, one after the other, over forty keys. */
  write(session: string, from: number, to: number): void {
    for (let n = from; n <= to; n++) {
      this.request(0, operation(session, n, `put k${n % 40} ${n}`, n - 1))
      this.settle()
    }
  }

  /** `ms` pass in ticks of 10 ms on each of them. */
  tick(ms: number, ...who: number[]): void {
    const all = who.length > 0 ? who : this.nodes.map(node => node.number)
    for (let passed = 0; passed < ms; passed += 10) {
      this.#wallMs += 10
      for (const i of all) {
        const node = this.node(i)
        node.nowMs += 10
        this.step(i, { type: 'tick', nowMs: node.nowMs, wallMs: this.#wallMs })
      }
    }
  }

  /** Makes durable what waits (the first `count` jobs), one after the other. */
  sync(i: number, count = Infinity): void {
    const node = this.node(i)
    for (let done = 0; done < count && node.replica; done++) {
      const job = node.jobs.shift()
      if (job === undefined) return
      node.disk.apply(job)
      if (job.type === 'write') {
        for (const send of job.then) this.#send(node, send.to, send.message)
        this.step(i, { type: 'written', token: job.token })
      } else if (job.type === 'checkpoint') {
        this.step(i, { type: 'checkpointed', opNumber: job.id.opNumber })
      }
    }
  }

  /** Takes packets off the wire without delivering them. */
  take(which: Which = {}): Packet[] {
    const taken = this.wire.filter(packet => matches(packet, which))
    this.wire = this.wire.filter(packet => !taken.includes(packet))
    return taken
  }

  /** Delivers what is on the wire now (not what comes of it); gives how many. */
  deliver(which: Which = {}): number {
    const taken = this.take(which)
    this.give(taken)
    return taken.length
  }

  give(packets: readonly Packet[]): void {
    for (const { from, to, message } of packets) {
      this.step(to, { type: 'deliver', from: replicaNumber(from), message })
    }
  }

  /** Delivers and syncs until nothing moves; packets that do not match `which` are lost. */
  settle(...which: Which[]): void {
    for (let i = 0; i < 1000; i++) {
      for (const node of this.nodes) this.sync(node.number)
      const packets = this.take()
      if (packets.length === 0 && this.nodes.every(node => node.jobs.length === 0)) return
      const all = which.length === 0
      this.give(packets.filter(packet => all || which.some(w => matches(packet, w))))
    }
    throw new Error('the replicas do not come to rest')
  }

  /** Time passes and everything among `who` arrives; the rest is lost. */
  run(ms: number, ...who: number[]): void {
    const all = who.length > 0 ? who : this.nodes.map(node => node.number)
    const among = all.flatMap(from => all.map(to => ({ from, to })))
    for (let passed = 0; passed < ms; passed += 10) {
      this.tick(10, ...all)
      this.settle(...among)
    }
  }

  /** As `run`, but every message takes `latencyMs`, and none is lost. */
  runSlowly(ms: number, latencyMs: number, eachTick: () => void = () => {}): void {
    let under: { readonly packet: Packet; readonly due: number }[] = []
    for (let now = 0; now < ms; now += 10) {
      this.tick(10)
      eachTick()
      for (const node of this.nodes) this.sync(node.number)
      under.push(...this.take().map(packet => ({ packet, due: now + latencyMs })))
      const due = under.filter(u => u.due <= now)
      under = under.filter(u => u.due > now)
      this.give(due.map(u => u.packet))
    }
  }

  request(i: number, ...commands: Command[]): void {
    this.step(i, { type: 'request', lamport: 0, commands })
  }

  /** Opens a session through replica i while everything arrives; gives its id. */
  open(i: number, name: string): string {
    this.request(i, register(name))
    this.settle()
    const { answer } = present(this.answer(i, name, 0), 'the registration was executed')
    if (answer.type !== 'executed') throw new Error(`registration: ${answer.type}`)
    return (JSON.parse(text(answer.result)) as { session: string }).session
  }

  /** What node i learnt about a request, newest. */
  answer(i: number, client: string, n: number) {
    const { answers } = this.node(i)
    return answers.filter(a => a.client === client && a.n === n).at(-1)
  }

  value(i: number, key: string): string | undefined {
    return this.node(i).service.read(key)
  }

  /** Text of the operations in the log of replica i, from its base on. */
  log(i: number): string[] {
    return this.at(i).log.entries.flatMap(e => e.commands.map(c => text(c.operation)))
  }

  /** status, view, op, commit: `normal v1 n3 k3` */
  state(i: number): string {
    const r = this.at(i)
    return `${r.status} v${r.viewNumber} n${opOf(r)} k${r.commitNumber}`
  }

  #carryOut(node: Node, effects: readonly Effect[]): void {
    const own: Message[] = []
    for (const effect of effects) this.#perform(node, effect, own)
    if (effects.some(effect => effect.type === 'execute'))
      this.step(node.number, { type: 'execute' })
    for (const message of own) this.#deliverOwn(node, message)
  }

  #perform(node: Node, effect: Effect, own: Message[]): void {
    switch (effect.type) {
      case 'send':
        if (effect.to === node.number) own.push(effect.message)
        else this.wire.push({ from: node.number, to: effect.to, message: effect.message })
        return
      case 'write':
      case 'checkpoint':
      case 'trim':
        node.jobs.push(effect)
        return
      case 'executed':
        node.executed.push(effect)
        effect.entry.commands.forEach((command, i) => {
          const answer = effect.answers[i]
          const { clientId: client, requestNumber: n } = command
          if (answer) node.answers.push({ client, n, answer })
        })
        return
      case 'answer':
        node.answers.push({
          client: effect.clientId,
          n: effect.requestNumber,
          answer: effect.answer,
        })
        return
      case 'load': {
        const { token, first, last, bytesMax } = effect
        const entries = entriesOn(node.disk.image, first, last, bytesMax)
        this.step(node.number, { type: 'loaded', token, entries })
        return
      }
      case 'load-texts': {
        const { token, records } = effect
        const texts = present(textsOn(node.disk.image, records), 'the disk is whole')
        this.step(node.number, { type: 'texts-loaded', token, texts })
        return
      }
      case 'read-ready':
        node.reads.push({ readNumber: effect.readNumber, opNumber: effect.opNumber })
        return
      case 'event':
        node.events.push(effect.event)
    }
  }

  #send(node: Node, to: ReplicaNumber, message: Message): void {
    if (to === node.number) this.#deliverOwn(node, message)
    else this.wire.push({ from: node.number, to, message })
  }

  #deliverOwn(node: Node, message: Message): void {
    this.step(node.number, { type: 'deliver', from: replicaNumber(node.number), message })
  }
}

function matches({ from, to, message }: Packet, which: Which): boolean {
  return (
    (which.from ?? from) === from &&
    (which.to ?? to) === to &&
    (which.type ?? message.type) === message.type &&
    (which.view === undefined || ('viewNumber' in message && message.viewNumber === which.view))
  )
}

export function register(name: string, wish: object = {}): Command {
  return command('register', name, 0, JSON.stringify(wish))
}

export function operation(session: string, n: number, line: string, acked = 0): Command {
  return { ...command('operation', session, n, line), ackedNumber: requestNumber(acked) }
}

function command(kind: Command['kind'], client: string, n: number, line: string): Command {
  return {
    kind,
    clientId: clientId(client),
    requestNumber: requestNumber(n),
    ackedNumber: requestNumber(0),
    meta: '',
    operation: utf8(line),
  }
}
