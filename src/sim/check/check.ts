/**
 * A property of a run: a name and what it looks at. A property that does not hold throws Violation,
 * with a sentence that says who did what; it never changes anything it sees.
 */
import type { Executed } from '../../vr/effect.ts'
import type { Message, ReplyAnswer } from '../../vr/message.ts'
import type { Daemon } from '../admission.ts'
import type { Job } from '../disk.ts'
import type { Operation } from '../history.ts'
import type { ReadServed } from '../surroundings.ts'
import type { HostView } from '../world.ts'

export interface Check {
  readonly name: string
  /** The host started (again): nothing was stepped yet. */
  started?(host: HostView): void
  /** A message is about to be stepped. */
  received?(host: HostView, from: number, message: Message): void
  /** One input was stepped; its effects were not carried out yet, but for those told below. */
  stepped?(host: HostView): void
  /** A message leaves the host. */
  sent?(host: HostView, to: number, message: Message): void
  /** A job has just become durable: the image has it. */
  durable?(host: HostView, job: Job): void
  /** A start finds the disk damaged, and sets aside what is left. */
  damaged?(host: HostView, what: string): void
  /** A write or a sync failed, or what was read is damaged: the process ends. */
  failed?(host: HostView): void
  executed?(host: HostView, effect: Executed): void
  /** The host tells a client what became of a request. */
  answered?(host: HostView, session: string, requestNumber: number, answer: ReplyAnswer): void
  /** A client asks for a value outside of the log. */
  asked?(client: number, id: number): void
  /** The host tells a client a value. */
  read?(host: HostView, key: string, value: string, reading: ReadServed): void
  /** What `from` sent is let in by `to`. */
  heard?(from: Daemon, to: Daemon): void
  /** What `who` sent is not let in by `by`, which takes its data for old. */
  refused?(who: Daemon, by: Daemon, reason: string): void
  /** A client was told a result. */
  replied?(operation: Operation): void
  /** The run is over. */
  atEnd?(): void
}

/** safety: something wrong happened · liveness: something right did not. */
export class Violation extends Error {
  override readonly name = 'Violation'
  readonly property: string
  readonly kind: 'safety' | 'liveness'

  constructor(property: string, sentence: string, kind: 'safety' | 'liveness' = 'safety') {
    super(`${property}: ${sentence}`)
    this.property = property
    this.kind = kind
  }
}
