/** I30. A linearizable read sees every operation that was acknowledged before it was asked for. §6.3 */
import type { Executed } from '../../vr/effect.ts'
import type { Operation } from '../history.ts'
import type { ReadServed } from '../surroundings.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function readsAreFresh(_world: World): Check {
  const name = 'reads-are-fresh'
  const opOf = new Map<string, number>()
  /** `client id` → highest op acknowledged when it was asked first. */
  const askedAt = new Map<string, number>()
  let acknowledged = 0
  return {
    name,
    executed(_host: HostView, { entry, answers }: Executed) {
      for (const [i, { clientId, requestNumber }] of entry.commands.entries()) {
        if (answers[i]?.type !== 'executed') continue
        const key = `${clientId}#${requestNumber}`
        if (!opOf.has(key)) opOf.set(key, entry.opNumber)
      }
    },
    replied({ session, requestNumber }: Operation) {
      if (session === undefined) return
      acknowledged = Math.max(acknowledged, opOf.get(`${session}#${requestNumber}`) ?? 0)
    },
    asked(client: number, id: number) {
      const key = `${client} ${id}`
      if (!askedAt.has(key)) askedAt.set(key, acknowledged)
    },
    read(host: HostView, key: string, _value: string, { client, id, kind }: ReadServed) {
      const least = askedAt.get(`${client} ${id}`) ?? 0
      const op = host.replica?.commitNumber ?? 0
      if (kind === 'stale' || op >= least) return
      throw new Violation(
        name,
        `r${host.number} reads ${key} for c${client} behind op ${op}; op ${least} was acknowledged before`,
      )
    },
  }
}
