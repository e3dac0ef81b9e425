/** I18. Every operation in the log was asked for by a client: session, number and body. */
import { text } from '../../base/bytes.ts'
import type { Executed } from '../../vr/effect.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function requested(world: World): Check {
  const name = 'requested'
  let seen = 0
  return {
    name,
    executed(_host: HostView, { entry }: Executed) {
      if (entry.opNumber <= seen) return
      seen = entry.opNumber
      for (const { kind, clientId, requestNumber, operation } of entry.commands) {
        if (kind !== 'operation') continue
        const asked = world.history.request(clientId, requestNumber)?.operation
        if (asked === text(operation)) continue
        throw new Violation(
          name,
          `op ${entry.opNumber} holds ${clientId}#${requestNumber} «${text(operation)}»; asked for was «${asked ?? 'nothing'}»`,
        )
      }
    },
  }
}
