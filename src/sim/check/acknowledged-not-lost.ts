/** An op that was replied to stays in every later view, and is there at the end. §8.1 */
import type { Executed } from '../../vr/effect.ts'
import type { Message } from '../../vr/message.ts'
import type { Operation } from '../history.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function acknowledgedNotLost(world: World): Check {
  const name = 'acknowledged-not-lost'
  const executedAt = new Map<string, number>()
  const acknowledged: Operation[] = []
  return {
    name,
    executed(_host: HostView, { entry, answers }: Executed) {
      entry.commands.forEach((command, i) => {
        const key = `${command.clientId}#${command.requestNumber}`
        if (answers[i]?.type === 'executed' && !executedAt.has(key)) {
          executedAt.set(key, entry.opNumber)
        }
      })
    },
    replied(operation: Operation) {
      if (operation.session !== undefined) acknowledged.push(operation)
    },
    sent(host: HostView, _to: number, message: Message) {
      if (message.type !== 'STARTVIEW') return
      // What was committed before this view began has to be in its log.
      let op = world.committed.length
      while (op > 0 && (world.committed[op - 1]?.committedBy ?? 0) >= message.viewNumber) op--
      const first = message.opNumber - message.suffix.length + 1
      const inSuffix = op >= first ? message.suffix[op - first]?.checksum : undefined
      const kept =
        op <= message.opNumber && (op < first || inSuffix === world.committed[op - 1]?.checksum)
      if (kept) return
      throw new Violation(
        name,
        `r${host.number} starts view ${message.viewNumber} with ${message.opNumber} ops, ` +
          `without op ${op} which was committed before`,
      )
    },
    atEnd() {
      for (const { session, requestNumber } of acknowledged) {
        const op = executedAt.get(`${session}#${requestNumber}`)
        const where = op === undefined ? 'in no log' : `op ${op}`
        const copies = world.hosts.filter(({ image }) => {
          const head = Math.max(image.checkpoint.opNumber, image.first + image.entries.length - 1)
          return op !== undefined && head >= op
        }).length
        if (copies >= world.quorum) continue
        throw new Violation(
          name,
          `request ${session}#${requestNumber} was replied to; it is ${where}, on ${copies} disks`,
        )
      }
    },
  }
}
