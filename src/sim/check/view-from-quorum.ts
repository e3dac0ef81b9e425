/**
 * I14. A view starts from the DOVIEWCHANGEs of a quorum of distinct replicas, with the log of the one that
 * has the latest last normal view, the longest of these. §4.2 step 3, computed a second time.
 */
import { checksumAt } from '../../vr/log.ts'
import type { DoViewChange, Message } from '../../vr/message.ts'
import { opOf } from '../../vr/state.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

interface Heard {
  boot: number
  viewNumber: number
  readonly from: Map<number, DoViewChange>
  isJudged: boolean
}

export function viewFromQuorum(world: World): Check {
  const name = 'view-from-quorum'
  const heard = world.hosts.map<Heard>(() => ({
    boot: 0,
    viewNumber: 0,
    from: new Map(),
    isJudged: false,
  }))

  function judge(host: HostView, { from }: Heard): void {
    const { replica } = host
    if (replica === undefined) return
    const say = (what: string): never => {
      throw new Violation(name, `r${host.number} starts view ${replica.viewNumber} ${what}`)
    }
    if (from.size < world.quorum) say(`with ${from.size} DOVIEWCHANGEs of ${world.quorum}`)
    const told = [...from.values()]
    const last = Math.max(...told.map(m => m.lastNormalView))
    const candidates = told.filter(m => m.lastNormalView === last)
    const longest = Math.max(...candidates.map(m => m.opNumber))
    if (opOf(replica) !== longest) say(`with ${opOf(replica)} ops, not ${longest}`)
    const heads = candidates.filter(m => m.opNumber === longest).map(headChecksum)
    const ours = checksumAt(replica.log, longest)
    if (!heads.some(head => head === ours)) say('with a log that nobody told it')
  }

  return {
    name,
    received(host: HostView, from: number, message: Message) {
      if (message.type !== 'DOVIEWCHANGE') return
      const mine = heard[host.number]
      if (mine === undefined) return
      const { viewNumber } = message
      if (mine.boot !== host.boot || viewNumber > mine.viewNumber) {
        Object.assign(mine, { boot: host.boot, viewNumber, isJudged: false })
        mine.from.clear()
      }
      if (viewNumber === mine.viewNumber) mine.from.set(from, message)
    },
    stepped(host: HostView) {
      const mine = heard[host.number]
      const { replica } = host
      if (replica?.change.startToken === undefined || mine === undefined) return
      if (mine.viewNumber === replica.viewNumber && mine.isJudged) return
      if (mine.viewNumber !== replica.viewNumber || mine.boot !== host.boot) mine.from.clear()
      mine.isJudged = true
      judge(host, mine)
    },
  }
}

function headChecksum({ suffix, parent }: DoViewChange): string {
  return suffix[suffix.length - 1]?.checksum ?? parent
}
