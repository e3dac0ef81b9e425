/**
 * What waits at a primary whose view ends is refused, not forgotten: the replica that passed it on may say
 * «certainly not written» and need not wait for its time-out. §4.1
 */
import type { Message } from '../../vr/message.ts'
import type { Replica } from '../../vr/state.ts'
import { isPrimary } from '../../vr/state.ts'
import type { HostView } from '../world.ts'
import { type Check, Violation } from './check.ts'

interface Waiting {
  readonly viewNumber: number
  /** `client-id#number` → who passed it on. */
  readonly commands: ReadonlyMap<string, number>
}

export function refusedAtViewEnd(): Check {
  const name = 'refused-at-view-end'
  const waiting = new Map<number, Waiting>()
  /** Replies since the last step of each host: `to client-id#number`. */
  const replies = new Map<number, Set<string>>()

  return {
    name,
    started(host: HostView) {
      waiting.delete(host.number)
      replies.delete(host.number)
    },
    sent(host: HostView, to: number, message: Message) {
      if (message.type !== 'REPLY') return
      const sent = replies.get(host.number) ?? new Set()
      replies.set(host.number, sent.add(`${to} ${message.clientId}#${message.requestNumber}`))
    },
    stepped(host: HostView) {
      const { replica } = host
      const told = replies.get(host.number)
      const before = waiting.get(host.number)
      replies.delete(host.number)
      waiting.delete(host.number)
      if (replica === undefined) return
      if (before !== undefined && before.viewNumber < replica.viewNumber) {
        for (const [key, from] of before.commands) {
          if (told?.has(`${from} ${key}`)) continue
          throw new Violation(name, `r${host.number} dropped ${key} of r${from} without a word`)
        }
      }
      const commands = passedOn(host.number, replica)
      if (commands.size > 0) waiting.set(host.number, { viewNumber: replica.viewNumber, commands })
    },
  }
}

/** What waits at a primary for other replicas. */
function passedOn(self: number, replica: Replica): Map<string, number> {
  const commands = new Map<string, number>()
  if (!isPrimary(replica)) return commands
  const { queue, inFlight } = replica.primary
  for (const { clientId, requestNumber } of queue) {
    const from = inFlight.get(clientId)?.get(requestNumber)?.from
    if (from !== undefined && from !== self) commands.set(`${clientId}#${requestNumber}`, from)
  }
  return commands
}
