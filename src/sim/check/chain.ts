/** Every committed op names the one before it, and views do not fall along the log. */
import { genesisChecksum } from '../../vr/entry.ts'
import type { World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function chain(world: World, clusterId: string): Check {
  const name = 'chain'
  let seen = 0
  return {
    name,
    executed() {
      for (; seen < world.committed.length; seen++) {
        const op = world.committed[seen]
        const before = world.committed[seen - 1]
        if (op === undefined) return
        const parent = before?.checksum ?? genesisChecksum(clusterId, 0)
        if (op.parent !== parent) {
          throw new Violation(
            name,
            `op ${op.opNumber} was committed behind another op than ${seen}`,
          )
        }
        if (before !== undefined && op.viewNumber < before.viewNumber) {
          throw new Violation(
            name,
            `op ${op.opNumber} is of view ${op.viewNumber}, the op before it of ${before.viewNumber}`,
          )
        }
      }
    },
  }
}
