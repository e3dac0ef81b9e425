/** Everything that can go wrong in a run, by name: which of it is on, and which happened to messages. */
import { type Coverage, fire } from './coverage.ts'
import { FEED_KINDS } from './feed/client.ts'
import { FAULTS, isOn } from './nemesis.ts'
import type { Network } from './network.ts'
import type { SimOptions } from './options.ts'

/** Kinds that a run of these options has on. */
export function kindsOf(options: SimOptions): string[] {
  const { network, nemesis, disk, workload, replica, replicas } = options
  const several = replicas > 1
  const kinds: [string, boolean][] = [
    ['loss', several && network.loss > 0],
    ['duplicate', several && network.duplicate > 0],
    ['overtaking', several && network.reorder > 0],
    ['slow link', several && network.slowLinks > 0],
    ['stream reset', several && network.streamReset > 0],
    ['corrupt frame', several && network.corrupt > 0],
    ['stall', disk.stall > 0],
    ['lost write', disk.keepUnsynced < 1 && nemesis.faults.crash.everyMs > 0],
    ['eviction', replica.clientsMax < workload.clients * 50],
    ['overload', workload.overload],
    ['sending twice', workload.twice > 0],
    ['giving up', workload.abandon > 0],
    ['standby', options.standby === true],
    ['stale read', workload.stale > 0 && workload.reads > 0],
  ]
  if (options.feeds) for (const kind of Object.values(FEED_KINDS)) kinds.push([kind, true])
  for (const kind of FAULTS) kinds.push([kind, isOn(nemesis, kind, replicas)])
  for (const name of options.buggify) kinds.push([`hardest ${name}`, true])
  return kinds.filter(([, on]) => on).map(([name]) => name)
}

/** What chance did to messages, by kind. */
export function messageKinds(coverage: Coverage, { counts }: Network, corrupted: number): void {
  const happened: [string, number][] = [
    ['loss', counts.lost],
    ['duplicate', counts.duplicated],
    ['overtaking', counts.overtaken],
    ['slow link', counts.slowed],
    ['stream reset', counts.broken],
    ['corrupt frame', corrupted],
  ]
  for (const [kind, count] of happened) if (count > 0) fire(coverage, kind)
}
