/**
 * A run as lines: one per event, with a column for every replica. A replica's glyph stands in its column,
 * so a view change is *seen* as a move: `*` primary · `.` backup · `?` view change · `#` down · `z` paused.
 *
 *   ms  replica  roles  v  n/k  what
 */
import type { Executed, ReplicaEvent } from '../vr/effect.ts'
import type { Message } from '../vr/message.ts'
import { isPrimary, opOf } from '../vr/state.ts'
import type { Job } from './disk.ts'
import { formatCommands, formatJob, formatMessage } from './format.ts'
import type { Operation } from './history.ts'
import type { HostView, World } from './world.ts'

export type LogLevel = 'short' | 'full'

/** What a watcher tells to whoever writes it down. */
export interface Reporting {
  sent(host: HostView, to: number, message: Message): void
  durable(host: HostView, job: Job): void
  executed(host: HostView, effect: Executed): void
  replied(operation: Operation): void
  event(host: HostView, event: ReplicaEvent): void
}

/** … and what the simulator itself tells. */
export interface Noting extends Reporting {
  /** Something that concerns no replica in particular. */
  note(what: string): void
  fault(host: number, what: string): void
  /** The network lost a message that was just sent. */
  lost(from: number, to: number, message: Message): void
  delivered(host: HostView, from: number, message: Message): void
}

export class Report implements Noting {
  readonly #world: World
  readonly #level: LogLevel
  readonly #line: (line: string) => void

  constructor(world: World, level: LogLevel, line: (line: string) => void) {
    this.#world = world
    this.#level = level
    this.#line = line
  }

  note(what: string): void {
    this.#print('  ', '', '', what)
  }

  fault(host: number, what: string): void {
    this.#print(`r${host}`, '', '', `! ${what}`)
  }

  sent(host: HostView, to: number, message: Message): void {
    if (this.#level === 'full') this.#of(host, `→ r${to}  ${formatMessage(message)}`)
  }

  delivered(host: HostView, from: number, message: Message): void {
    if (this.#level === 'full') this.#of(host, `← r${from}  ${formatMessage(message)}`)
  }

  lost(from: number, to: number, message: Message): void {
    if (this.#level === 'full') this.#print(`r${from}`, '', '', `⊘ r${to}  ${message.type} is lost`)
  }

  durable(host: HostView, job: Job): void {
    if (this.#level === 'full') this.#of(host, `disk  ${formatJob(job)}`)
  }

  executed(host: HostView, { entry }: Executed): void {
    if (this.#level === 'full')
      this.#of(host, `executes n${entry.opNumber} ${formatCommands(entry)}`)
  }

  replied(operation: Operation): void {
    const { session, requestNumber, client, operation: line, result } = operation
    const who = session === undefined ? `c${client} reads` : `${session}#${requestNumber}`
    if (this.#level === 'full') this.note(`${who}  ${line} → ${result}`)
  }

  event(host: HostView, event: ReplicaEvent): void {
    this.#of(host, describeEvent(event))
  }

  #of(host: HostView, what: string): void {
    const { replica } = host
    const view = replica ? `v${replica.viewNumber}` : ''
    const numbers = replica ? `${opOf(replica)}/${replica.commitNumber}` : ''
    this.#print(`r${host.number}`, view, numbers, what)
  }

  #print(who: string, view: string, numbers: string, what: string): void {
    const at = String(this.#world.nowMs).padStart(6)
    this.#line(`${at} ${who} ${this.#roles()} ${view.padEnd(5)} ${numbers.padEnd(8)} ${what}`)
  }

  #roles(): string {
    return this.#world.hosts.map(glyph).join('')
  }
}

function glyph(host: HostView): string {
  const { replica } = host
  if (replica === undefined) return '#'
  if (replica.status !== 'normal') return '?'
  return isPrimary(replica) ? '*' : '.'
}

export function describeEvent(event: ReplicaEvent): string {
  switch (event.type) {
    case 'status':
      return `${event.status}: ${event.reason}`
    case 'view-change-started':
      return `view change to v${event.viewNumber}: ${event.reason}`
    case 'view-started':
      return `view ${event.viewNumber} started, primary r${event.primary}`
    case 'checkpoint':
      return `checkpoint n${event.opNumber}`
    case 'sync-started':
      return `state transfer from n${event.opNumber}`
    case 'sync-finished':
      return `state transfer done at n${event.opNumber}`
    case 'repaired':
      return `its log is whole again up to n${event.opNumber}`
    case 'not-repairable':
      return `stops: a quorum is without its damaged n${event.opNumber}`
    case 'diverged':
      return `stops: its state at n${event.opNumber} is not that of the others`
  }
}
