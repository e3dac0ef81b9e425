/** I16. A message of an earlier view, however late it comes, changes nothing. §4 */
import type { Message } from '../../vr/message.ts'
import type { Replica } from '../../vr/state.ts'
import { opOf } from '../../vr/state.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

const OF_A_VIEW = new Set([
  'PREPARE',
  'PREPAREOK',
  'COMMIT',
  'COMMITOK',
  'STARTVIEWCHANGE',
  'DOVIEWCHANGE',
  'STARTVIEW',
  'NEWSTATE',
])

export function oldViewsIgnored(_world: World): Check {
  const name = 'old-views-ignored'
  let before: string | undefined
  let what = ''
  let sender = 0
  return {
    name,
    received({ replica }: HostView, from: number, message: Message) {
      before = undefined
      if (replica === undefined || !OF_A_VIEW.has(message.type)) return
      if (!('viewNumber' in message) || message.viewNumber >= replica.viewNumber) return
      sender = from
      what = `${message.type} of view ${message.viewNumber} from r${from}`
      before = stateOf(replica, from)
    },
    stepped(host: HostView) {
      if (before === undefined || host.replica === undefined) return
      const after = stateOf(host.replica, sender)
      const was = before
      before = undefined
      if (was === after) return
      throw new Violation(name, `${what} changes r${host.number}: ${was} became ${after}`)
    },
  }
}

function stateOf(replica: Replica, from: number): string {
  const { status, viewNumber, lastNormalView, commitNumber, knownCommit, primary, change } = replica
  const acked = primary.acked.get(from as never) ?? 0
  const votes = `${change.votes.size} votes, ${change.received.size} logs`
  return `${status} v${viewNumber} v'${lastNormalView} n${opOf(replica)} k${commitNumber} known ${knownCommit} acked ${acked}, ${votes}`
}
