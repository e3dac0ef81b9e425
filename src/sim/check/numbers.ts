/**
 * What the entries of the log count is right: revs number the operations without gaps, log time does not go
 * back when the primary changes (§4.4), and no maker knew more to be committed than there was before it. And each
 * replica goes on counting from there, whether it executed the entries, read a checkpoint or was sent one.
 */
import type { Executed } from '../../vr/effect.ts'
import type { Entry } from '../../vr/entry.ts'
import type { HostView } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function numbers(): Check {
  const name = 'numbers'
  let op = 0
  let rev = 0
  let timeMs = 0
  /** Rev and log time behind each op. */
  const marks: { readonly rev: number; readonly timeMs: number }[] = [{ rev, timeMs }]

  function look(entry: Entry): string | undefined {
    if (entry.revBefore !== rev)
      return `counts ${entry.revBefore} operations before it; it is ${rev}`
    if (entry.timeMs < timeMs) return `is of ${entry.timeMs}, behind one of ${timeMs}`
    if (entry.commitNumber >= entry.opNumber)
      return `knows op ${entry.commitNumber} to be committed`
    return undefined
  }

  return {
    name,
    executed(host: HostView, { entry, answers }: Executed) {
      if (entry.opNumber !== op + 1) return
      const wrong = look(entry)
      if (wrong) throw new Violation(name, `op ${entry.opNumber} ${wrong}`)
      op++
      timeMs = entry.timeMs
      for (const [i, { kind }] of entry.commands.entries()) {
        if (kind === 'operation') rev++
        const answer = answers[i]
        if (answer?.type !== 'executed' || answer.opNumber !== op || answer.rev === rev) continue
        throw new Violation(
          name,
          `r${host.number} answers command ${i + 1} of op ${op} with rev ${answer.rev}; it is ${rev}`,
        )
      }
      marks.push({ rev, timeMs })
    },
    stepped({ number, replica }: HostView) {
      const base = replica?.log.base
      const mark = base && marks[base.opNumber]
      if (mark === undefined || (mark.rev === base?.rev && mark.timeMs === base?.timeMs)) return
      throw new Violation(
        name,
        `r${number} counts ${base?.rev} operations up to op ${base?.opNumber}, of ${base?.timeMs}; they are ${mark.rev}, of ${mark.timeMs}`,
      )
    },
  }
}
