/**
 * What a primary counts was told to it, by that replica, in this view: acknowledgements up to an op (of its
 * own, what its disk holds), and answers to «am I still primary?». §4.1 step 5, §6.3
 */
import type { Message } from '../../vr/message.ts'
import { isPrimary } from '../../vr/state.ts'
import { headOf } from '../disk.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

interface Told {
  readonly viewNumber: number
  opNumber: number
  probe: number
}

export function acksWereTold(world: World): Check {
  const name = 'acks-were-told'
  /** By the replica that told; only of the latest view in which it told anything. */
  const told = world.hosts.map<Told>(() => ({ viewNumber: -1, opNumber: 0, probe: 0 }))

  return {
    name,
    sent(host: HostView, _to: number, message: Message) {
      if (message.type !== 'PREPAREOK' && message.type !== 'COMMITOK') return
      const { viewNumber, opNumber } = message
      const before = told[host.number]
      if (before === undefined || viewNumber < before.viewNumber) return
      const probe = message.type === 'COMMITOK' ? message.probe : 0
      if (viewNumber > before.viewNumber) told[host.number] = { viewNumber, opNumber, probe }
      before.opNumber = Math.max(before.opNumber, opNumber)
      before.probe = Math.max(before.probe, probe)
    },
    stepped(host: HostView) {
      const { replica } = host
      if (replica === undefined || !isPrimary(replica)) return
      const { viewNumber, primary, reads } = replica
      const counts = (from: number, what: string, counted: number, most: number): void => {
        if (counted <= most) return
        throw new Violation(
          name,
          `r${host.number} counts r${from} in view ${viewNumber} up to ${what} ${counted}; it was told ${most}`,
        )
      }
      for (const [from, n] of primary.acked) {
        const most =
          from === host.number ? headOf(host.image) : inView(told[from], viewNumber).opNumber
        counts(from, 'op', n, most)
      }
      for (const [from, probe] of reads.ackedProbe) {
        counts(from, 'probe', probe, inView(told[from], viewNumber).probe)
      }
    },
  }
}

/** Who has told something in a later view may have told anything in this one. */
function inView(told: Told | undefined, viewNumber: number): { opNumber: number; probe: number } {
  const most = Number.POSITIVE_INFINITY
  if (told === undefined || told.viewNumber > viewNumber) return { opNumber: most, probe: most }
  return told.viewNumber === viewNumber ? told : { opNumber: 0, probe: 0 }
}
