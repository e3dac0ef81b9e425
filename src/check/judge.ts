/** A whole history judged: each workload by what must hold for it, and what is wrong made small. */
import { appendFinding, type Finding } from './append.ts'
import { groupBy, intervalOf, type RecordedOp, WORKLOADS, type Workload } from './history.ts'
import type { Model } from './model.ts'
import { type Asked, bank, counter, register } from './models.ts'
import { revisionFinding } from './revisions.ts'
import { isLinearizable } from './search.ts'
import { smallestBad } from './shrink.ts'

export interface Problem extends Finding {
  readonly workload: Workload | 'all'
  /** Undefined: it is about several. */
  readonly key: string | undefined
  /** bad: it cannot be · unknown: it could not be decided. */
  readonly kind: 'bad' | 'unknown'
}

export interface WorkloadVerdict {
  readonly workload: Workload
  readonly keys: number
  readonly ok: number
  readonly failed: number
  readonly unknown: number
  readonly verdict: 'ok' | 'bad' | 'unknown'
}

export interface Judgement {
  readonly verdict: 'ok' | 'bad' | 'unknown'
  readonly workloads: readonly WorkloadVerdict[]
  readonly problems: readonly Problem[]
}

export function judge(ops: readonly RecordedOp[]): Judgement {
  const byWorkload = groupBy(ops, op => op.workload)
  const problems: Problem[] = []
  const workloads: WorkloadVerdict[] = []
  for (const workload of WORKLOADS) {
    const mine = byWorkload.get(workload)
    if (mine === undefined) continue
    const byKey = groupBy(mine, op => op.key)
    const found = [...byKey].flatMap(([key, history]) => problemsOf(workload, key, history))
    problems.push(...found)
    const count = (status: RecordedOp['status']): number =>
      mine.filter(op => op.status === status).length
    workloads.push({
      workload,
      keys: byKey.size,
      ok: count('ok'),
      failed: count('fail'),
      unknown: count('info'),
      verdict: worst(found),
    })
  }
  const revisions = revisionFinding(ops)
  if (revisions !== undefined) {
    problems.push({ ...revisions, workload: 'all', key: undefined, kind: 'bad' })
  }
  return { verdict: worst(problems), workloads, problems }
}

function worst(problems: readonly Problem[]): Judgement['verdict'] {
  if (problems.some(problem => problem.kind === 'bad')) return 'bad'
  return problems.length > 0 ? 'unknown' : 'ok'
}

function problemsOf(workload: Workload, key: string, history: readonly RecordedOp[]): Problem[] {
  const bad = (finding: Finding | undefined): Problem[] =>
    finding === undefined ? [] : [{ ...finding, workload, key, kind: 'bad' }]
  switch (workload) {
    case 'register':
      return searched(register, workload, key, history)
    case 'counter':
      return searched(counter, workload, key, history)
    case 'append':
      return bad(appendFinding(history))
    case 'bank': {
      const total = bad(totalFinding(history))
      return total.length > 0 ? total : searched(bank, workload, key, history)
    }
  }
}

/** Money is moved, never made: the sum of every look at all accounts is that of the first balances. */
function totalFinding(history: readonly RecordedOp[]): Finding | undefined {
  const sum = (balances: unknown): number =>
    Array.isArray(balances) ? balances.reduce((a, b) => a + Number(b), 0) : 0
  const opened = history.find(op => op.op === 'open' && op.status === 'ok')
  if (opened === undefined) return undefined
  const expected = sum(opened.args[0])
  const read = history.find(
    ({ op, status, result }) =>
      op === 'get' && status === 'ok' && result !== null && sum(result) !== expected,
  )
  if (read === undefined) return undefined
  return { what: `the accounts hold ${sum(read.result)}, not ${expected}`, ops: [opened, read] }
}

function searched(
  model: Model<Asked>,
  workload: Workload,
  key: string,
  history: readonly RecordedOp[],
): Problem[] {
  const intervals = history.map(intervalOf).filter(each => each !== undefined)
  const { linearizable, stuckAt, steps } = isLinearizable(model, intervals)
  if (linearizable === 'yes') return []
  if (linearizable === 'unknown') {
    const what = `not decided after ${steps} steps`
    return [{ workload, key, kind: 'unknown', what, ops: [] }]
  }
  const loose = workload === 'register' ? looseWrites : () => forget
  const { needed, loosened } = smallestBad<Sourced>(model, intervals, stuckAt, loose)
  const shown = needed.map(({ op }) => op.source)
  const others = loosened.map(({ op }) => op.source).filter(op => explains(op, shown))
  const failed = history.filter(op => op.status === 'fail' && explains(op, shown))
  const what = 'no order of these operations gives these results'
  return [{ workload, key, kind: 'bad', what, ops: [...shown, ...others, ...failed] }]
}

type Sourced = Asked & { readonly source: RecordedOp }

const forget = (op: Sourced): Sourced => ({ ...op, result: undefined })

/** Some value that nobody mentions. */
const OTHER = '\u0000'

/** Of writes to a register only the value counts, and only to those who mention it. */
function looseWrites(needed: readonly Sourced[]): (op: Sourced) => Sourced {
  const mentioned = new Set(
    needed.map(({ op, args, result }) => JSON.stringify((op === 'get' ? result : args[0]) ?? null)),
  )
  return op => {
    const value = (op.op === 'cas' ? op.args[1] : op.args[0]) ?? null
    const args = [mentioned.has(JSON.stringify(value)) ? value : OTHER]
    return { ...op, op: 'put', args, result: undefined }
  }
}

/** Where a register's value came from, if the write itself is not part of the contradiction. */
function explains(write: RecordedOp, shown: readonly RecordedOp[]): boolean {
  if (write.workload !== 'register' || write.op === 'get') return false
  const value = JSON.stringify(write.op === 'cas' ? write.args[1] : write.args[0])
  const isWritten = shown.some(
    ({ op, args }) => op !== 'get' && JSON.stringify(op === 'cas' ? args[1] : args[0]) === value,
  )
  const isRead = shown.some(({ op, result }) => op === 'get' && JSON.stringify(result) === value)
  return isRead && !isWritten
}
