/**
 * At most one normal primary per view, the one that the configuration names, and one start of it: a
 * restarted primary does not act again in its view. Nobody prepares two entries at one viewstamp. §4.2
 */
import type { Message } from '../../vr/message.ts'
import { isPrimary } from '../../vr/state.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function onePrimaryPerView(world: World): Check {
  const name = 'one-primary-per-view'
  const acting = new Map<number, string>()
  const prepared = new Map<string, string>()
  return {
    name,
    stepped(host: HostView) {
      const { replica } = host
      if (replica === undefined || !isPrimary(replica)) return
      const view = replica.viewNumber
      const who = `r${host.number} (start ${host.boot})`
      const other = acting.get(view)
      if (other === undefined) acting.set(view, who)
      else if (other !== who) {
        throw new Violation(name, `${who} acts as primary of view ${view}, as did ${other}`)
      }
    },
    sent(host: HostView, _to: number, message: Message) {
      if (message.type !== 'PREPARE') return
      const { viewNumber, entry } = message
      if (viewNumber % world.hosts.length !== host.number) {
        throw new Violation(name, `r${host.number} prepares in view ${viewNumber}, not its own`)
      }
      const viewstamp = `${viewNumber}.${entry.opNumber}`
      const before = prepared.get(viewstamp)
      if (before === undefined) prepared.set(viewstamp, entry.checksum)
      else if (before !== entry.checksum) {
        throw new Violation(name, `r${host.number} prepares two entries at viewstamp ${viewstamp}`)
      }
    },
  }
}
