/**
 * A standby has the log of the cluster, as far as it has any, and nothing that is not committed; its state is
 * compared by same-state. It asks, and says nothing else. And once the core is healed it has all that the core has.
 */

import type { Executed } from '../../vr/effect.ts'
import type { Message } from '../../vr/message.ts'
import { opOf } from '../../vr/state.ts'
import type { Job } from '../disk.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

const name = 'standby-follows'
const QUESTIONS = new Set<Message['type']>(['GETSTATE', 'GETCHECKPOINT', 'GETTEXTS', 'GETENTRIES'])

export function standbyFollows(world: World): Check {
  const assertCommitted = (opNumber: number, checksum: string, does: string): void => {
    const known = world.committed[opNumber - 1]
    if (known?.checksum === checksum) return
    const what = known === undefined ? 'no replica has executed' : 'is another in the log'
    throw new Violation(name, `the standby ${does} op ${opNumber}, which ${what}`)
  }
  return {
    name,
    executed(_host: HostView, { entry }: Executed) {
      assertCommitted(entry.opNumber, entry.checksum, 'executes')
    },
    durable(_host: HostView, job: Job) {
      if (job.type !== 'write') return
      for (const entry of job.append) assertCommitted(entry.opNumber, entry.checksum, 'writes')
      if (job.truncateFrom !== undefined) {
        throw new Violation(name, `the standby cuts its log at op ${job.truncateFrom}`)
      }
    },
    sent(_host: HostView, to: number, { type }: Message) {
      if (QUESTIONS.has(type) && to < world.hosts.length) return
      throw new Violation(name, `the standby sends ${type} to r${to}`)
    },
    stepped({ replica }: HostView) {
      if (replica === undefined || replica.status === 'normal') return
      throw new Violation(name, `the standby is in ${replica.status}`)
    },
  }
}

/** What it still lacks; undefined: nothing. */
export function behind({ committed, hosts, core }: World, standby: HostView): string | undefined {
  const { replica } = standby
  if (replica === undefined) return 'it is down'
  const { commitNumber, viewNumber } = replica
  if (commitNumber !== committed.length || opOf(replica) !== commitNumber) {
    return `it is at op ${commitNumber} of ${committed.length}`
  }
  const there = hosts.find(({ number }) => core.includes(number))?.replica
  return viewNumber === there?.viewNumber ? undefined : `it takes view ${viewNumber} for the last`
}

/** Called when time is up. */
export function assertFollowed(world: World, standby: HostView): void {
  const why = behind(world, standby)
  if (why !== undefined)
    throw new Violation(name, `the standby does not follow: ${why}`, 'liveness')
}
