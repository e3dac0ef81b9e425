/** Equal commit-number, equal state: of the service after every step, client-table included at checkpoints. §4.4 */
import type { Job } from '../disk.ts'
import type { HostView } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function sameState(): Check {
  const name = 'same-state'
  const states = new Map<number, { readonly hash: string; readonly by: number }>()
  const checkpoints = new Map<number, { readonly hash: string; readonly by: number }>()

  function compare(
    known: Map<number, { readonly hash: string; readonly by: number }>,
    host: HostView,
    op: number,
    hash: string,
  ): void {
    const before = known.get(op)
    if (before === undefined) known.set(op, { hash, by: host.number })
    else if (before.hash !== hash) {
      throw new Violation(name, `r${host.number} and r${before.by} differ in state after op ${op}`)
    }
  }

  return {
    name,
    stepped(host: HostView) {
      const { replica } = host
      if (replica) compare(states, host, replica.commitNumber, replica.service.stateHash())
    },
    durable(host: HostView, job: Job) {
      if (job.type === 'trim' || (job.type === 'write' && job.install === undefined)) return
      const { checkpoint } = host.image
      const { opNumber, checksum, rev, timeMs, lamport, stateHash } = checkpoint
      compare(checkpoints, host, opNumber, `${checksum} ${rev} ${timeMs} ${lamport} ${stateHash}`)
    },
  }
}
