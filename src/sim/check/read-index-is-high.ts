/**
 * A primary that lets a replica read lets it read no less than was committed when the question came, by
 * itself or before its view: the quorum that confirms it says that no other view had committed more. §6.3
 */
import type { Message } from '../../vr/message.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function readIndexIsHigh(world: World): Check {
  const name = 'read-index-is-high'
  /** Of each primary: `asker number` → ops that were committed when the question came. */
  const asked = world.hosts.map(() => new Map<string, number>())
  return {
    name,
    started(host: HostView) {
      asked[host.number]?.clear()
    },
    received(host: HostView, from: number, message: Message) {
      if (message.type !== 'READINDEX') return
      const questions = asked[host.number]
      const key = `${from} ${message.readNumber}`
      // Asked again, it may be answered as of the first time.
      if (!questions?.has(key)) questions?.set(key, world.committed.length)
    },
    sent(host: HostView, to: number, message: Message) {
      if (message.type !== 'READINDEXOK') return
      const committed = asked[host.number]?.get(`${to} ${message.readNumber}`) ?? 0
      if (message.opNumber >= committed) return
      throw new Violation(
        name,
        `r${host.number} lets r${to} read from op ${message.opNumber} on; ${committed} were committed when it asked`,
      )
    },
  }
}
