/**
 * A property of a run: a name and what it looks at. A property that does not hold throws Violation,
 * with a sentence that says who did what; it never changes anything it sees.
 */
import type { Executed } from '../../vr/effect.ts'
import type { Message } from '../../vr/message.ts'
import type { Job } from '../disk.ts'
import type { Operation } from '../history.ts'
import type { HostView } from '../world.ts'

export interface Check {
  readonly name: string
  /** The host started (again): nothing was stepped yet. */
  started?(host: HostView): void
  /** One input was stepped; its effects were not carried out yet, but for those told below. */
  stepped?(host: HostView): void
  /** A message leaves the host. */
  sent?(host: HostView, to: number, message: Message): void
  /** A job has just become durable: the image has it. */
  durable?(host: HostView, job: Job): void
  executed?(host: HostView, effect: Executed): void
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
