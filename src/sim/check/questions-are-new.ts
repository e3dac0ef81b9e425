/**
 * Two starts of a replica never ask under one number: else an answer to a question of before the restart is
 * taken for one of after it. §4.3, §5.2; reads: docs/divergence.md
 */
import type { Message } from '../../vr/message.ts'
import type { HostView } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function questionsAreNew(): Check {
  const name = 'questions-are-new'
  /** `replica type number` → the start that asked it. */
  const asked = new Map<string, number>()
  return {
    name,
    sent(host: HostView, _to: number, message: Message) {
      const number = numberOf(message)
      if (number === undefined) return
      const key = `${host.number} ${message.type} ${number}`
      const boot = asked.get(key)
      if (boot === undefined) asked.set(key, host.boot)
      else if (boot !== host.boot) {
        throw new Violation(
          name,
          `start ${host.boot} of r${host.number} sends ${message.type} number ${number}, as did start ${boot}`,
        )
      }
    },
  }
}

function numberOf(message: Message): number | undefined {
  switch (message.type) {
    case 'READINDEX':
      return message.readNumber
    case 'RECOVERY':
    case 'GETSTATE':
    case 'GETENTRIES':
    case 'GETCHECKPOINT':
    case 'GETTEXTS':
      return message.nonce
    default:
      return undefined
  }
}
