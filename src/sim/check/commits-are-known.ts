/** What a replica takes for committed was executed by somebody: nobody guesses. §4.1 step 5 */
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function commitsAreKnown(world: World): Check {
  const name = 'commits-are-known'
  return {
    name,
    stepped({ number, replica }: HostView) {
      if (replica === undefined || replica.knownCommit <= world.committed.length) return
      throw new Violation(
        name,
        `r${number} takes op ${replica.knownCommit} for committed; nobody executed more than ${world.committed.length}`,
      )
    },
  }
}
