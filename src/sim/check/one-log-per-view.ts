/**
 * I7. Whoever installed the log of one view and has an op of it that is not committed has the same one, on
 * disk, at any time, across restarts. (A committed one may be taken over before the view it comes with.)
 */
import { entryOn, headOf, type Job } from '../disk.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function oneLogPerView(world: World): Check {
  const name = 'one-log-per-view'
  /** Last normal view → op-number → checksum. */
  const logs = new Map<number, Map<number, string>>()
  return {
    name,
    durable(host: HostView, job: Job) {
      if (job.type !== 'write' || host.image.damaged) return
      const { image } = host
      const view = image.vsr.lastNormalView
      const head = headOf(image)
      const log = logs.get(view) ?? new Map<number, string>()
      logs.set(view, log)
      for (let op = Math.max(image.first, world.committed.length + 1); op <= head; op++) {
        const checksum = entryOn(image, op)?.checksum
        if (checksum === undefined) continue
        const known = log.get(op)
        if (known === undefined) log.set(op, checksum)
        else if (known !== checksum) {
          throw new Violation(
            name,
            `r${host.number} has ${checksum} at op ${op} of the log of view ${view}; another has ${known}`,
          )
        }
      }
    },
  }
}
