/**
 * The lines that a scene prints, in the paper's letters. Messages to several replicas that follow one
 * another are one line; heartbeats are left out unless asked for, as a story needs them.
 */
import type { Executed, ReplicaEvent } from '../vr/effect.ts'
import type { Message, MessageType } from '../vr/message.ts'
import type { Job } from './disk.ts'
import { formatCommands, formatJob, formatMessage } from './format.ts'
import type { Operation } from './history.ts'
import type { Reporting } from './report.ts'
import { describeEvent } from './report.ts'
import type { HostView } from './world.ts'

const HIDDEN: readonly MessageType[] = ['COMMIT', 'COMMITOK']

export class Script implements Reporting {
  #lines: string[] = []
  #last: { readonly from: number; readonly text: string; readonly to: number[] } | undefined
  readonly #hidden = new Set<string>(HIDDEN)

  show(what: string): void {
    this.#hidden.delete(what)
  }

  hide(what: string): void {
    this.#hidden.add(what)
  }

  line(text: string): void {
    this.#flush()
    this.#lines.push(readable(text))
  }

  /** The lines since the last call. */
  take(): string[] {
    this.#flush()
    return this.#lines.splice(0)
  }

  sent(host: HostView, to: number, message: Message): void {
    if (this.#hidden.has(message.type)) return
    const text = readable(formatMessage(message))
    const last = this.#last
    if (last && last.from === host.number && last.text === text) {
      last.to.push(to)
      return
    }
    this.#flush()
    this.#last = { from: host.number, text, to: [to] }
  }

  durable(host: HostView, job: Job): void {
    if (!this.#hidden.has('disk')) this.line(`r${host.number} disk         ${formatJob(job)}`)
  }

  executed(host: HostView, { entry }: Executed): void {
    if (this.#hidden.has('executes')) return
    this.line(`r${host.number}              executes n${entry.opNumber} ${formatCommands(entry)}`)
  }

  replied(_operation: Operation): void {}

  event(host: HostView, event: ReplicaEvent): void {
    if (!this.#hidden.has('events'))
      this.line(`r${host.number}              ${describeEvent(event)}`)
  }

  #flush(): void {
    const last = this.#last
    if (last === undefined) return
    this.#last = undefined
    const unique = [...new Set(last.to)]
    const to = unique.map(number => `r${number}`).join(' ')
    const times = last.to.length / unique.length
    const again = times > 1 ? ` (× ${Math.ceil(times)})` : ''
    this.#lines.push(`r${last.from} -> ${to.padEnd(8)}  ${last.text}${again}`)
  }
}

/** A session is called by its client's name: in a scene nobody has two. */
const readable = (text: string): string => text.replaceAll(/@\d+#/g, '#')
