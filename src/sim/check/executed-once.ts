/** Each (client, request-number) is executed once, and every answer to it is the same. §4.1, §4.5 */
import type { Executed } from '../../vr/effect.ts'
import type { ReplyAnswer } from '../../vr/message.ts'
import { formatAnswer } from '../format.ts'
import type { Operation } from '../history.ts'
import type { HostView, World } from '../world.ts'
import { isSame } from './as-modelled.ts'
import { type Check, Violation } from './check.ts'

export function executedOnce(world: World): Check {
  const name = 'executed-once'
  const first = new Map<string, { readonly opNumber: number; readonly answer: ReplyAnswer }>()
  const certain = (op: Operation): boolean => op.sendings > 0 && op.sendings === op.refusals

  return {
    name,
    executed(_host: HostView, { entry, answers }: Executed) {
      for (let i = 0; i < entry.commands.length; i++) {
        const command = entry.commands[i]
        const answer = answers[i]
        if (command?.kind !== 'operation' || answer?.type !== 'executed') continue
        const key = `${command.clientId}#${command.requestNumber}`
        const known = first.get(key)
        if (known === undefined) {
          first.set(key, { opNumber: entry.opNumber, answer })
        } else if (!isSame(known.answer, answer)) {
          throw new Violation(
            name,
            `${key} was answered «${formatAnswer(known.answer)}» at op ${known.opNumber}, and «${formatAnswer(answer)}» at op ${entry.opNumber}`,
          )
        }
      }
    },
    replied(operation: Operation) {
      if (operation.session === undefined) return
      const key = `${operation.session}#${operation.requestNumber}`
      if (!first.has(key)) throw new Violation(name, `${key} was replied to but never executed`)
    },
    atEnd() {
      // Where the network delivers once, «refused» means: not in the log because of this sending.
      const { network, nemesis } = world.options
      if (network.duplicate > 0 || nemesis.faults.replay.everyMs > 0) return
      for (const operation of world.history.operations) {
        const key = `${operation.session}#${operation.requestNumber}`
        if (certain(operation) && first.has(key)) {
          throw new Violation(name, `every sending of ${key} was refused, yet it was executed`)
        }
      }
    },
  }
}
