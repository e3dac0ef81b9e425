/** Walks the committed commands about feeds, each once and in order, for the properties that judge them. */
import { text } from '../../base/bytes.ts'
import type { JsonObject } from '../../base/json.ts'
import { decodeResult } from '../../machine/operation.ts'
import type { Executed } from '../../vr/effect.ts'
import { commandIn } from '../feed/client.ts'
import type { Asked, Ledger } from '../feed/ledger.ts'
import { isOfFeeds } from '../feed/query.ts'
import { FeedService } from '../feed/service.ts'
import type { HostView } from '../world.ts'
import type { Check } from './check.ts'

/** In order of the log. */
export type Judge = (asked: Asked) => void

/** The last judge is the one that writes down what was published: the others see the feeds as they were before. */
export function feedLog(ledger: Ledger, judges: readonly Judge[]): Check {
  return {
    name: 'feed-log',
    executed(host: HostView, executed: Executed) {
      const { entry } = executed
      if (entry.opNumber !== ledger.op + 1) return
      ledger.timesMs.push(entry.timeMs)
      noteFirsts(ledger, host)
      for (const asked of askedIn(executed)) for (const judge of judges) judge(asked)
    },
  }
}

function noteFirsts(ledger: Ledger, { replica }: HostView): void {
  const service = replica?.service
  if (!(service instanceof FeedService)) return
  for (const feed of ledger.feeds.keys()) ledger.noteFirst(feed, service.boundsOf(feed) ?? [])
}

/** Not those that were executed before, and are answered once more. */
function askedIn({ entry, answers }: Executed): Asked[] {
  const asked: Asked[] = []
  let rev: number = entry.revBefore
  entry.commands.forEach(({ kind, operation }, i) => {
    if (kind === 'operation') rev++
    const answer = answers[i]
    const line = kind === 'operation' ? text(operation) : ''
    if (!isOfFeeds(line) || answer?.type !== 'executed' || answer.rev !== rev) return
    const { lamport } = answer
    const told = decodeResult(answer.result)
    const isResult = told.type === 'result'
    asked.push({
      command: commandIn(line),
      result: isResult ? told.result : undefined,
      error: isResult ? undefined : { name: told.error.name, data: told.error.data as JsonObject },
      ...{ entry, rev, lamport },
    })
  })
  return asked
}
