/**
 * I37. After a write, a sync or a read from disk has failed the process says nothing more, to anybody: what
 * it holds is not known. docs/storage.md
 */
import type { Message } from '../../vr/message.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function silentAfterError(world: World): Check {
  const name = 'silent-after-error'
  /** Start of each host that must be over. */
  const failed = world.hosts.map(() => 0)
  const require = (host: HostView, what: string): void => {
    if (failed[host.number] !== host.boot) return
    throw new Violation(name, `r${host.number} ${what} after its disk has failed`)
  }
  return {
    name,
    failed(host: HostView) {
      if (!host.isImpostor) failed[host.number] = host.boot
    },
    sent(host: HostView, _to: number, message: Message) {
      require(host, `sends ${message.type}`)
    },
    answered(host: HostView) {
      require(host, 'answers a client')
    },
    read(host: HostView) {
      require(host, 'answers a read')
    },
  }
}
