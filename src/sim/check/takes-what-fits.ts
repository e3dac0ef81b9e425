/**
 * What a replica can use at once it does not throw away: a backup appends the PREPARE that follows its head and
 * believes the commit-number of its primary; who waits for a view, or missed it, installs a STARTVIEW that joins what
 * it has executed. State transfer would make up for all of it, slowly, and nothing would seem wrong. §4.1, §4.2
 */
import { primaryOf } from '../../vr/configuration.ts'
import { checksumAt, headMark } from '../../vr/log.ts'
import type { Message, Prepare, StartView } from '../../vr/message.ts'
import type { Replica } from '../../vr/state.ts'
import { isClogged, opOf } from '../../vr/state.ts'
import type { HostView } from '../world.ts'
import { type Check, Violation } from './check.ts'

/** What has to be true after the step, at least. */
interface Expected {
  readonly what: string
  readonly opNumber: number
  readonly knownCommit: number
  readonly lastNormalView: number
}

export function takesWhatFits(): Check {
  const name = 'takes-what-fits'
  /** Of the step under way; a process may end in the middle of one. */
  let expected: (Expected & { readonly who: string }) | undefined
  return {
    name,
    received({ number, boot, replica }: HostView, from: number, message: Message) {
      const due = replica && expect(replica, from, message)
      expected = due && { ...due, who: `${number} ${boot}` }
    },
    stepped({ number, boot, replica }: HostView) {
      const due = expected
      expected = undefined
      if (replica === undefined || due?.who !== `${number} ${boot}`) return
      const { knownCommit, lastNormalView } = replica
      const isTaken =
        opOf(replica) >= due.opNumber &&
        knownCommit >= due.knownCommit &&
        lastNormalView >= due.lastNormalView
      if (isTaken) return
      throw new Violation(
        name,
        `r${number} could have used ${due.what}; it has n${opOf(replica)}, knows k${knownCommit}, v'${lastNormalView}`,
      )
    },
  }
}

function expect(replica: Replica, from: number, message: Message): Expected | undefined {
  const { status, viewNumber, configuration, replicaNumber } = replica
  if (!('viewNumber' in message) || from === replicaNumber) return undefined
  if (from !== primaryOf(configuration, message.viewNumber)) return undefined
  const what = `${message.type} v${message.viewNumber} of r${from}`
  const now = { what, opNumber: 0, knownCommit: 0, lastNormalView: 0 }
  const isBackup = status === 'normal' && viewNumber === message.viewNumber
  if (message.type === 'COMMIT' && isBackup) {
    return { ...now, knownCommit: message.commitNumber }
  }
  if (message.type === 'PREPARE' && isBackup) {
    const opNumber = follows(replica, message) ? message.entry.opNumber : 0
    return { ...now, opNumber, knownCommit: message.commitNumber }
  }
  if (message.type === 'STARTVIEW' && joins(replica, message)) {
    return { ...now, opNumber: message.opNumber, lastNormalView: message.viewNumber }
  }
  return undefined
}

function follows(replica: Replica, { entry }: Prepare): boolean {
  const { opNumber, checksum } = headMark(replica.log)
  return entry.opNumber === opNumber + 1 && entry.parent === checksum && !isClogged(replica)
}

function joins(replica: Replica, { viewNumber, opNumber, parent, suffix }: StartView): boolean {
  const { status, commitNumber: k } = replica
  if (status === 'recovering' || viewNumber < replica.viewNumber || opNumber < k) return false
  if (status === 'normal' && viewNumber === replica.viewNumber) return false
  const start = opNumber - suffix.length
  if (start > k) return false
  const theirs = start === k ? parent : suffix[k - start - 1]?.checksum
  return theirs === checksumAt(replica.log, k)
}
