/** All targets, for the tests and for `npm run fuzz`. */
import { DAEMON_TARGETS } from './daemon-targets.ts'
import { MACHINE_TARGETS } from './machine-targets.ts'
import { NETWORK_TARGETS } from './network-targets.ts'
import { STORAGE_TARGETS } from './storage-targets.ts'
import type { Target } from './target.ts'

export { Crash, type Report, runTarget } from './run.ts'

export const TARGETS: readonly Target[] = [
  ...NETWORK_TARGETS,
  ...STORAGE_TARGETS,
  ...MACHINE_TARGETS,
  ...DAEMON_TARGETS,
]

/** How many of all cases a target gets. */
export function casesOf(target: Target, all: number): number {
  const shares = TARGETS.reduce((sum, { share = 1 }) => sum + share, 0)
  return Math.ceil((all * (target.share ?? 1)) / shares)
}
