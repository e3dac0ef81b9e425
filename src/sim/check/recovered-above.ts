/**
 * A replica that has lost its disk takes part again in a view above all in which it ever said anything: what
 * it promised before, and cannot remember, is left behind. It chooses that view from the answers of a quorum of
 * others, none of which is lost itself. §4.3, docs/storage.md
 */
import type { Message } from '../../vr/message.ts'
import type { RecoveryState } from '../../vr/recovery.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function recoveredAbove(world: World): Check {
  const name = 'recovered-above'
  /** Highest view of which each replica said something, with the number of lost disks then. */
  const said = world.hosts.map(() => ({ wipes: 0, now: 0, before: 0 }))
  /** Replicas that are choosing. */
  const choosing = new Set<number>()
  return {
    name,
    stepped({ number, replica }: HostView) {
      const recovery = replica?.recovery
      if (recovery === undefined) choosing.delete(number)
      else if (recovery.leastView === undefined) choosing.add(number)
      else if (choosing.delete(number)) judge(number, recovery, world.quorum)
    },
    sent(host: HostView, _to: number, message: Message) {
      const words = said[host.number]
      const isRecovering = host.replica?.status === 'recovering'
      if (isRecovering && WORDS_OF_OTHERS.has(message.type)) {
        throw new Violation(name, `r${host.number} sends ${message.type} while it recovers`)
      }
      if (words === undefined || !PROMISES.has(message.type) || !('viewNumber' in message)) return
      const { viewNumber } = message
      if (words.wipes !== host.wipes) {
        words.wipes = host.wipes
        words.before = Math.max(words.before, words.now)
      }
      words.now = Math.max(words.now, viewNumber)
      if (viewNumber > words.before || words.before === 0) return
      throw new Violation(
        name,
        `r${host.number} sends ${message.type} of view ${viewNumber}; before its disk was lost it spoke of view ${words.before}`,
      )
    },
  }
}

function judge(number: number, { views, leastView }: RecoveryState, quorum: number): void {
  const highest = Math.max(...views.values())
  if (views.size >= quorum && (leastView ?? 0) >= highest + 2) return
  throw new Violation(
    'recovered-above',
    `r${number} chooses view ${leastView} from ${views.size} answers, the highest of view ${highest}`,
  )
}

/** Its view, and a wish to leave it: the others count on whoever says so to be in it. */
const WORDS_OF_OTHERS: ReadonlySet<string> = new Set(['RECOVERYRESPONSE', 'STARTVIEWCHANGE'])

/** What says that its sender is in the view, and holds to it. */
const PROMISES: ReadonlySet<string> = new Set([
  'PREPARE',
  'PREPAREOK',
  'COMMITOK',
  'STARTVIEWCHANGE',
  'DOVIEWCHANGE',
  'STARTVIEW',
])
