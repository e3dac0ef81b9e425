/** The verdict of a check of a feed, as it is shown. */
import type { JsonObject } from '../../base/json.ts'
import type { FeedFact, FeedPage, FeedPublish } from '../../check/feed-history.ts'
import { explainFeed, judgeFeed } from '../../check/feed-judge.ts'
import { type Circumstances, type Report, type Shown, shortened } from './report.ts'

type Asked = FeedPublish | FeedPage

const KINDS = ['publish', 'stream', 'look', 'whole'] as const
const kindOf = (fact: Asked): string => (fact.type === 'publish' ? fact.type : fact.kind)

/** Those of the load: what is read at the end is no proof that much was done. */
export const loadOf = (facts: readonly FeedFact[]): Asked[] =>
  askedIn(facts).filter(fact => kindOf(fact) !== 'whole')

const askedIn = (facts: readonly FeedFact[]): Asked[] =>
  facts.filter((fact): fact is Asked => fact.type === 'publish' || fact.type === 'page')

export const statusOf = (fact: Asked): FeedPublish['status'] =>
  fact.type === 'publish' ? fact.status : 'ok'

export function feedReport(facts: readonly FeedFact[], live?: Circumstances): Shown {
  const { verdict: judged, problems } = judgeFeed(facts)
  const bad = problems.map(explainFeed)
  const open: string[] = []
  const few: string[] = []
  if (judged === 'unknown') {
    open.push('no partition was read to its end: nothing can be said of what is lost')
  }
  if (live !== undefined) {
    bad.push(...live.lies)
    if (live.agreed.verdict === 'no') bad.push(`the nodes differ: ${live.agreed.text}`)
    if (live.agreed.verdict === 'unknown') open.push(`not compared: ${live.agreed.text}`)
    for (const what of live.unread) open.push(`${what} could not be read at the end`)
    few.push(...tooFew(facts, live))
  }
  const verdict: Report['verdict'] =
    bad.length > 0 ? 'bad' : open.length > 0 ? 'unknown' : few.length > 0 ? 'too little' : 'ok'
  const rows = KINDS.map(kind => rowOf(facts, kind)).filter(({ asked }) => asked > 0)
  return {
    verdict,
    findings: [...shortened(bad), ...shortened(open), ...few],
    table: {
      titles: ['FEED', 'CALLS>', 'RECORDS>', 'OK>', 'UNKNOWN>', 'FAILED>'],
      rows: rows.map(row => Object.values(row).map(String)),
    },
    whole: { verdict, calls: rows, problems: problems as unknown as JsonObject[] } as JsonObject,
  }
}

function tooFew(facts: readonly FeedFact[], { least, faults }: Circumstances): string[] {
  const done = loadOf(facts).filter(fact => statusOf(fact) === 'ok')
  const few: string[] = []
  if (done.length < least) few.push(`${done.length} calls were answered, fewer than ${least}`)
  for (const kind of ['publish', 'stream', 'look']) {
    if (!done.some(fact => kindOf(fact) === kind)) few.push(`no ${kind} was answered`)
  }
  if (faults?.size === 0) few.push('no fault was put in: the load was too short for one')
  return few
}

function rowOf(facts: readonly FeedFact[], kind: string) {
  const own = askedIn(facts).filter(fact => kindOf(fact) === kind)
  const count = (status: string): number => own.filter(fact => statusOf(fact) === status).length
  const records = own.reduce(
    (sum, fact) => sum + (fact.type === 'page' ? fact.records.length : 1),
    0,
  )
  const [ok, unknown, failed] = [count('ok'), count('info'), count('fail')]
  return { kind, asked: own.length, records, ok, unknown, failed }
}
