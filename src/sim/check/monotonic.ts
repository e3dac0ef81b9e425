/** View-, commit- and op-numbers on disk never decrease, across restarts too; ops are executed one by one. §4 */
import type { Executed } from '../../vr/effect.ts'
import type { Job } from '../disk.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

interface Seen {
  boot: number
  wipes: number
  viewNumber: number
  lastNormalView: number
  commitNumber: number
}

const NOTHING_SEEN = { boot: 0, wipes: 0, viewNumber: 0, lastNormalView: 0, commitNumber: 0 }

export function monotonic(world: World): Check {
  const name = 'monotonic'
  const memory = world.hosts.map<Seen>(() => ({ ...NOTHING_SEEN }))
  const disk = world.hosts.map(() => ({ viewNumber: 0, lastNormalView: 0, checkpoint: 0 }))
  const executed = world.hosts.map(() => 0)

  function rises(host: HostView, what: string, before: number, now: number): void {
    if (now >= before) return
    throw new Violation(name, `${what} of r${host.number} falls from ${before} to ${now}`)
  }

  return {
    name,
    started(host: HostView) {
      const seen = memory[host.number]
      if (seen) seen.commitNumber = 0
      executed[host.number] = host.image.checkpoint.opNumber
      if (seen === undefined || seen.wipes === host.wipes) return
      // A lost disk remembers nothing, and promises nothing of it: promises-kept sees to that.
      seen.wipes = host.wipes
      disk[host.number] = { viewNumber: 0, lastNormalView: 0, checkpoint: 0 }
    },
    stepped(host: HostView) {
      const { replica } = host
      const seen = memory[host.number]
      if (replica === undefined || seen === undefined) return
      if (seen.boot === host.boot) {
        rises(host, 'the view-number', seen.viewNumber, replica.viewNumber)
        rises(host, 'the last normal view', seen.lastNormalView, replica.lastNormalView)
        rises(host, 'the commit-number', seen.commitNumber, replica.commitNumber)
      }
      seen.boot = host.boot
      seen.viewNumber = replica.viewNumber
      seen.lastNormalView = replica.lastNormalView
      seen.commitNumber = replica.commitNumber
      if (replica.lastNormalView > replica.viewNumber) {
        throw new Violation(name, `r${host.number} has a last normal view above its view`)
      }
    },
    executed(host: HostView, { entry }: Executed) {
      const before = executed[host.number] ?? 0
      const installed = host.replica?.log.base.opNumber ?? 0
      if (entry.opNumber !== before + 1 && entry.opNumber <= before) {
        throw new Violation(
          name,
          `r${host.number} executes op ${entry.opNumber} after op ${before}`,
        )
      }
      if (entry.opNumber > before + 1 && installed < before) {
        throw new Violation(name, `r${host.number} skips from op ${before} to op ${entry.opNumber}`)
      }
      executed[host.number] = entry.opNumber
    },
    durable(host: HostView, _job: Job) {
      const seen = disk[host.number]
      if (seen === undefined) return
      const { vsr, checkpoint } = host.image
      rises(host, 'the view-number on disk', seen.viewNumber, vsr.viewNumber)
      rises(host, 'the last normal view on disk', seen.lastNormalView, vsr.lastNormalView)
      rises(host, 'the checkpoint on disk', seen.checkpoint, checkpoint.opNumber)
      seen.viewNumber = vsr.viewNumber
      seen.lastNormalView = vsr.lastNormalView
      seen.checkpoint = checkpoint.opNumber
    },
  }
}
