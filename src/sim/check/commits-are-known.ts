/**
 * What a replica takes for committed was executed by somebody, or a primary has counted the acknowledgements of
 * a quorum for it (and tells so before it executes): nobody guesses. §4.1 step 5
 */
import { quorumOf, replicasOf } from '../../vr/configuration.ts'
import { isPrimary, type Replica } from '../../vr/state.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function commitsAreKnown(world: World): Check {
  const name = 'commits-are-known'
  let counted = 0
  const count = ({ replica }: HostView) => {
    if (replica && isPrimary(replica)) counted = Math.max(counted, acknowledgedByQuorum(replica))
  }
  return {
    name,
    // A process may end behind this, before the end of its step.
    sent(host, _, message) {
      if (message.type === 'PREPARE' || message.type === 'COMMIT') count(host)
    },
    stepped(host) {
      const { number, replica } = host
      if (replica === undefined) return
      count(host)
      const known = Math.max(world.committed.length, counted)
      if (replica.knownCommit <= known) return
      throw new Violation(
        name,
        `r${number} takes op ${replica.knownCommit} for committed; nobody knows of more than ${known}`,
      )
    },
  }
}

function acknowledgedByQuorum({ configuration, primary }: Replica): number {
  const acked = replicasOf(configuration).map(i => primary.acked.get(i) ?? 0)
  return acked.sort((a, b) => b - a)[quorumOf(configuration) - 1] ?? 0
}
