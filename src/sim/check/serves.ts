/** Liveness: a healed core answers every client, the old requests and some new ones. §8 */
import type { World } from '../world.ts'
import { Violation } from './check.ts'
import { describeCore } from './converges.ts'

/** Called when time is up. */
export function assertServed(world: World, isDone: boolean, waiting: string): void {
  if (isDone) return
  throw new Violation('serves', `${waiting}: ${describeCore(world)}`, 'liveness')
}
