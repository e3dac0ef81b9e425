/** The verdict of one check: what was done, what is wrong, and whether it was enough to say so. */
import type { JsonObject } from '../../base/json.ts'
import { explain } from '../../check/explain.ts'
import type { RecordedOp } from '../../check/history.ts'
import { type Judgement, judge } from '../../check/judge.ts'
import type { Table } from '../table.ts'
import type { Agreement } from './agree.ts'

export interface Report {
  readonly verdict: 'ok' | 'bad' | 'unknown' | 'too little'
  readonly judgement: Judgement
  /** Sentences, the worst first. */
  readonly findings: readonly string[]
}

/** As the command shows it. */
export interface Shown {
  readonly verdict: Report['verdict']
  readonly findings: readonly string[]
  readonly table: Table
  readonly whole: JsonObject
}

/** Beside the judged history: what only a live cluster can say. */
export interface Circumstances {
  readonly lies: readonly string[]
  readonly unread: readonly string[]
  readonly agreed: Agreement
  /** How often each fault was put in; undefined: none was asked for. */
  readonly faults: ReadonlyMap<string, number> | undefined
  /** Acknowledged operations that a check of this length must reach. */
  readonly least: number
}

/** Problems shown in full. */
const SHOWN_MAX = 5
/** Nothing is broken on purpose before; what is done by then says how fast machine and network are. */
export const CALM_MS = 1_500
/** Of the rate at that time, over the whole check; a cluster that is broken all the time reaches it too. */
const SHARE = 0.04
/** Acknowledged a second by 16 clients: fewer prove nothing on any machine, more are asked of none. */
const OPS_PER_SECOND = [5, 80] as const

/** How many operations a check with this history had to get acknowledged. */
export function leastOps(
  ops: readonly Pick<RecordedOp, 'status' | 'returned'>[],
  asked: { readonly durationMs: number; readonly clients: number; readonly opsMax: number },
): number {
  const calmMs = Math.min(CALM_MS, asked.durationMs / 4)
  const isCalm = ({ status, returned }: Pick<RecordedOp, 'status' | 'returned'>): boolean =>
    status === 'ok' && returned !== null && returned <= calmMs
  const calmPerSecond = (1000 * ops.filter(isCalm).length) / calmMs
  const [low, high] = OPS_PER_SECOND.map(each => each * Math.min(1, asked.clients / 16))
  const perSecond = Math.min(Math.max(SHARE * calmPerSecond, low as number), high as number)
  return Math.floor(Math.min((perSecond * asked.durationMs) / 1000, asked.opsMax / 2))
}

export function reportOf(ops: readonly RecordedOp[], live?: Circumstances): Report {
  const judgement = judge(ops)
  const { problems } = judgement
  const bad = problems.filter(problem => problem.kind === 'bad').map(explain)
  const open = problems.filter(problem => problem.kind === 'unknown').map(explain)
  const few: string[] = []
  if (live !== undefined) {
    bad.push(...live.lies)
    if (live.agreed.verdict === 'no') bad.push(`the nodes differ: ${live.agreed.text}`)
    if (live.agreed.verdict === 'unknown') open.push(`not compared: ${live.agreed.text}`)
    if (live.unread.length > 0) open.push(`${live.unread.length} keys could not be read at the end`)
    few.push(...tooFew(judgement, live.least))
    if (live.faults?.size === 0) few.push('no fault was put in: the load was too short for one')
  }
  const isAnything = ops.some(({ status }) => status === 'ok')
  if (live === undefined && !isAnything) few.push('nothing in this history was acknowledged')
  const verdict =
    bad.length > 0 ? 'bad' : open.length > 0 ? 'unknown' : few.length > 0 ? 'too little' : 'ok'
  return { verdict, judgement, findings: [...shortened(bad), ...shortened(open), ...few] }
}

export function shortened(findings: readonly string[]): readonly string[] {
  const more = findings.length - SHOWN_MAX
  return more > 0 ? [...findings.slice(0, SHOWN_MAX), `… and ${more} more like these`] : findings
}

/** A run that did little proves little. */
function tooFew({ workloads }: Judgement, least: number): readonly string[] {
  const ok = workloads.reduce((sum, each) => sum + each.ok, 0)
  const few = [
    ...(ok < least ? [`${ok} operations were acknowledged, fewer than ${least}`] : []),
    ...(workloads.length < 4 ? [`only ${workloads.length} of 4 workloads did anything`] : []),
  ]
  const each = Math.max(1, Math.floor(least / 40))
  const slack = workloads.filter(({ ok: done }) => done < each)
  return [
    ...few,
    ...slack.map(
      ({ workload, ok: done }) => `${workload}: ${done} acknowledged, fewer than ${each}`,
    ),
  ]
}

export const shownOf = (report: Report): Shown => ({
  verdict: report.verdict,
  findings: report.findings,
  table: tableOf(report),
  whole: wholeOf(report),
})

function tableOf({ judgement }: Report): Table {
  const row = (
    name: string,
    keys: number,
    [ok, unknown, failed]: readonly [number, number, number],
    verdict: string,
  ): string[] => [name, ...[keys, ok + unknown + failed, ok, unknown, failed].map(String), verdict]
  const rows = judgement.workloads.map(each =>
    row(each.workload, each.keys, [each.ok, each.unknown, each.failed], each.verdict),
  )
  const sum = (of: 'keys' | 'ok' | 'unknown' | 'failed'): number =>
    judgement.workloads.reduce((total, each) => total + each[of], 0)
  rows.push(row('all', sum('keys'), [sum('ok'), sum('unknown'), sum('failed')], judgement.verdict))
  return { titles: ['WORKLOAD', 'KEYS>', 'OPS>', 'OK>', 'UNKNOWN>', 'FAILED>', 'VERDICT'], rows }
}

function wholeOf({ verdict, judgement, findings }: Report): JsonObject {
  const workloads = judgement.workloads.map(each => ({ ...each }))
  const problems = judgement.problems.map(({ workload, key, kind, what, ops }) => ({
    workload,
    key,
    kind,
    what,
    ops: ops.map(op => ({ ...op })),
  }))
  return { verdict, workloads, findings, problems }
}
