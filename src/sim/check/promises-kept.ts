/**
 * What a replica says never exceeds what its disk holds at that moment: acknowledgements, the log of
 * a DOVIEWCHANGE, the start of a view. And it says the same again when asked again. Ours; protocol.md's
 * table «what must be durable before what is sent».
 */
import type { DoViewChange, Message, StartView } from '../../vr/message.ts'
import { headOf, holds } from '../disk.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function promisesKept(world: World): Check {
  const name = 'promises-kept'
  const changes = new Map<string, string>()

  function require(host: HostView, message: Message, truth: boolean, what: string): void {
    if (truth) return
    const { vsr } = host.image
    throw new Violation(
      name,
      `r${host.number} sends ${message.type} but its disk (view ${vsr.viewNumber}, last normal ` +
        `${vsr.lastNormalView}, ops ${headOf(host.image)}) has not ${what}`,
    )
  }

  function suffixIsDurable(host: HostView, message: DoViewChange | StartView): void {
    const head = headOf(host.image)
    require(host, message, head >= message.opNumber, `op ${message.opNumber}`)
    for (const entry of message.suffix) {
      const there = holds(host.image, entry.opNumber, entry.checksum)
      require(host, message, there, `its op ${entry.opNumber}`)
    }
  }

  /**
   * A DOVIEWCHANGE of one replica for one view always tells the same log. Two differences decide nothing:
   * once the view has started, and when what was added is committed (any quorum has it anyway).
   */
  function sameAsBefore(host: HostView, message: DoViewChange): void {
    const { viewNumber } = message
    if (world.hosts.some(({ image }) => image.vsr.lastNormalView >= viewNumber)) return
    const key = `${host.number} ${message.viewNumber}`
    const last = message.suffix[message.suffix.length - 1]?.checksum ?? message.parent
    const told = `last normal view ${message.lastNormalView}, ${message.opNumber} ops, head ${last}`
    const before = changes.get(key)
    const isCommitted = world.committed[message.opNumber - 1]?.checksum === last
    if (before === undefined || isCommitted) changes.set(key, told)
    else if (before !== told) {
      const view = message.viewNumber
      throw new Violation(
        name,
        `r${host.number} tells for view ${view}: ${told}; before: ${before}`,
      )
    }
  }

  return {
    name,
    sent(host: HostView, _to: number, message: Message) {
      const { vsr } = host.image
      switch (message.type) {
        case 'PREPAREOK':
        case 'COMMITOK': {
          const { viewNumber: v, opNumber: n } = message
          require(host, message, vsr.lastNormalView >= v, `the log of view ${v}`)
          // A later view on disk may end earlier: the write that backed this one came before it.
          if (vsr.lastNormalView === v) require(host, message, headOf(host.image) >= n, `op ${n}`)
          return
        }
        case 'DOVIEWCHANGE': {
          const { viewNumber: v } = message
          require(host, message, vsr.viewNumber === v, `view ${v}`)
          const last = message.lastNormalView
          require(host, message, vsr.lastNormalView === last, `last normal view ${last}`)
          suffixIsDurable(host, message)
          sameAsBefore(host, message)
          return
        }
        case 'STARTVIEW': {
          const { viewNumber: v } = message
          require(host, message, vsr.lastNormalView >= v, `the log of view ${v}`)
          return
        }
        case 'NEWSTATE': {
          // Its view has started: the primary's disk says so, if not ours yet.
          const { viewNumber: v } = message
          const isStarted = world.hosts.some(({ image }) => image.vsr.lastNormalView >= v)
          require(host, message, isStarted, `view ${v}, nor has any other`)
          return
        }
        case 'PREPARE':
        case 'COMMIT':
          require(host, message, vsr.viewNumber >= message.viewNumber, `view ${message.viewNumber}`)
          return
        default:
      }
    },
  }
}
