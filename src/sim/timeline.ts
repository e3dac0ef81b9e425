/**
 * A run as a time line: a column for every replica, what happens beside them. A column speaks when it
 * has something new to say, so that the eye follows the moves:
 *
 *       ms  r0          r1          r2
 *     5463  *v0 25/24   .v0 24/24   .v0 24/24    r0 → r1 r2  PREPARE v0 n25 k24 c1#3 put x 1
 *     5465              .v0 25/24                r1 disk     write +n25
 *
 * `*` primary · `.` backup · `?` view change · `~` recovering · `#` down, then view, op-number/commit-number.
 * Heartbeats that change nothing are left out.
 */
import type { Executed, ReplicaEvent } from '../vr/effect.ts'
import type { Message } from '../vr/message.ts'
import { isPrimary, opOf, type Replica } from '../vr/state.ts'
import type { Job } from './disk.ts'
import { formatCommands, formatJob, formatMessage } from './format.ts'
import type { Operation } from './history.ts'
import type { Tracing } from './outcome.ts'
import { describeEvent, type Noting, Report } from './report.ts'
import type { HostView, World } from './world.ts'

const COLUMN = 12
/** All columns speak at least this often: a reader who starts anywhere is soon told. */
const WHOLE_EVERY = 12

export function timelineHeader(replicas: number): string {
  const names = Array.from({ length: replicas }, (_, number) => `r${number}`.padEnd(COLUMN))
  return `    ms  ${names.join('')}`
}

export class Timeline implements Noting {
  readonly #world: World
  readonly #line: (line: string) => void
  readonly #told: string[]
  #sinceWhole = WHOLE_EVERY
  /** Sent to several in one go: one line. */
  #sending: { readonly from: number; readonly text: string; readonly to: number[] } | undefined

  constructor(world: World, line: (line: string) => void) {
    this.#world = world
    this.#line = line
    this.#told = world.hosts.map(() => '')
  }

  note(what: string): void {
    this.#print(undefined, what)
  }

  fault(host: number, what: string): void {
    this.#print(host, `r${host} ! ${what}`)
  }

  sent(host: HostView, to: number, message: Message): void {
    if (message.type === 'COMMIT' || message.type === 'COMMITOK') return
    const text = formatMessage(message)
    const sending = this.#sending
    if (sending?.from === host.number && sending.text === text) {
      if (!sending.to.includes(to)) sending.to.push(to)
      return
    }
    this.#flush()
    this.#sending = { from: host.number, text, to: [to] }
  }

  lost(from: number, to: number, message: Message): void {
    if (message.type === 'COMMIT' || message.type === 'COMMITOK') return
    this.#print(undefined, `r${from} ⊘ r${to}     ${message.type} is lost`)
  }

  delivered(host: HostView, from: number, message: Message): void {
    if (host.replica === undefined || isQuiet(message, host.replica)) return
    this.#print(host.number, `r${host.number} ← r${from}     ${formatMessage(message)}`)
  }

  durable(host: HostView, job: Job): void {
    this.#print(host.number, `r${host.number} disk     ${formatJob(job)}`)
  }

  executed(host: HostView, { entry }: Executed): void {
    const what = `executes n${entry.opNumber} ${formatCommands(entry)}`
    this.#print(host.number, `r${host.number} ${what}`)
  }

  replied({ session, requestNumber, client, operation, result }: Operation): void {
    const who = session === undefined ? `c${client} reads` : `${session}#${requestNumber}`
    this.note(`${who}  ${operation} → ${result}`)
  }

  event(host: HostView, event: ReplicaEvent): void {
    this.#print(host.number, `r${host.number} ${describeEvent(event)}`)
  }

  #flush(): void {
    const sending = this.#sending
    if (sending === undefined) return
    this.#sending = undefined
    const to = sending.to.map(number => `r${number}`).join(' ')
    this.#write(sending.from, `r${sending.from} → ${to.padEnd(5)}  ${sending.text}`)
  }

  #print(acting: number | undefined, what: string): void {
    this.#flush()
    this.#write(acting, what)
  }

  #write(acting: number | undefined, what: string): void {
    const isWhole = this.#sinceWhole++ >= WHOLE_EVERY
    if (isWhole) this.#sinceWhole = 0
    const columns = this.#world.hosts.map(({ number, replica }) => {
      const now = stateOf(replica)
      const speaks = isWhole || number === acting || this.#told[number] !== now
      this.#told[number] = now
      return (speaks ? now : '').padEnd(COLUMN)
    })
    const at = String(this.#world.nowMs).padStart(6)
    this.#line(`${at}  ${columns.join('')} ${what}`)
  }
}

/** Says nothing that the replica does not know. */
function isQuiet(message: Message, replica: Replica): boolean {
  if (message.type === 'COMMITOK') return true
  if (message.type !== 'COMMIT') return false
  return replica.viewNumber === message.viewNumber && replica.commitNumber >= message.commitNumber
}

function stateOf(replica: Replica | undefined): string {
  if (replica === undefined) return '#'
  return `${glyphOf(replica)}v${replica.viewNumber} ${opOf(replica)}/${replica.commitNumber}`
}

function glyphOf(replica: Replica): string {
  if (replica.status === 'recovering') return '~'
  if (replica.status !== 'normal') return '?'
  return isPrimary(replica) ? '*' : '.'
}

/** Columns, or lines, as the caller wants to see the run. */
export function reportOf(world: World, tracing: Tracing): Noting {
  const line = (text: string): void => tracing.line(text)
  const { level } = tracing
  return level === 'columns' ? new Timeline(world, line) : new Report(world, level, line)
}
