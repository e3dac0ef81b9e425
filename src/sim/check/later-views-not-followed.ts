/**
 * A PREPARE or COMMIT of a later view tells that the view has started, and nothing about the log that is here:
 * that is of an earlier view, and may have to go. §5.2
 */
import type { Message } from '../../vr/message.ts'
import { opOf } from '../../vr/state.ts'
import type { HostView } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function laterViewsNotFollowed(): Check {
  const name = 'later-views-not-followed'
  let before: { readonly who: string; readonly what: string; readonly numbers: string } | undefined
  const numbersOf = (replica: NonNullable<HostView['replica']>): string =>
    `n${opOf(replica)} k${replica.commitNumber}, knows k${replica.knownCommit}`
  return {
    name,
    received({ number, boot, replica }: HostView, from: number, message: Message) {
      before = undefined
      if (message.type !== 'PREPARE' && message.type !== 'COMMIT') return
      if (replica === undefined || message.viewNumber <= replica.viewNumber) return
      const what = `${message.type} of view ${message.viewNumber} from r${from}`
      before = { who: `${number} ${boot}`, what, numbers: numbersOf(replica) }
    },
    stepped({ number, boot, replica }: HostView) {
      const was = before
      before = undefined
      if (replica === undefined || was?.who !== `${number} ${boot}`) return
      if (numbersOf(replica) === was.numbers) return
      throw new Violation(
        name,
        `${was.what} changes r${number}, in view ${replica.viewNumber}: ${was.numbers} became ${numbersOf(replica)}`,
      )
    },
  }
}
