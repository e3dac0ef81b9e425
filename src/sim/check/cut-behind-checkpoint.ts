/** I27. The log on disk is cut only where a checkpoint on the same disk holds what is cut. §5.1 */
import type { HostView } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function cutBehindCheckpoint(): Check {
  const name = 'cut-behind-checkpoint'
  return {
    name,
    durable(host: HostView) {
      const { first, checkpoint } = host.image
      if (first <= checkpoint.opNumber + 1) return
      throw new Violation(
        name,
        `the log of r${host.number} begins at op ${first}, its checkpoint ends at op ${checkpoint.opNumber}`,
      )
    },
  }
}
