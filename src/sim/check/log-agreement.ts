/** Two committed ops with one op-number are equal. The first replica to execute an op fixes it. §8.1 */
import type { Executed } from '../../vr/effect.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function logAgreement(world: World): Check {
  const name = 'log-agreement'
  return {
    name,
    executed(host: HostView, { entry }: Executed) {
      const { committed } = world
      const known = committed[entry.opNumber - 1]
      if (known !== undefined) {
        if (known.checksum === entry.checksum) return
        throw new Violation(
          name,
          `r${host.number} executes op ${entry.opNumber} as ${entry.checksum} of view ` +
            `${entry.viewNumber}, but ${known.checksum} of view ${known.viewNumber} was committed there`,
        )
      }
      if (entry.opNumber !== committed.length + 1) {
        throw new Violation(
          name,
          `r${host.number} executes op ${entry.opNumber}, but nobody executed op ${committed.length + 1}`,
        )
      }
      const { opNumber, viewNumber, checksum, parent } = entry
      const committedBy = host.replica?.viewNumber ?? 0
      committed.push({ opNumber, viewNumber, checksum, parent, atMs: world.nowMs, committedBy })
    },
  }
}
