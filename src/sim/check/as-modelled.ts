/**
 * I21 to I24, I31. Every answer, on every replica, to every caller, however often it is given, is what an
 * independent model says of the committed log; so is every value that is read. What is not committed is
 * answered to nobody.
 */
import { text } from '../../base/bytes.ts'
import type { Executed } from '../../vr/effect.ts'
import type { ReplyAnswer } from '../../vr/message.ts'
import { isOfFeeds } from '../feed/query.ts'
import type { Operation } from '../history.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'
import { Model } from './model.ts'

export function asModelled(world: World): Check {
  const name = 'as-modelled'
  const model = new Model(world.options)
  const say = (sentence: string): never => {
    throw new Violation(name, sentence)
  }
  return {
    name,
    executed(host: HostView, { entry, answers }: Executed) {
      if (entry.opNumber === model.op + 1) model.apply(entry)
      const expected = model.answers[entry.opNumber - 1] ?? []
      for (const [i, answer] of answers.entries()) {
        if (isSame(answer, expected[i])) continue
        const { clientId, requestNumber } = entry.commands[i] ?? {}
        say(
          `r${host.number} answers ${clientId}#${requestNumber} at op ${entry.opNumber} «${line(answer)}»; the model «${line(expected[i])}»`,
        )
      }
    },
    answered(host: HostView, session: string, n: number, answer: ReplyAnswer) {
      const who = `r${host.number} answers ${session}#${n} «${line(answer)}»`
      if (answer.type === 'executed') {
        if (answer.opNumber > world.committed.length) say(`${who}, which is not committed`)
        // A registration is answered by name, and closing a session by a number it has not used.
        const isOperation = world.history.request(session, n) !== undefined
        if (isOperation && !isSame(answer, model.answerTo(session, n))) {
          say(`${who}; the model «${line(model.answerTo(session, n))}»`)
        }
      } else if (answer.type === 'forgotten' && answer.reason === 'no-session') {
        // Who lags may not know of a session yet, or any longer: the log alone decides.
        const isLatest = host.replica?.commitNumber === model.op
        if (isLatest && model.hasSession(session)) say(`${who}, but the session is open`)
      }
    },
    read(host: HostView, key: string, value: string) {
      if (isOfFeeds(key)) return
      const op = host.replica?.commitNumber ?? 0
      const expected = model.valueAt(key, op) ?? '-'
      if (value !== expected) {
        say(`r${host.number} reads ${key} behind op ${op} as «${value}»; the model «${expected}»`)
      }
    },
    replied({ session, requestNumber, result }: Operation) {
      if (session === undefined) return
      const expected = model.answerTo(session, requestNumber)
      const told = expected?.type === 'executed' ? text(expected.result) : 'not executed'
      if (told !== result) {
        say(`${session}#${requestNumber} was told «${result}»; the model says «${told}»`)
      }
    },
  }
}

export function isSame(a: ReplyAnswer | undefined, b: ReplyAnswer | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined || a.type !== b.type) return false
  if (a.type === 'executed') {
    if (b.type !== 'executed') return false
    const { opNumber, viewNumber, rev, lamport, timeMs, result } = a
    if (opNumber !== b.opNumber || viewNumber !== b.viewNumber || rev !== b.rev) return false
    if (timeMs !== b.timeMs || lamport !== b.lamport || result.length !== b.result.length)
      return false
    return result.every((byte, i) => byte === b.result[i])
  }
  return reasonOf(a) === reasonOf(b)
}

const reasonOf = (answer: ReplyAnswer): string => ('reason' in answer ? answer.reason : '')

function line(answer: ReplyAnswer | undefined): string {
  if (answer === undefined) return 'nothing'
  if (answer.type !== 'executed') return `${answer.type} ${reasonOf(answer)}`
  const { opNumber, viewNumber, rev, lamport, timeMs, result } = answer
  return `op ${opNumber} view ${viewNumber} rev ${rev} lamport ${lamport} time ${timeMs}: ${text(result)}`
}
