/**
 * Liveness, L1: a healed core comes to one normal view, one log and one state, and stays there; the logs on
 * its disks are whole again, and the client-tables equal. §8
 */
import { sessionRecords } from '../../vr/client-table.ts'
import { agreedMs } from '../../vr/log-time.ts'
import { isPrimary, opOf, type Replica } from '../../vr/state.ts'
import { replicaNumber } from '../../vr/terms.ts'
import { entryOn, headOf } from '../disk.ts'
import { isColdOnDisk } from '../pages.ts'
import type { HostView, World } from '../world.ts'
import { Violation } from './check.ts'

/** What still keeps the core apart; `undefined`: it has converged. */
export function apart(world: World): string | undefined {
  const core = world.hosts.filter(host => world.core.includes(host.number))
  const first = core[0]?.replica
  if (first === undefined) return 'a core replica is down'
  let primaries = 0
  for (const { number, replica } of core) {
    if (replica === undefined) return `r${number} is down`
    if (replica.status !== 'normal') return `r${number} is in ${replica.status}`
    if (replica.viewNumber !== first.viewNumber) return 'views differ'
    if (replica.commitNumber !== first.commitNumber) return 'commit-numbers differ'
    if (opOf(replica) !== replica.commitNumber) return `r${number} has uncommitted ops`
    if (replica.service.stateHash() !== first.service.stateHash()) return 'states differ'
    const missed = world.core.find(peer => replica.disconnected.has(replicaNumber(peer)))
    if (missed !== undefined) return `r${number} takes r${missed} for disconnected`
    if (isPrimary(replica)) primaries++
    if (isPrimary(replica) && isDueSoon(replica)) return `r${number} has something to expire`
  }
  const unlike = core.find(host => diskOf(world, host) !== undefined)
  if (unlike) return `the disk of r${unlike.number} ${diskOf(world, unlike)}`
  if (!haveOneTable(core)) return 'client-tables differ'
  return primaries === 1 ? undefined : 'no primary in the core'
}

/** What its disk still lacks of the log. */
function diskOf(world: World, { image, replica }: HostView): string | undefined {
  // What rots under a running process is found when it is read; until then it does no harm.
  if (image.damaged) return undefined
  if (replica && replica.writes.length > 0) return 'is being written'
  if (image.vsr.recovering) return 'does not know its promises'
  const cold = [...image.records.keys()].find(id => isColdOnDisk(id) && !image.texts.has(id))
  if (cold !== undefined) return `lacks the text of ${cold}`
  if (headOf(image) !== world.committed.length) return `ends at op ${headOf(image)}`
  for (let op = image.first; op <= headOf(image); op++) {
    const entry = entryOn(image, op)
    if (entry?.checksum !== world.committed[op - 1]?.checksum) return `has another op ${op}`
  }
  return undefined
}

function haveOneTable(core: readonly HostView[]): boolean {
  const tableOf = (replica: Replica): string => JSON.stringify(sessionRecords(replica.clientTable))
  const tables = core.map(({ replica }) => replica && tableOf(replica))
  return tables.every(table => table === tables[0])
}

/** At the primary: what expires soon does so without any traffic, and the run waits for it. */
function isDueSoon(replica: Replica): boolean {
  const { service, clientTable } = replica
  const next = Math.min(service.nextDeadline() ?? Number.POSITIVE_INFINITY, clientTable.nextExpiry)
  return next <= agreedMs(replica) + DUE_SOON_MS
}
const DUE_SOON_MS = 2500

export function describeCore(world: World): string {
  return world.hosts.map(host => describe(world, host)).join(' · ')
}

function describe(world: World, { number, replica }: HostView): string {
  const who = world.core.includes(number) ? `r${number}` : `(r${number})`
  if (replica === undefined) return `${who} down`
  const { status, viewNumber, lastNormalView, commitNumber } = replica
  return `${who} ${status} v${viewNumber} v'${lastNormalView} n${opOf(replica)} k${commitNumber}`
}

/** Called when time is up. */
export function assertConverged(world: World): void {
  const why = apart(world)
  if (why === undefined) return
  throw new Violation(
    'converges',
    `the core did not converge: ${why}: ${describeCore(world)}`,
    'liveness',
  )
}
