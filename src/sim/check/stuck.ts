/**
 * A group may stop for good, only with a proof: more disks are lost than it promises to survive. L5 of
 * docs/simulator.md.
 */
import { isLost } from '../disk.ts'
import type { World } from '../world.ts'

/** The proof; `undefined`: there is no reason to be stuck. */
export function whyStuck(world: World): string | undefined {
  const lost = world.hosts.filter(({ image }) => isLost(image)).map(({ number }) => `r${number}`)
  const whole = world.hosts.length - lost.length
  if (whole >= world.quorum) return undefined
  return `${lost.join(', ')} lost what they promised: ${whole} of ${world.hosts.length} are left, a quorum is ${world.quorum}`
}
