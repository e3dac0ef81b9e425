/** I40. Whatever peers and clients send, what a replica keeps of it stays within its limits. */
import type { Replica } from '../../vr/state.ts'
import { opOf } from '../../vr/state.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function bounded(world: World): Check {
  const name = 'bounded'
  const replicas = world.hosts.length
  return {
    name,
    stepped(host: HostView) {
      const { replica } = host
      if (replica === undefined) return
      for (const [what, is, most] of sizes(replica, replicas)) {
        if (is <= most) continue
        throw new Violation(name, `r${host.number} keeps ${is} ${what}; the limit is ${most}`)
      }
    },
  }
}

type Size = readonly [what: string, is: number, most: number]

function sizes(replica: Replica, replicas: number): readonly Size[] {
  const { options, primary, change, reads, loads, textLoads, kept, log, clientTable } = replica
  const uncommitted = opOf(replica) - replica.commitNumber
  return [
    ['commands waiting', primary.queue.length, options.queueCommandsMax],
    ['votes', change.votes.size, replicas],
    ['logs of a view change', change.received.size, replicas],
    ['reads waiting', reads.pending.length, 2 * replicas],
    ['questions at the disk', loads.size + textLoads.size, 16 + 4],
    ['checkpoints for peers', kept.length, 3],
    ['entries in memory', log.entries.length - uncommitted, 2 * Math.max(1, options.logTailMax)],
    ['sessions', clientTable.sessions.size, options.clientsMax],
  ]
}
