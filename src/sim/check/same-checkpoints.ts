/**
 * Checkpoints are taken at the same ops by every replica: where the next one is follows from the one before
 * and the log, so that any replica can finish a fetch that another began. §5.1
 */
import type { Job } from '../disk.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function sameCheckpoints(world: World): Check {
  const name = 'same-checkpoints'
  /** A checkpoint's op → the op of the next one, and who took that. */
  const next = new Map<number, { readonly opNumber: number; readonly by: number }>()
  const last = world.hosts.map(() => 0)
  return {
    name,
    started(host: HostView) {
      last[host.number] = host.image.checkpoint.opNumber
    },
    durable(host: HostView, job: Job) {
      const before = last[host.number] ?? 0
      // Of those that a crash left behind the image holds the last already.
      const { opNumber } = job.type === 'checkpoint' ? job.id : host.image.checkpoint
      if (opNumber <= before) return
      last[host.number] = opNumber
      if (job.type !== 'checkpoint') return
      const known = next.get(before)
      if (known === undefined) next.set(before, { opNumber, by: host.number })
      else if (known.opNumber !== opNumber) {
        throw new Violation(
          name,
          `behind op ${before} r${host.number} takes its next checkpoint at op ${opNumber}, r${known.by} at op ${known.opNumber}`,
        )
      }
    },
  }
}
