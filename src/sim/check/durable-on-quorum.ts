/**
 * An op that anybody executes is on disk on a quorum, at that moment: what the primary counted were
 * promises that disks keep. One of the quorum may have it inside a checkpoint.
 */
import type { Executed } from '../../vr/effect.ts'
import { holds, isLost } from '../disk.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function durableOnQuorum(world: World): Check {
  const name = 'durable-on-quorum'
  let seen = 0
  return {
    name,
    executed(host: HostView, { entry }: Executed) {
      if (entry.opNumber <= seen) return
      seen = entry.opNumber
      let copies = 0
      for (const { image } of world.hosts) {
        // What a lost disk had acknowledged still counts: it loses no op as long as the others live.
        if (isLost(image) || holds(image, entry.opNumber, entry.checksum)) copies++
      }
      if (copies >= world.quorum) return
      throw new Violation(
        name,
        `r${host.number} executes op ${entry.opNumber}, which is on ${copies} disks of ` +
          `${world.hosts.length}; a quorum is ${world.quorum}`,
      )
    },
  }
}
