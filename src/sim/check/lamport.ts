/**
 * Lamport's clock (src/vr/lamport.ts): times rise strictly along the log, a command's is the same on every replica and in
 * every answer, and above whatever its client said that it had seen. And each replica goes on above what it has executed,
 * whether it executed it, read a checkpoint or was sent one.
 */
import type { Executed } from '../../vr/effect.ts'
import type { Entry } from '../../vr/entry.ts'
import { lamportOf } from '../../vr/lamport.ts'
import type { HostView, World } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function lamport({ history }: World): Check {
  const name = 'lamport'
  /** Of the last command of each op. */
  const last: number[] = [0]
  const say = (sentence: string): never => {
    throw new Violation(name, sentence)
  }

  function look({ opNumber: op, lamport: first, commands }: Entry): void {
    const before = last[op - 1] ?? 0
    if (first <= before) say(`op ${op} is of time ${first}, behind one of ${before}`)
    for (const [i, { clientId, requestNumber }] of commands.entries()) {
      const seen = history.request(clientId, requestNumber)?.seen ?? 0
      if (first + i + 1 > seen) continue
      say(`${clientId}#${requestNumber} is of time ${first + i + 1}; its client had seen ${seen}`)
    }
    last.push(first + commands.length)
  }

  return {
    name,
    executed({ number }: HostView, { entry, answers }: Executed) {
      if (entry.opNumber === last.length) look(entry)
      for (const [i, answer] of answers.entries()) {
        if (answer?.type !== 'executed' || answer.opNumber !== entry.opNumber) continue
        if (answer.lamport === entry.lamport + i + 1) continue
        say(`r${number} answers command ${i + 1} of op ${entry.opNumber} with ${answer.lamport}`)
      }
    },
    stepped({ number, replica }: HostView) {
      if (replica === undefined) return
      const least = last[replica.commitNumber] ?? 0
      if (lamportOf(replica) >= least) return
      say(
        `r${number} has executed a command of time ${least}, and goes on from ${lamportOf(replica)}`,
      )
    },
  }
}
