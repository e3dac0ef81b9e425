/**
 * One simulated node: the replica, its disk, its service, and the callers that wait on it. It does what
 * src/node does with real ones: carries effects out, in order, and feeds back what became of them.
 */
import { present, unreachable } from '../base/assert.ts'
import { fingerprint } from '../base/fingerprint.ts'
import type { Configuration } from '../vr/configuration.ts'
import type { Effect, Executed, Input, ReplicaEvent } from '../vr/effect.ts'
import type { Message, ReplyAnswer } from '../vr/message.ts'
import type { Damage } from '../vr/repair.ts'
import { step } from '../vr/replica.ts'
import { boot, createReplica, replay, restore, restored } from '../vr/restart.ts'
import type { Replica } from '../vr/state.ts'
import { replicaNumber } from '../vr/terms.ts'
import { type Daemon, newDaemon } from './admission.ts'
import { type Asked, waitingKey } from './asked.ts'
import { audit, isRestored, prepareRepair, readBack } from './audit.ts'
import {
  coldOn,
  type Disk,
  dropUninstalled,
  emptyImage,
  entriesOn,
  headOf,
  type Image,
  type Job,
  recordsOn,
  standingOn,
  wipe,
} from './disk.ts'
import type { HostEvent } from './event.ts'
import { type HostedService, serviceOf } from './feed/service.ts'
import type { HostOptions } from './options.ts'
import type { Reading, ReadServed, Surroundings } from './surroundings.ts'
import type { HostView } from './world.ts'

export class Host implements HostView {
  readonly number: number
  readonly disk: Disk
  boot = 0
  wipes = 0
  replica: Replica | undefined
  daemon: Daemon | undefined
  /** Its data is another one's, or older than what it promised, and its process does not know. */
  isImpostor = false
  /** While set, the host does nothing; what happens to it waits in `held`. */
  paused = false
  readonly held: HostEvent[] = []
  #service: HostedService
  readonly #readCold = (id: string) => coldOn(this.image, this.#service, id)
  readonly #configuration: Configuration
  readonly #options: HostOptions
  readonly #around: Surroundings
  #waiting = new Map<string, Set<number>>()
  #reading: Reading[] = []
  #readNumber = 0
  #ticking = false
  readonly #inputs: Input[] = []
  #stepping = false
  /** Points of its work after which the process ends; 0: none. */
  #pointsLeft = 0

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
    this.#service = serviceOf(fields.options)
    this.#around = around
  }

  get image(): Image {
    return this.disk.image
  }

  get isUp(): boolean {
    return this.replica !== undefined
  }

  start(nonce: number, pid = nonce): void {
    this.boot++
    this.paused = false
    const { image } = this.disk
    const { incarnation, bootCounter } = image.life
    image.life = { incarnation, bootCounter: bootCounter + 1 }
    const { number, isImpostor } = this
    const { nowMs } = this.#around
    this.daemon = newDaemon(image, { pid, number, isImpostor, nowMs })
    const isFirst = image.life.bootCounter === 1
    const replica = this.#restored(nonce)
    this.daemon.standing = standingOn(image)
    this.replica = replica
    this.#around.watch.started(this)
    const whole = replica.repair?.runs[0]?.first ?? headOf(image) + 1
    const log = entriesOn(image, image.checkpoint.opNumber + 1, whole - 1, Number.POSITIVE_INFINITY)
    this.#carryOut(replay(replica, log))
    // A point that was armed may have come.
    if (this.replica !== replica) return
    this.#carryOut(boot(replica, isFirst, this.#around.wallMs(this)))
    if (this.replica !== replica) return
    this.#around.watch.stepped(this)
    if (!this.#ticking) this.#tickLater()
  }

  /** The checkpoint in memory; where state or promises are damaged, a replica that knows it lost its own. */
  #restored(nonce: number): Replica {
    dropUninstalled(this.image)
    const finding = audit(this.image)
    let { lost } = finding
    if (lost === undefined) {
      prepareRepair(this.image, finding)
      const replica = this.#create(nonce, finding.damage)
      restore(replica, recordsOn(this.image))
      if (isRestored(replica)) {
        this.image.damaged = this.isImpostor || finding.damage !== undefined
        this.disk.started(finding.damage)
        return replica
      }
      lost = `the records of checkpoint ${this.image.checkpoint.opNumber} are others`
    }
    this.#around.watch.damaged(this, lost)
    this.disk.isSetAside(lost)
    this.wipe(true)
    this.disk.started()
    const replica = this.#create(nonce)
    restored(replica)
    return replica
  }

  #create(nonce: number, damage?: Damage): Replica {
    this.#service = serviceOf(this.#options)
    const identity = {
      shard: 0,
      replicaNumber: replicaNumber(this.number),
      configuration: this.#configuration,
      options: this.#options.replica,
      nonce,
    }
    const { vsr, checkpoint, start } = this.image
    return createReplica(identity, { vsr, checkpoint, start, damage }, this.#service)
  }

  /** Power goes. Gives how many jobs were lost. */
  crash(): number {
    const before = this.disk.unsynced
    for (const job of this.disk.crash()) this.#around.watch.durable(this, job)
    const lost = before - this.disk.unsynced
    this.replica = undefined
    if (this.daemon) this.daemon.isOver = true
    this.daemon = undefined
    this.#pointsLeft = 0
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
    this.isImpostor = false
    const promised = hasSuperblock ? this.image.vsr : undefined
    wipe(this.image, emptyImage(), promised)
  }

  /** The process will end by itself after so many points: effects carried out, or jobs made durable. */
  arm(points: number): void {
    this.#pointsLeft = points
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
      case 'execute':
      case 'loaded':
      case 'texts-loaded':
        this.step(event)
        return
      case 'peer':
        this.step({ ...event, replica: replicaNumber(event.replica) })
        return
      case 'request': {
        const { clientId, requestNumber, operation } = event.command
        const key = waitingKey(clientId, requestNumber, fingerprint(operation))
        const callers = this.#waiting.get(key)
        if (callers) callers.add(event.client)
        else this.#waiting.set(key, new Set([event.client]))
        this.step({ type: 'request', lamport: event.seen, commands: [event.command] })
        return
      }
      case 'read': {
        const { client, id, key } = event
        if (event.kind === 'stale') return this.#serve({ client, id, key, kind: 'stale' })
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
      if (next.type === 'deliver') this.#around.watch.received(this, next.from, next.message)
      this.#carryOut(step(this.replica, next))
      if (this.replica) this.#around.watch.stepped(this)
    }
    this.#stepping = false
    if (this.#reading.length > 0 && this.replica) this.#serveReads()
  }

  #tickLater(): void {
    if (this.replica === undefined) return
    this.#ticking = true
    this.#around.later(this, this.#around.nowMs + this.#options.tickMs, { type: 'tick' })
  }

  #carryOut(effects: readonly Effect[]): void {
    const { boot } = this
    for (const effect of effects) {
      this.#perform(effect)
      if (this.#isOver(boot)) return
    }
    const at = this.disk.beginSync(this.#around.nowMs)
    if (at !== undefined) this.#around.later(this, at, { type: 'synced' })
  }

  /** True when the process has ended meanwhile, or does so at this point. */
  #isOver(boot: number): boolean {
    if (this.#pointsLeft > 0 && --this.#pointsLeft === 0) this.#around.ended(this, 'crash-point')
    return this.boot !== boot || this.replica === undefined
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
      case 'execute':
        if (!this.#options.executeMs) return void this.#inputs.push(effect)
        return around.later(this, around.nowMs + this.#options.executeMs, effect)
      case 'executed':
        around.watch.executed(this, effect)
        this.#tellCallers(effect)
        return
      case 'load':
      case 'load-texts': {
        const loaded = readBack(this.disk, effect)
        return loaded ? around.later(this, around.nowMs + 1, loaded) : this.#fail('damage')
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
        this.#onEvent(effect.event)
        return
      default:
        unreachable(effect)
    }
  }

  #onEvent({ type }: ReplicaEvent): void {
    if (type === 'repaired') this.image.damaged = this.isImpostor
    if (type !== 'not-repairable') return
    this.disk.condemn('nobody has what a damaged entry was')
    this.#fail('damage')
  }

  #send(to: number, message: Message): void {
    this.#around.watch.sent(this, to, message)
    if (to !== this.number) this.#around.send(this, to, message)
    else if (this.#options.selfDelivery === 'at-once')
      this.step({ type: 'deliver', from: replicaNumber(to), message })
    else this.#around.later(this, this.#around.nowMs, { type: 'deliver', from: to, message })
  }

  /** The sync is over: what was written is applied in order, and releases what hung on it. */
  #onSynced(): void {
    if (this.disk.hasFailed(this.#around.nowMs)) return this.#fail('write-error')
    const { boot } = this
    for (const job of this.disk.endSync()) {
      this.disk.apply(job)
      this.#around.watch.durable(this, job)
      if (this.#isOver(boot)) return
      this.#release(job)
      if (this.#isOver(boot)) return
    }
    this.#carryOut([])
  }

  #release(job: Job): void {
    if (job.type === 'write') {
      for (const send of job.then) this.#send(send.to, send.message)
      this.step({ type: 'written', token: job.token })
    } else if (job.type === 'checkpoint') {
      this.step({ type: 'checkpointed', opNumber: job.id.opNumber })
    }
  }

  /** The first error is final: nothing is sent or written after it. docs/storage.md */
  #fail(why: 'write-error' | 'damage'): void {
    this.#around.watch.failed(this)
    this.#around.ended(this, why)
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
    this.#around.watch.answered(this, clientId, requestNumber, answer)
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
    for (const { client, id, key } of ready) this.#serve({ client, id, key, kind: 'linearizable' })
  }

  #serve({ client, id, key, kind }: ReadServed & { readonly key: string }): void {
    const value = this.#service.read(key, this.#readCold) ?? '-'
    this.#around.watch.read(this, key, value, { client, id, kind })
    this.#around.value(this, client, id, value)
  }
}
