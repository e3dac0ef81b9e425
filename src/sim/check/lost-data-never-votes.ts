/**
 * I38. Nobody hears a process on data that was put back, copied or made anew; and a replica that knows
 * that its disk was lost neither votes nor acknowledges before it has the log of a view. And nobody whose data
 * is its own is taken for one of them, whatever a crash or a later view took from its log. docs/storage.md
 */
import type { Message, MessageType } from '../../vr/message.ts'
import type { Daemon } from '../admission.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

const PROMISES: ReadonlySet<MessageType> = new Set([
  'PREPARE',
  'PREPAREOK',
  'COMMIT',
  'COMMITOK',
  'DOVIEWCHANGE',
  'STARTVIEW',
])

export function lostDataNeverVotes(_world: World): Check {
  const name = 'lost-data-never-votes'
  return {
    name,
    heard(from: Daemon, to: Daemon) {
      if (!from.isImpostor) return
      throw new Violation(name, `r${to.number} hears r${from.number}, whose data is not its own`)
    },
    refused(who: Daemon, by: Daemon, reason: string) {
      if (who.isImpostor) return
      throw new Violation(
        name,
        `r${by.number} refuses r${who.number}, whose data is its own: ${reason}`,
      )
    },
    sent(host: HostView, _to: number, message: Message) {
      if (host.image.vsr.recovering !== true || !PROMISES.has(message.type)) return
      throw new Violation(name, `r${host.number} sends ${message.type}, and its disk is lost`)
    },
  }
}
