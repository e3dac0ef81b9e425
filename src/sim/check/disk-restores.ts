/**
 * I25, I27, I39. A disk that nothing damaged is found whole at every start, wherever the last one was cut
 * short: the log dense and chained, its end where it was, and the checkpoint's records the state that it names.
 */
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function diskRestores(_world: World): Check {
  const name = 'disk-restores'
  return {
    name,
    damaged(host: HostView, what: string) {
      if (host.image.damaged) return
      throw new Violation(name, `r${host.number} finds its disk damaged, which nobody did: ${what}`)
    },
  }
}
