/** Liveness: a healed core comes to one normal view, one log and one state, and stays there. §8 */
import { isPrimary, opOf } from '../../vr/state.ts'
import type { HostView, World } from '../world.ts'
import { Violation } from './check.ts'

/** What still keeps the core apart; `undefined`: it has converged. */
export function apart(world: World): string | undefined {
  const core = world.hosts.filter(host => world.core.includes(host.number))
  const first = core[0]?.replica
  if (first === undefined) return 'a core replica is down'
  let primaries = 0
  for (const { number, replica } of core) {
    if (replica === undefined) return `r${number} is down`
    if (replica.status !== 'normal') return `r${number} is in ${replica.status}`
    if (replica.viewNumber !== first.viewNumber) return 'views differ'
    if (replica.commitNumber !== first.commitNumber) return 'commit-numbers differ'
    if (opOf(replica) !== replica.commitNumber) return `r${number} has uncommitted ops`
    if (replica.service.stateHash() !== first.service.stateHash()) return 'states differ'
    if (isPrimary(replica)) primaries++
  }
  return primaries === 1 ? undefined : 'no primary in the core'
}

export function describeCore(world: World): string {
  return world.hosts.map(host => describe(world, host)).join(' · ')
}

function describe(world: World, { number, replica }: HostView): string {
  const who = world.core.includes(number) ? `r${number}` : `(r${number})`
  if (replica === undefined) return `${who} down`
  const { status, viewNumber, lastNormalView, commitNumber } = replica
  return `${who} ${status} v${viewNumber} v'${lastNormalView} n${opOf(replica)} k${commitNumber}`
}

/** Called when time is up. */
export function assertConverged(world: World): void {
  const why = apart(world)
  if (why === undefined) return
  throw new Violation(
    'converges',
    `the core did not converge: ${why}: ${describeCore(world)}`,
    'liveness',
  )
}
