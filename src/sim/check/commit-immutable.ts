/**
 * Once committed, an op is on the disks of a quorum for good: every quorum of a view change finds it. One
 * disk may lose it, when writes ordered before the commit reach it late; a quorum has it all the same.
 */
import { entryOn, holds, isLost, type Job } from '../disk.ts'
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
        const checksum = world.committed[op - 1]?.checksum ?? ''
        if (entryOn(image, op)?.checksum === checksum) continue
        const copies = world.hosts.filter(
          // What a lost disk held is not forgotten, as long as no more are lost than may be.
          other => isLost(other.image) || holds(other.image, op, checksum),
        ).length
        if (copies >= world.quorum) continue
        throw new Violation(
          name,
          `r${host.number} had committed op ${op} on disk and has it no more, nor have others: ${copies} copies`,
        )
      }
      had.set(host.number, agreed(world, host))
    },
  }
}

/** Highest op up to which the disk has all that is committed. */
function agreed(world: World, { image }: HostView): number {
  let op: number = image.checkpoint.opNumber
  for (;;) {
    const next = world.committed[op]
    if (next === undefined || entryOn(image, op + 1)?.checksum !== next.checksum) return op
    op++
  }
}
