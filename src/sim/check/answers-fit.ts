/**
 * An answer to a question that is not under way, or not any more, changes nothing, however true it was when
 * it was given. §4.3, §5.2; reads: docs/divergence.md
 */
import type { Message } from '../../vr/message.ts'
import type { Replica } from '../../vr/state.ts'
import { opOf } from '../../vr/state.ts'
import type { HostView } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function answersFit(): Check {
  const name = 'answers-fit'
  let before: { readonly who: string; readonly what: string; readonly state: string } | undefined
  return {
    name,
    received({ number, boot, replica }: HostView, from: number, message: Message) {
      before = undefined
      if (replica === undefined || fits(replica, message)) return
      const what = `${message.type} from r${from}`
      before = { who: `${number} ${boot}`, what, state: stateOf(replica) }
    },
    stepped({ number, boot, replica }: HostView) {
      const was = before
      before = undefined
      if (replica === undefined || was?.who !== `${number} ${boot}`) return
      const is = stateOf(replica)
      if (was.state === is) return
      throw new Violation(
        name,
        `${was.what} answers no question of r${number}: ${was.state} became ${is}`,
      )
    },
  }
}

function fits({ transfer, recovery, reads }: Replica, message: Message): boolean {
  switch (message.type) {
    case 'NEWSTATE':
      return transfer?.nonce === message.nonce
    case 'NEWCHECKPOINT':
    case 'NEWTEXTS':
      return transfer?.nonce === message.nonce && transfer.fetch?.id.opNumber === message.opNumber
    case 'RECOVERYRESPONSE':
      return recovery?.nonce === message.nonce
    case 'READINDEXOK':
      return message.readNumber - reads.first === reads.asked && reads.asked > reads.answered
    default:
      return true
  }
}

function stateOf(replica: Replica): string {
  const { status, viewNumber, lastNormalView, commitNumber, knownCommit } = replica
  const { transfer, recovery, reads } = replica
  const records = transfer?.fetch?.records.length ?? '–'
  const lacking = transfer?.fetch?.lacking?.length ?? '–'
  const asks = `question ${transfer?.nonce ?? '–'} with ${records} records, ${lacking} texts to come`
  const views = `${recovery?.views.size ?? 0} views, least ${recovery?.leastView ?? '–'}`
  return `${status} v${viewNumber} v'${lastNormalView} n${opOf(replica)} k${commitNumber} known ${knownCommit}, ${asks}, ${views}, reads ${reads.answered}`
}
