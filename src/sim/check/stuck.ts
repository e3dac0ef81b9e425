/**
 * A group may stop for good, only with a proof: more disks are lost than it promises to survive. L5 of
 * docs/simulator.md.
 */
import { audit, readable } from '../audit.ts'
import { type Image, isLost } from '../disk.ts'
import type { World } from '../world.ts'

/** The proof; `undefined`: there is no reason to be stuck. */
export function whyStuck(world: World): string | undefined {
  const lost = world.hosts
    .filter(({ image }) => isLost(image) && !isRepairable(world, image))
    .map(({ number }) => `r${number}`)
  const whole = world.hosts.length - lost.length
  if (whole >= world.quorum) return undefined
  return `${lost.join(', ')} lost what they promised: ${whole} of ${world.hosts.length} are left, a quorum is ${world.quorum}`
}

/** Of each entry that is damaged behind its checkpoint another disk has a whole one: that is no reason. */
function isRepairable(world: World, image: Image): boolean {
  const { lost, damage } = audit(image)
  if (lost !== undefined || damage === undefined || image.vsr.recovering) return false
  return damage.runs.every(({ first, last, checksum }) => {
    let wanted: string | undefined = checksum
    for (let op: number = last; op >= first && wanted !== undefined; op--) {
      const copies = world.hosts.map(other => readable(other.image, op))
      wanted = copies.find(entry => entry?.checksum === wanted)?.parent
    }
    return wanted !== undefined
  })
}
