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
      // Of the job, not of the disk: a write that failed may have left later checkpoints there.
      const opNumber = checkpointOf(job)
      if (opNumber === undefined) return
      const before = last[host.number] ?? 0
      last[host.number] = opNumber
      if (job.type !== 'checkpoint' || opNumber === before) return
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

function checkpointOf(job: Job): number | undefined {
  if (job.type === 'checkpoint') return job.id.opNumber
  return job.type === 'write' ? job.install?.opNumber : undefined
}
