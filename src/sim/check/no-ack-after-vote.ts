/**
 * I17. Once a replica has sent DOVIEWCHANGE for a view it acknowledges nothing of an earlier one, restarts
 * and lost disks included: the hinge on which safety hangs. §8.1
 */
import type { Message } from '../../vr/message.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function noAckAfterVote(world: World): Check {
  const name = 'no-ack-after-vote'
  const voted = world.hosts.map(() => 0)
  return {
    name,
    sent(host: HostView, _to: number, message: Message) {
      const before = voted[host.number] ?? 0
      if (message.type === 'DOVIEWCHANGE') {
        voted[host.number] = Math.max(before, message.viewNumber)
      } else if (message.type === 'PREPAREOK' || message.type === 'COMMITOK') {
        if (message.viewNumber >= before) return
        throw new Violation(
          name,
          `r${host.number} sends ${message.type} of view ${message.viewNumber} after its DOVIEWCHANGE for view ${before}`,
        )
      }
    },
  }
}
