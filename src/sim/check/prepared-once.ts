/**
 * A request that is in the log of the primary and not yet executed is not prepared a second time, whoever
 * repeats it and whichever primary the entry is of. Only of operations in an open session: registering again is
 * harmless, and who has no session is told so through the log, each time. §4.1 step 2
 */
import type { Command } from '../../vr/entry.ts'
import { entryAt } from '../../vr/log.ts'
import type { Message } from '../../vr/message.ts'
import type { HostView } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function preparedOnce(): Check {
  const name = 'prepared-once'
  return {
    name,
    sent(host: HostView, _to: number, message: Message) {
      const { replica } = host
      if (message.type !== 'PREPARE' || replica === undefined) return
      const { entry } = message
      const { sessions } = replica.clientTable
      const isOne = ({ kind, clientId }: Command): boolean =>
        kind === 'operation' && sessions.has(clientId)
      const keys = new Set(entry.commands.filter(isOne).map(keyOf))
      for (let op = entry.opNumber - 1; op > message.commitNumber; op--) {
        const again = entryAt(replica.log, op)?.commands.find(command => keys.has(keyOf(command)))
        if (again === undefined) continue
        throw new Violation(
          name,
          `r${host.number} prepares ${keyOf(again)} as op ${entry.opNumber}; it is under way as op ${op}`,
        )
      }
    },
  }
}

const keyOf = ({ clientId, requestNumber }: Command): string => `${clientId}#${requestNumber}`
