/**
 * Once committed, an op's content never changes on any disk, and a disk that has it keeps it (until a
 * checkpoint covers it): from its commit on, every quorum of a view change finds it.
 */
import { entryOn, headOf, type Job } from '../disk.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function commitImmutable(world: World): Check {
  const name = 'commit-immutable'
  /** Per host: all committed ops up to here were on its disk at the last look. */
  const had = new Map<number, number>()
  return {
    name,
    durable(host: HostView, job: Job) {
      if (job.type !== 'write') return
      const { image } = host
      const from = Math.min(job.truncateFrom ?? Number.POSITIVE_INFINITY, image.first)
      const until = had.get(host.number) ?? 0
      for (let op = Math.max(from, image.checkpoint.opNumber + 1); op <= until; op++) {
        if (entryOn(image, op)?.checksum === world.committed[op - 1]?.checksum) continue
        throw new Violation(
          name,
          `r${host.number} had committed op ${op} on disk and has it no more; its log ends at ${headOf(image)}`,
        )
      }
      had.set(host.number, agreed(world, host, until))
    },
  }
}

/** Highest op up to which the disk has all that is committed. */
function agreed(world: World, { image }: HostView, until: number): number {
  let op = Math.max(until, image.checkpoint.opNumber)
  for (;;) {
    const next = world.committed[op]
    if (next === undefined || entryOn(image, op + 1)?.checksum !== next.checksum) return op
    op++
  }
}
