/**
 * One shard on this node: the replica and its host, the calls that wait for it, reads, and the stream of
 * its changes. Everything that needs a replica's state is here.
 */
import { randomInt } from 'node:crypto'
import { present } from '../base/assert.ts'
import { ViewstampError } from '../base/errors.ts'
import type { MachineService } from '../machine/compose.ts'
import type { Change } from '../machine/machine.ts'
import type { Store } from '../storage/port.ts'
import { TextDamage } from '../storage/port.ts'
import { WINDOW_MAX } from '../vr/client-table.ts'
import type { Executed, ReplicaEvent } from '../vr/effect.ts'
import type { Command } from '../vr/entry.ts'
import { lamportAfter, revAfter } from '../vr/entry.ts'
import { checksumAt, entryAt, headMark } from '../vr/log.ts'
import type { ColdText } from '../vr/message.ts'
import type { ServiceRecord } from '../vr/service.ts'
import type { Replica } from '../vr/state.ts'
import { currentPrimary, isPrimary, opOf } from '../vr/state.ts'
import type { ClientId } from '../vr/terms.ts'
import type { CommitEvent, Header } from './api.ts'
import type { Fate } from './callers.ts'
import { Callers } from './callers.ts'
import { corrupt } from './damage.ts'
import { FeedHub } from './feed-hub.ts'
import { marksIn, readHistory } from './history.ts'
import { ReadGate } from './read-gate.ts'
import { OwnSession, registerCommand, sessionIdOf } from './session.ts'
import { type HostPorts, ShardHost } from './shard-host.ts'
import type { TraceIndex } from './trace-index.ts'
import { traceIndex } from './trace-log.ts'
import { ChangeStream, eventsOf } from './watch.ts'
import type { Writer } from './writer.ts'

export const shardName = (index: number): string => (index === 0 ? 'main' : `s${index}`)

export interface ShardPorts {
  readonly writer: Writer
  readonly store: Store
  readonly send: HostPorts['send']
  /** The latest Lamport time that this node has heard of. */
  readonly lamport: HostPorts['lamport']
  readonly event: (shard: Shard, event: ReplicaEvent) => void
  readonly fail: (error: unknown) => void
  /** Something that the core wanted cannot be read. */
  readonly unreadable: (error: unknown) => void
}

export class Shard {
  readonly name: string
  readonly replica: Replica
  /** The replica's service, as the node's reads see it. */
  readonly service: MachineService
  readonly host: ShardHost
  readonly callers: Callers
  readonly session: OwnSession
  readonly changes: ChangeStream
  /** Who follows feeds of this shard. */
  readonly feeds: FeedHub
  readonly reads: ReadGate
  /** Which of its commands belong to a correlation. */
  readonly traces: TraceIndex
  /** Log time reached here, and when that was, by our clock for intervals. */
  timeMs: number
  #toldMs = performance.now()
  /** Operations executed here. */
  rev: number
  /** As answered last: see headerOf. */
  lastHeader: Header | undefined
  readonly #ports: ShardPorts

  constructor(replica: Replica, service: MachineService, ports: ShardPorts) {
    this.service = service
    this.name = shardName(replica.shard)
    this.replica = replica
    this.#ports = ports
    this.timeMs = replica.checkpoint.timeMs
    this.rev = replica.checkpoint.rev
    const { store, writer, send, lamport, fail, unreadable } = ports
    this.host = new ShardHost(replica, {
      writer,
      send,
      lamport,
      fail,
      unreadable,
      loadTexts: (_shard, records) => this.#loadTexts(records),
      load: (shard, first, last, bytesMax) => store.readEntries(shard, first, last, bytesMax),
      executed: executed => this.#executed(executed),
      answered: answer => this.callers.answered(answer),
      readReady: (readNumber, op) => this.reads.ready(readNumber, op),
      event: event => this.#event(event),
    })
    this.callers = new Callers({
      submit: command => this.host.submit(command, this.callers.size > BUSY),
      reachable: () => this.reachable,
      nowMs: () => performance.now(),
    })
    this.session = new OwnSession(
      name => this.#openSession(name),
      client => this.callers.oldest(client),
    )
    this.reads = new ReadGate(
      readNumber => this.host.input({ type: 'read', readNumber }),
      () => replica.commitNumber,
    )
    this.traces = traceIndex(this, store)
    this.changes = new ChangeStream(readHistory(store, replica, this.name, () => writer.flush()))
    this.changes.reset(this.rev)
    this.feeds = new FeedHub(
      query => service.query('feed', query, this.timeMs),
      id => this.readCold(id),
      {
        logMs: () => this.timeMs + Math.floor(performance.now() - this.#toldMs),
        wallMs: () => replica.wallMs,
      },
    )
  }

  /** There is a primary, and a way to it. */
  get reachable(): boolean {
    const { replica } = this
    if (replica.status !== 'normal') return false
    return isPrimary(replica) || !replica.disconnected.has(currentPrimary(replica))
  }

  get isPrimary(): boolean {
    return isPrimary(this.replica)
  }

  /**
   * Executes one operation exactly once, through the given session or this node's own. Resolves with what
   * `told` makes of the answer.
   */
  write<T>(
    operation: Uint8Array,
    meta: string,
    { timeoutMs, command: own }: WriteOptions,
    told: (answer: Fate['answer']) => T,
  ): Promise<T> {
    if (own) return this.callers.callFor(own, timeoutMs, ({ answer }) => told(answer))
    const until = performance.now() + timeoutMs
    const again = (): Promise<T> => {
      const left = Math.max(1, until - performance.now())
      return this.write(operation, meta, { timeoutMs: left }, told)
    }
    if (!this.session.isOpen) return this.#untilOpen(timeoutMs).then(again)
    if (!this.session.room) {
      const message = 'too many writes wait at this node; try again'
      return Promise.reject(new ViewstampError('OVERLOADED', message))
    }
    const command = this.session.command(operation, meta)
    return this.callers.callFor(command, timeoutMs, ({ answer, tries }) => {
      if (answer.type !== 'forgotten' || answer.reason !== 'no-session') return told(answer)
      // Our session was evicted. Sent once, the write cannot have been executed: start over.
      this.session.lost(command.clientId)
      return tries > 1 ? told(answer) : again()
    })
  }

  /** Whatever keeps the session from opening, the caller's write has not been sent. */
  async #untilOpen(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error('late')), Math.max(1, timeoutMs))
    })
    try {
      await Promise.race([this.session.open(), late])
    } catch (error) {
      if (error instanceof ViewstampError && error.errorName === 'READ_ONLY') throw error
      const message = 'no quorum opened a session for this node in time, and nothing was written'
      throw new ViewstampError('NO_QUORUM', message, { outcome: 'none' })
    } finally {
      clearTimeout(timer)
    }
  }

  /** Registering is safe to repeat for as long as anybody could wait for it. */
  async #openSession(name: ClientId): Promise<ClientId> {
    const clients = this.replica.options.clientsMax
    const command = registerCommand(name, { window: WINDOW_MAX, clients })
    const { answer } = await this.callers.call(command, REGISTER_MS)
    if (answer.type === 'executed') return sessionIdOf(answer.result)
    throw new ViewstampError('VIEW_CHANGE', 'this node could not open a session; try again')
  }

  /** Sees to timers of calls and reads; the replica's own come with `tick`. */
  sweep(): void {
    this.callers.tick()
    this.reads.tick(performance.now())
  }

  tick(nowMs: number, wallMs: number): void {
    this.host.input({ type: 'tick', nowMs, wallMs })
  }

  /**
   * The text of a cold record of the state as it is now, by the id that the service knows it by
   * (`machine/id`). Undefined: there is no such record, or it was removed while it was read. Rejects when
   * the disk has not what was written there.
   */
  async readCold(id: string): Promise<string | undefined> {
    const reference = this.service.coldReference(id)
    if (reference === undefined) return undefined
    const text = this.service.coldText(id)
    if (text !== undefined) return text
    try {
      return await this.#ports.store.readCold(this.replica.shard, `s${id}`, reference)
    } catch (error) {
      throw error instanceof TextDamage ? corrupt() : error
    }
  }

  async #loadTexts(records: readonly ServiceRecord[]): Promise<ColdText[]> {
    const texts: ColdText[] = []
    for (const { id, value = '' } of records) {
      const text = await this.#ports.store.readCold(this.replica.shard, id, value)
      if (text !== undefined) texts.push({ id, text })
    }
    return texts
  }

  /** The op-number, for status. */
  get opNumber(): number {
    return opOf(this.replica)
  }

  /** At a standby: since when it may lack something; undefined: it has not caught up since its start. */
  get lagMs(): number | undefined {
    const { clockMs, caughtUpMs } = this.replica
    return Number.isFinite(caughtUpMs) ? clockMs - caughtUpMs : undefined
  }

  get headChecksum(): string {
    return headMark(this.replica.log).checksum
  }

  /** Of the entry executed last. */
  get commitChecksum(): string {
    const { log, commitNumber } = this.replica
    return present(checksumAt(log, commitNumber), 'what is executed last is in memory')
  }

  /** Lamport time of the command executed last. */
  get commitLamport(): number {
    const { log, commitNumber } = this.replica
    const entry = entryAt(log, commitNumber)
    return entry ? lamportAfter(entry) : log.base.lamport
  }

  /** What waits here ends with the error; whether who follows does as well, is for `end`. */
  stop(why: ViewstampError): void {
    this.callers.stop(why)
    this.reads.stop(why)
    this.host.stop()
  }

  /** Who follows is told, and goes on elsewhere. */
  end(why: ViewstampError): void {
    this.changes.end(why)
    this.feeds.end(why)
  }

  #executed(executed: Executed): void {
    const { entry } = executed
    this.timeMs = entry.timeMs
    this.#toldMs = performance.now()
    this.rev = revAfter(entry)
    this.callers.executed(executed)
    const { length } = executed.changes
    this.changes.add({ rev: this.rev, changes: length, events: () => this.#eventsOf(executed) })
    this.feeds.executed()
    this.reads.applied(entry.opNumber)
  }

  #eventsOf({ entry, changes }: Executed): readonly CommitEvent[] {
    const { opNumber: op, viewNumber: view, timeMs } = entry
    const of = { shard: this.name, view, op, timeMs }
    return eventsOf(changes as readonly Change[], of, marksIn(entry))
  }

  #event(event: ReplicaEvent): void {
    if (event.type === 'view-started') {
      this.callers.viewStarted()
      this.reads.retry()
    }
    if (event.type === 'checkpoint' && this.rev < this.replica.checkpoint.rev) {
      // A checkpoint came from a peer: state has jumped there.
      this.rev = this.replica.checkpoint.rev
      this.timeMs = this.replica.checkpoint.timeMs
      this.#toldMs = performance.now()
      this.changes.reset(this.rev)
      this.feeds.executed()
      this.reads.applied(this.replica.commitNumber)
    }
    this.#ports.event(this, event)
  }
}

export interface WriteOptions {
  readonly timeoutMs: number
  /** A command of the caller's own session. */
  readonly command?: Command | undefined
}

/** With more calls waiting than this, throughput counts for more than the latency of one. */
const BUSY = 8
const REGISTER_MS = 10_000

/** Different at every start: seeds jitter and the nonces of questions. */
export const startNonce = (): number => randomInt(2 ** 31)
