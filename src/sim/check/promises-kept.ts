/**
 * What a replica says never exceeds what its disk holds at that moment: acknowledgements, the log of
 * a DOVIEWCHANGE, the start of a view. And it says the same again when asked again. Ours; docs/storage.md
 * and docs/protocol.md say what must be durable before what is sent.
 */
import type { DoViewChange, Message, StartView } from '../../vr/message.ts'
import { headOf, holds } from '../disk.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

const NAME = 'promises-kept'

export function promisesKept(world: World): Check {
  const told = new Map<string, string>()
  const started = new Set<number>()
  /** The latest view that was ever normal on a disk; it may have been lost since. */
  let latest = 0
  return {
    name: NAME,
    durable(host: HostView) {
      latest = Math.max(latest, host.image.vsr.lastNormalView)
    },
    sent(host: HostView, _to: number, message: Message) {
      onSent(host, message, latest)
      if (message.type === 'DOVIEWCHANGE') {
        if (message.viewNumber > latest) sameAsBefore(world, told, host, message)
      }
      // Later ones may hold what is being prepared; the first is the view's beginning.
      if (message.type !== 'STARTVIEW' || started.has(message.viewNumber)) return
      started.add(message.viewNumber)
      suffixIsDurable(host, message)
    },
  }
}

function onSent(host: HostView, message: Message, latest: number): void {
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
      const { viewNumber: v, lastNormalView: last } = message
      require(host, message, vsr.viewNumber === v, `view ${v}`)
      require(host, message, vsr.lastNormalView === last, `last normal view ${last}`)
      suffixIsDurable(host, message)
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
      require(host, message, latest >= v, `view ${v}, nor had any other`)
      return
    }
    case 'PREPARE':
    case 'COMMIT':
      require(host, message, vsr.viewNumber >= message.viewNumber, `view ${message.viewNumber}`)
      return
    default:
  }
}

function suffixIsDurable(host: HostView, message: DoViewChange | StartView): void {
  require(host, message, headOf(host.image) >= message.opNumber, `op ${message.opNumber}`)
  for (const { opNumber, checksum } of message.suffix) {
    require(host, message, holds(host.image, opNumber, checksum), `its op ${opNumber}`)
  }
}

/**
 * A DOVIEWCHANGE of one replica for one view always tells the same log. Two differences decide nothing:
 * once the view has started, and when what was added is committed (any quorum has it anyway).
 */
function sameAsBefore(
  world: World,
  told: Map<string, string>,
  host: HostView,
  message: DoViewChange,
): void {
  const { viewNumber, lastNormalView, opNumber, suffix, parent } = message
  const key = `${host.number} ${viewNumber}`
  const last = suffix[suffix.length - 1]?.checksum ?? parent
  const now = `last normal view ${lastNormalView}, ${opNumber} ops, head ${last}`
  const before = told.get(key)
  const isCommitted = world.committed[opNumber - 1]?.checksum === last
  if (before === undefined || isCommitted) told.set(key, now)
  else if (before !== now) {
    const who = `r${host.number} tells for view ${viewNumber}`
    throw new Violation(NAME, `${who}: ${now}; before: ${before}`)
  }
}

function require(host: HostView, message: Message, truth: boolean, what: string): void {
  // What rots is not what the replica failed to write.
  if (truth || host.image.damaged) return
  const { vsr } = host.image
  throw new Violation(
    NAME,
    `r${host.number} sends ${message.type} but its disk (view ${vsr.viewNumber}, last normal ` +
      `${vsr.lastNormalView}, ops ${headOf(host.image)}) has not ${what}`,
  )
}
