/**
 * I27. The log on disk is cut only where a checkpoint on the same disk holds what is cut; it is cut in the end, and the
 * replica knows where it begins. §5.1
 */
import { entryOn } from '../disk.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function logBeginsRight(world: World): Check {
  const name = 'log-begins-right'
  const { checkpointEvery, checkpointIntervalMs, batchCommandsMax, keepLogOperations } =
    world.options.replica
  const gap = (checkpointIntervalMs > 0 ? 20 : 1) * checkpointEvery + batchCommandsMax
  const most = keepLogOperations + gap
  /** The last durable checkpoint of each replica that was looked at. */
  const seen = new Map<number, number>()
  const say = (sentence: string): never => {
    throw new Violation(name, sentence)
  }

  return {
    name,
    durable({ number, image }: HostView) {
      const { first, checkpoint } = image
      if (first <= checkpoint.opNumber + 1) return
      say(
        `the log of r${number} begins at op ${first}, its checkpoint is of op ${checkpoint.opNumber}`,
      )
    },
    stepped({ number, boot, replica, image }: HostView) {
      if (replica === undefined) return
      const { firstOp, durableCheckpoint, checkpoint } = replica
      if (firstOp < image.first) {
        say(`r${number} takes its log to begin at op ${firstOp}; it begins at op ${image.first}`)
      }
      if (seen.get(number) === durableCheckpoint) return
      seen.set(number, durableCheckpoint)
      // While a newer one is on its way more may be kept; and a restart forgets where the log could be cut.
      if (durableCheckpoint !== checkpoint.opNumber || boot > 1) return
      const kept = checkpoint.rev - (entryOn(image, firstOp)?.revBefore ?? checkpoint.rev)
      if (kept > most) {
        say(`r${number} keeps ${kept} operations behind its checkpoint; ${most} are enough`)
      }
    },
  }
}
