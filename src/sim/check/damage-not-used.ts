/** I36. An entry whose bytes do not hash to its checksum is never executed, and never sent. */
import type { Executed } from '../../vr/effect.ts'
import type { Entry } from '../../vr/entry.ts'
import type { Message } from '../../vr/message.ts'
import { isIntact } from '../audit.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function damageNotUsed(world: World): Check {
  const name = 'damage-not-used'
  const { rot, helix } = world.options.nemesis.faults
  const canRot = rot.everyMs > 0 || helix.everyMs > 0
  const good = new WeakSet<Entry>()

  function require(host: HostView, entry: Entry, how: string): void {
    if (good.has(entry)) return
    if (!isIntact(entry)) {
      throw new Violation(name, `r${host.number} ${how} op ${entry.opNumber}, which is damaged`)
    }
    good.add(entry)
  }

  // Hashing costs time, and where nothing rots nothing is found.
  if (!canRot) return { name }
  return {
    name,
    executed(host: HostView, { entry }: Executed) {
      require(host, entry, 'executes')
    },
    sent(host: HostView, _to: number, message: Message) {
      for (const entry of entriesOf(message)) require(host, entry, `sends in ${message.type}`)
    },
  }
}

function entriesOf(message: Message): readonly Entry[] {
  switch (message.type) {
    case 'PREPARE':
      return [message.entry]
    case 'DOVIEWCHANGE':
    case 'STARTVIEW':
      return message.suffix
    case 'NEWSTATE':
    case 'NEWENTRIES':
      return message.entries
    default:
      return []
  }
}
