/**
 * Runs one replica: hands inputs to the core and carries out the effects. Nothing here decides
 * anything about the protocol; the simulator's host does the same with virtual ports.
 */
import type { ShardWrite } from '../storage/port.ts'
import type { Effect, Executed, Input, ReplicaEvent, Write } from '../vr/effect.ts'
import type { Command, Entry } from '../vr/entry.ts'
import type { ColdText, Message, Send } from '../vr/message.ts'
import { step } from '../vr/replica.ts'
import type { ServiceRecord } from '../vr/service.ts'
import { isPrimary, opOf, type Replica } from '../vr/state.ts'
import type { OpNumber, ReplicaNumber } from '../vr/terms.ts'
import { keptText } from './changes.ts'
import { Gather } from './gather.ts'
import { Timeline } from './timeline.ts'
import type { Job, Writer } from './writer.ts'

export interface HostPorts {
  readonly writer: Writer
  send(to: ReplicaNumber, shard: number, message: Message): void
  /** The latest Lamport time that this node has heard of. */
  lamport(): number
  load(shard: number, first: number, last: number, bytesMax: number): Promise<Entry[]>
  /** Those of these cold records that are there; rejects with what `unreadable` should be told. */
  loadTexts(shard: number, records: readonly ServiceRecord[]): Promise<ColdText[]>
  unreadable(error: unknown): void
  /** An entry was executed here. */
  executed(executed: Executed): void
  /** What became of a request that will not be seen executed here (or was, before). */
  answered(answer: Extract<Effect, { type: 'answer' }>): void
  readReady(readNumber: number, opNumber: OpNumber): void
  event(event: ReplicaEvent): void
  /** The core found that something impossible has happened, or storage failed: the process must end. */
  fail(error: unknown): void
}

/** Records of a checkpoint go to disk in slices of about this size, so that the log never waits long. */
const SLICE_BYTES = 256 * 1024

export class ShardHost {
  readonly replica: Replica
  readonly #ports: HostPorts
  readonly #gather = new Gather({
    isPrimary: () => isPrimary(this.replica),
    isUnderWay: () => opOf(this.replica) > this.replica.commitNumber,
    nowMs: () => performance.now(),
    handIn: commands => {
      this.input({ type: 'request', lamport: this.#ports.lamport(), commands })
    },
  })
  /** When the last ops passed here, for `log show --timeline`. */
  readonly timeline: Timeline
  #stepping = false
  #stopped = false
  #isExecuting = false
  readonly #inputs: Input[] = []

  constructor(replica: Replica, ports: HostPorts) {
    this.replica = replica
    this.#ports = ports
    const { replicaCount } = replica.configuration
    this.timeline = new Timeline(replicaCount, () => performance.timeOrigin + performance.now())
  }

  /** A caller's command: goes to the core with others, soon. */
  submit(command: Command, busy: boolean): void {
    this.#gather.add(command, busy)
  }

  /** One step of the core, and what follows from it at once. */
  input(input: Input): void {
    this.#inputs.push(input)
    if (this.#stepping || this.#stopped) return
    this.#stepping = true
    try {
      for (let next = this.#inputs.shift(); next && !this.#stopped; next = this.#inputs.shift()) {
        if (next.type === 'deliver') this.#noteMessage(next.from, next.message)
        this.carryOut(step(this.replica, next))
      }
    } catch (error) {
      this.stop()
      this.#ports.fail(error)
    } finally {
      this.#stepping = false
    }
  }

  #noteMessage(from: ReplicaNumber, message: Message): void {
    if (message.type === 'PREPARE') this.timeline.pass(message.entry.opNumber, 'received')
    else if (message.type === 'PREPAREOK') this.timeline.acknowledge(message.opNumber, from)
  }

  stop(): void {
    this.#stopped = true
    this.#inputs.length = 0
  }

  /** Public for the start, whose effects come from reading the log and not from a step. */
  carryOut(effects: readonly Effect[]): void {
    for (const effect of effects) this.#carryOutOne(effect)
  }

  #carryOutOne(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        return this.#send(effect)
      case 'write':
        return this.#write(effect)
      case 'execute':
        return this.#executeLater()
      case 'executed':
        return this.#executed(effect)
      case 'answer':
        return this.#ports.answered(effect)
      case 'read-ready':
        return this.#ports.readReady(effect.readNumber, effect.opNumber)
      case 'event':
        return this.#ports.event(effect.event)
      case 'load':
        return this.#load(effect)
      case 'load-texts':
        return this.#loadTexts(effect)
      case 'checkpoint':
        return this.#checkpoint(effect)
      case 'trim':
        return this.#ports.writer.addBackground(this.#job({ trimBelow: effect.below }, 1024))
    }
  }

  /** Behind the system calls of this turn: messages are on their way, the disk is at work. */
  #executeLater(): void {
    if (this.#isExecuting) return
    this.#isExecuting = true
    setImmediate(() => {
      this.#isExecuting = false
      this.input({ type: 'execute' })
    })
  }

  #send({ to, message }: Send): void {
    if (this.#stopped) return
    if (to === this.replica.replicaNumber) this.input({ type: 'deliver', from: to, message })
    else this.#ports.send(to, this.replica.shard, message)
  }

  #job(write: Omit<ShardWrite, 'shard'>, bytes: number, done: () => void = () => {}): Job {
    return { write: { shard: this.replica.shard, ...write }, bytes, done }
  }

  /** When it is durable: first the messages that waited for it, then the core. */
  #write({
    token,
    truncateFrom,
    keptHead,
    append,
    repair,
    vsr,
    texts,
    install,
    then,
  }: Write): void {
    const { writer } = this.#ports
    for (const { records: installTexts } of slices(0, texts ?? [])) {
      writer.add(this.#job({ installTexts }, SLICE_BYTES))
    }
    if (install) {
      writer.dropBackground(this.replica.shard)
      for (const installRecords of slices(install.opNumber, install.records)) {
        writer.add(this.#job({ installRecords }, SLICE_BYTES))
      }
    }
    let bytes = 256
    for (const { opNumber, bytes: of } of append) {
      bytes += of.length
      this.timeline.pass(opNumber, 'prepared')
    }
    for (const entry of repair ?? []) bytes += entry.bytes.length
    const done = () => {
      for (const { opNumber } of append) this.timeline.pass(opNumber, 'durable')
      for (const send of then) this.#send(send)
      this.input({ type: 'written', token })
    }
    const write = { truncateFrom, keptHead, append, repair, vsr, install }
    writer.add(this.#job(write, bytes, done))
  }

  /** The changes are a function of the log: they reach the disk some time, before the next checkpoint. */
  #executed(executed: Executed): void {
    const text = keptText(executed.entry, executed.changes)
    if (text !== undefined) {
      const changes = [{ opNumber: executed.entry.opNumber, text }]
      this.#ports.writer.addLazy(this.#job({ changes }, text.length))
    }
    this.timeline.pass(executed.entry.opNumber, 'executed')
    this.#gather.executed(executed.entry.commands.length)
    this.#ports.executed(executed)
  }

  #checkpoint({ id, records }: Extract<Effect, { type: 'checkpoint' }>): void {
    const { writer } = this.#ports
    for (const slice of slices(id.opNumber, records)) {
      writer.addBackground(this.#job({ records: slice }, SLICE_BYTES))
    }
    const done = () => this.input({ type: 'checkpointed', opNumber: id.opNumber })
    writer.addBackground(this.#job({ checkpoint: id }, 256, done))
  }

  #loadTexts({ token, records }: Extract<Effect, { type: 'load-texts' }>): void {
    this.#ports.loadTexts(this.replica.shard, records).then(
      texts => this.input({ type: 'texts-loaded', token, texts }),
      error => {
        if (this.#stopped) return
        // Who asked asks another; what it means for this node is not for the protocol to say.
        this.input({ type: 'texts-loaded', token, texts: [] })
        this.#ports.unreadable(error)
      },
    )
  }

  #load({ token, first, last, bytesMax }: Extract<Effect, { type: 'load' }>): void {
    this.#ports.load(this.replica.shard, first, last, bytesMax).then(
      entries => this.input({ type: 'loaded', token, entries }),
      error => {
        // Who asked gets no answer from here, and asks another. While we stop the store is closed.
        if (!this.#stopped) this.#ports.unreadable(error)
      },
    )
  }
}

/** About so many bytes of records, cold texts included, and at least one. */
function* slices(opNumber: number, records: readonly ServiceRecord[]) {
  let slice: ServiceRecord[] = []
  let bytes = 0
  for (const record of records) {
    slice.push(record)
    bytes += record.id.length + (record.value?.length ?? 0) + (record.cold?.text?.length ?? 0) + 64
    if (bytes < SLICE_BYTES) continue
    yield { opNumber, records: slice }
    slice = []
    bytes = 0
  }
  if (slice.length > 0) yield { opNumber, records: slice }
}
