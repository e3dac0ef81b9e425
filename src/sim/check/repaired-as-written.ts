/**
 * A damaged entry comes back as it was written, whoever gave it; until all are back their replica speaks of
 * nothing else; and it gives up only when a quorum of others, all normal, are without one. Decision 0018.
 */
import type { Message } from '../../vr/message.ts'
import { audit } from '../audit.ts'
import type { Job } from '../disk.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function repairedAsWritten(world: World): Check {
  const name = 'repaired-as-written'
  const { rot, helix } = world.options.nemesis.faults
  /** Op → checksum, as it last went to each disk. */
  const written = world.hosts.map(() => ({ wipes: 0, entries: new Map<number, string>() }))
  /** Ops that a start found damaged, and has not repaired. What is damaged later, the next start finds. */
  const ailing = new Map<HostView['number'], Set<number>>()
  /** `asker nonce` → who was normal when it answered. */
  const normal = new Map<string, Set<number>>()

  function logOf({ number, wipes }: HostView): Map<number, string> {
    const known = written[number]
    if (known === undefined) return new Map()
    if (known.wipes !== wipes) written[number] = { wipes, entries: new Map() }
    return written[number]?.entries ?? new Map()
  }

  return {
    name,
    started(host: HostView) {
      const canRot = rot.everyMs > 0 || helix.everyMs > 0 || host.image.damaged
      const runs = (canRot && audit(host.image).damage?.runs) || []
      const ops = new Set<number>()
      for (const { first, last } of runs) for (let op: number = first; op <= last; op++) ops.add(op)
      ailing.set(host.number, ops)
    },
    durable(host: HostView, job: Job) {
      if (job.type !== 'write') return
      const log = logOf(host)
      for (const { opNumber, checksum } of job.repair ?? []) {
        if (log.get(opNumber) === checksum) continue
        const what = `r${host.number} repairs op ${opNumber} with ${checksum}`
        throw new Violation(name, `${what}; it had written ${log.get(opNumber)}`)
      }
      for (const { opNumber, checksum } of job.append) log.set(opNumber, checksum)
      for (const { opNumber } of job.repair ?? []) ailing.get(host.number)?.delete(opNumber)
    },
    failed({ number, replica }: HostView) {
      const repair = replica?.repair
      // Nothing is left to ask for: what was repaired does not follow what lies below.
      if (!repair?.isHopeless || repair.runs.length === 0) return
      const without = normal.get(`${number} ${repair.nonce}`)?.size ?? 0
      if (without >= world.quorum) return
      throw new Violation(name, `r${number} gives up; ${without} normal replicas were asked`)
    },
    sent(host: HostView, to: number, message: Message) {
      const isAbout = message.type === 'GETENTRIES' || message.type === 'NEWENTRIES'
      const isAiling = (ailing.get(host.number)?.size ?? 0) > 0
      if (isAiling && !isAbout && message.type !== 'REPLY') {
        throw new Violation(name, `r${host.number} sends ${message.type}, with entries damaged`)
      }
      if (message.type !== 'NEWENTRIES' || host.replica?.status !== 'normal') return
      const key = `${to} ${message.nonce}`
      normal.set(key, (normal.get(key) ?? new Set()).add(host.number))
    },
  }
}
