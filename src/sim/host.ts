/**
 * One simulated node: the replica, its disk, its service, and the callers that wait on it. It does what
 * src/node does with real ones: carries effects out, in order, and feeds back what became of them.
 */
import { present, unreachable } from '../base/assert.ts'
import { text } from '../base/bytes.ts'
import { fingerprint } from '../base/fingerprint.ts'
import type { Configuration } from '../vr/configuration.ts'
import type { Effect, Executed, Input, ReplicaEvent } from '../vr/effect.ts'
import type { Command } from '../vr/entry.ts'
import { genesisChecksum } from '../vr/entry.ts'
import type { Message, ReplyAnswer } from '../vr/message.ts'
import { step } from '../vr/replica.ts'
import { boot, createReplica, genesis, replay, restore, restored } from '../vr/restart.ts'
import type { Replica } from '../vr/state.ts'
import { replicaNumber } from '../vr/terms.ts'
import { type Disk, entriesOn, headOf, type Image, type Job, recordsOn, wipe } from './disk.ts'
import type { HostEvent } from './event.ts'
import type { SimOptions } from './options.ts'
import { SimService } from './service.ts'
import type { HostView } from './world.ts'

export const CLUSTER = 'sim'

/** What a host needs of the world around it. */
export interface Surroundings {
  send(from: number, to: number, message: Message): void
  /** For this start of the host only. */
  later(host: Host, atMs: number, event: HostEvent): void
  reply(
    host: Host,
    client: number,
    session: string,
    requestNumber: number,
    answer: ReplyAnswer,
  ): void
  value(host: Host, client: number, id: number, value: string): void
  readonly nowMs: number
  /** The host's own clocks. */
  monotonicMs(host: Host): number
  wallMs(host: Host): number
  readonly watch: Watch
}

/** Told of everything that a property may look at. */
export interface Watch {
  started(host: HostView): void
  stepped(host: HostView): void
  sent(host: HostView, to: number, message: Message): void
  durable(host: HostView, job: Job): void
  executed(host: HostView, effect: Executed): void
  event(host: HostView, event: ReplicaEvent): void
}

type HostOptions = Pick<SimOptions, 'replica' | 'tickMs' | 'selfDelivery'>

interface Reading {
  readonly client: number
  readonly id: number
  readonly key: string
  readonly readNumber: number
  fromOp: number | undefined
}

export function emptyImage(): Image {
  const { vsr, checkpoint } = genesis(genesisChecksum(CLUSTER, 0))
  return { vsr, checkpoint, records: new Map(), start: checkpoint, first: 1, entries: [] }
}

export class Host implements HostView {
  readonly number: number
  readonly disk: Disk
  boot = 0
  wipes = 0
  replica: Replica | undefined
  /** While set, the host does nothing; what happens to it waits in `held`. */
  paused = false
  readonly held: HostEvent[] = []
  #service = new SimService()
  readonly #configuration: Configuration
  readonly #options: HostOptions
  readonly #around: Surroundings
  #waiting = new Map<string, Set<number>>()
  #reading: Reading[] = []
  #readNumber = 0
  #ticking = false
  readonly #inputs: Input[] = []
  #stepping = false

  constructor(
    fields: {
      readonly number: number
      readonly disk: Disk
      readonly configuration: Configuration
      readonly options: HostOptions
    },
    around: Surroundings,
  ) {
    this.number = fields.number
    this.disk = fields.disk
    this.#configuration = fields.configuration
    this.#options = fields.options
    this.#around = around
  }

  get image(): Image {
    return this.disk.image
  }

  get isUp(): boolean {
    return this.replica !== undefined
  }

  start(nonce: number): void {
    this.boot++
    this.paused = false
    this.#service = new SimService()
    const { image } = this.disk
    const firstBoot = this.boot === 1
    const identity = {
      shard: 0,
      replicaNumber: replicaNumber(this.number),
      configuration: this.#configuration,
      options: this.#options.replica,
      nonce,
    }
    const { vsr, checkpoint, start } = image
    const replica = createReplica(identity, { vsr, checkpoint, start }, this.#service)
    restore(replica, recordsOn(image))
    restored(replica)
    this.replica = replica
    this.#around.watch.started(this)
    const behind = checkpoint.opNumber + 1
    const log = entriesOn(image, behind, headOf(image), Number.POSITIVE_INFINITY)
    this.#carryOut(replay(replica, log))
    this.#carryOut(boot(replica, firstBoot))
    this.#around.watch.stepped(this)
    if (!this.#ticking) this.#tickLater()
  }

  /** Power goes. Gives how many jobs were lost. */
  crash(): number {
    const before = this.disk.unsynced
    for (const job of this.disk.crash()) this.#around.watch.durable(this, job)
    const lost = before - this.disk.unsynced
    this.replica = undefined
    this.paused = false
    this.#ticking = false
    this.held.length = 0
    this.#waiting = new Map()
    this.#reading = []
    this.#readNumber = 0
    this.#inputs.length = 0
    return lost
  }

  /** The disk of a host that is down is lost; it will start as a replica that recovers. */
  wipe(hasSuperblock: boolean): void {
    this.wipes++
    const promised = hasSuperblock ? this.image.vsr : undefined
    wipe(this.image, emptyImage(), promised)
  }

  on(event: HostEvent): void {
    if (this.replica === undefined) return
    if (this.paused) {
      // Timers do not pile up: one late tick stands for all.
      if (event.type !== 'tick') this.held.push(event)
      else this.#ticking = false
      return
    }
    switch (event.type) {
      case 'tick':
        this.tick()
        this.#tickLater()
        return
      case 'deliver':
        this.step({ type: 'deliver', from: replicaNumber(event.from), message: event.message })
        return
      case 'synced':
        this.#onSynced()
        return
      case 'loaded':
        this.step({ type: 'loaded', token: event.token, entries: event.entries })
        return
      case 'peer':
        this.step({
          type: 'peer',
          replica: replicaNumber(event.replica),
          connected: event.connected,
        })
        return
      case 'request': {
        const { clientId, requestNumber, operation } = event.command
        const key = waitingKey(clientId, requestNumber, fingerprint(operation))
        const callers = this.#waiting.get(key)
        if (callers) callers.add(event.client)
        else this.#waiting.set(key, new Set([event.client]))
        this.step({ type: 'request', commands: [event.command] })
        return
      }
      case 'read': {
        const { client, id, key } = event
        const readNumber = ++this.#readNumber
        this.#reading.push({ client, id, key, readNumber, fromOp: undefined })
        this.step({ type: 'read', readNumber })
        return
      }
      default:
        unreachable(event)
    }
  }

  /** Goes on after a pause: everything that waited comes at once, behind one late tick. */
  resume(): void {
    if (!this.paused || this.replica === undefined) return
    this.paused = false
    const held = this.held.splice(0)
    this.tick()
    if (!this.#ticking) this.#tickLater()
    for (const event of held) this.on(event)
  }

  tick(): void {
    const nowMs = this.#around.monotonicMs(this)
    this.step({ type: 'tick', nowMs, wallMs: this.#around.wallMs(this) })
  }

  /** One step, and what follows from it at once: messages to ourselves wait for the step under way only. */
  step(input: Input): void {
    this.#inputs.push(input)
    if (this.#stepping) return
    this.#stepping = true
    for (let next = this.#inputs.shift(); next && this.replica; next = this.#inputs.shift()) {
      this.#carryOut(step(this.replica, next))
      this.#around.watch.stepped(this)
    }
    this.#stepping = false
    if (this.#reading.length > 0) this.#serveReads()
  }

  #tickLater(): void {
    this.#ticking = true
    this.#around.later(this, this.#around.nowMs + this.#options.tickMs, { type: 'tick' })
  }

  #carryOut(effects: readonly Effect[]): void {
    for (const effect of effects) this.#perform(effect)
    const at = this.disk.beginSync(this.#around.nowMs)
    if (at !== undefined) this.#around.later(this, at, { type: 'synced' })
  }

  #perform(effect: Effect): void {
    const around = this.#around
    switch (effect.type) {
      case 'send':
        this.#send(effect.to, effect.message)
        return
      case 'write':
      case 'checkpoint':
      case 'trim':
        this.disk.submit(effect)
        return
      case 'executed':
        around.watch.executed(this, effect)
        this.#tellCallers(effect)
        return
      case 'load': {
        const { token, first, last, bytesMax } = effect
        const entries = entriesOn(this.image, first, last, bytesMax)
        around.later(this, around.nowMs + 1, { type: 'loaded', token, entries })
        return
      }
      case 'answer':
        this.#tell(effect, effect.fingerprint, effect.answer)
        return
      case 'read-ready':
        for (const reading of this.#reading) {
          if (reading.readNumber <= effect.readNumber) reading.fromOp ??= effect.opNumber
        }
        return
      case 'event':
        around.watch.event(this, effect.event)
        return
      default:
        unreachable(effect)
    }
  }

  #send(to: number, message: Message): void {
    this.#around.watch.sent(this, to, message)
    if (to !== this.number) this.#around.send(this.number, to, message)
    else if (this.#options.selfDelivery === 'at-once')
      this.step({ type: 'deliver', from: replicaNumber(to), message })
    else this.#around.later(this, this.#around.nowMs, { type: 'deliver', from: to, message })
  }

  /** The sync is over: what was written is applied in order, and releases what hung on it. */
  #onSynced(): void {
    for (const job of this.disk.endSync()) {
      this.disk.apply(job)
      this.#around.watch.durable(this, job)
      if (job.type === 'write') {
        for (const send of job.then) this.#send(send.to, send.message)
        this.step({ type: 'written', token: job.token })
      } else if (job.type === 'checkpoint') {
        this.step({ type: 'checkpointed', opNumber: job.id.opNumber })
      }
    }
    this.#carryOut([])
  }

  #tellCallers({ entry, answers }: Executed): void {
    if (this.#waiting.size === 0) return
    entry.commands.forEach((command, i) => {
      const answer = answers[i]
      if (answer) this.#tell(command, fingerprint(command.operation), answer)
    })
  }

  #tell({ clientId, requestNumber }: Asked, fingerprint: number, answer: ReplyAnswer): void {
    const key = waitingKey(clientId, requestNumber, fingerprint)
    const callers = this.#waiting.get(key)
    if (callers === undefined) return
    this.#waiting.delete(key)
    for (const client of callers) {
      this.#around.reply(this, client, clientId, requestNumber, answer)
    }
  }

  #serveReads(): void {
    const executed = present(this.replica, 'the host is up').commitNumber
    const isReady = (r: Reading): boolean => r.fromOp !== undefined && r.fromOp <= executed
    if (!this.#reading.some(isReady)) return
    const ready = this.#reading.filter(isReady)
    this.#reading = this.#reading.filter(reading => !isReady(reading))
    for (const { client, id, key } of ready) {
      this.#around.value(this, client, id, this.#service.read(key) ?? '-')
    }
  }
}

type Asked = Pick<Command, 'clientId' | 'requestNumber'>

/** A number that a client uses for two operations is of two requests. */
const waitingKey = (session: string, requestNumber: number, fingerprint: number): string =>
  `${session}#${requestNumber} ${fingerprint}`

/** For reports: a command as a client wrote it. */
export function operationText(operation: Uint8Array): string {
  return text(operation)
}
