/**
 * What clients asked a cluster and what they were told, one operation a line (docs/check.md). The text
 * form is JSON lines; the order of the lines does not matter.
 */
import { isObject, type Json } from '../base/json.ts'
import { parseLines } from './lines.ts'
import type { Interval } from './model.ts'
import type { Asked } from './models.ts'

export const WORKLOADS = ['register', 'counter', 'append', 'bank'] as const
export type Workload = (typeof WORKLOADS)[number]

export interface RecordedOp {
  readonly workload: Workload
  /** Who asked; a client has one operation under way at a time. */
  readonly client: number
  readonly key: string
  readonly op: string
  readonly args: readonly Json[]
  /** Milliseconds since the run began. */
  readonly called: number
  /** null: no answer came. */
  readonly returned: number | null
  /** ok: done · fail: not done, for certain · info: perhaps done, or done with a result nobody heard. */
  readonly status: 'ok' | 'fail' | 'info'
  /** What the error said of the write. */
  readonly outcome?: 'none' | 'unknown' | 'applied'
  readonly result?: Json
  /** Of a write: its rev. Of a read: the rev of what was read. */
  readonly rev?: number
  readonly shard?: string
  readonly node?: string
  readonly session?: string
  readonly seq?: number
  readonly error?: string
}

const OPS: Readonly<Record<Workload, readonly string[]>> = {
  register: ['get', 'put', 'cas', 'del'],
  counter: ['get', 'incr'],
  append: ['get', 'append'],
  bank: ['get', 'open', 'transfer'],
}

export function formatOp(op: RecordedOp): string {
  return JSON.stringify(op)
}

/** Throws an Error that names the line. Empty lines are none. */
export const parseHistory = (text: string): RecordedOp[] => parseLines<RecordedOp>(text, problemOf)

function problemOf(value: unknown): string | undefined {
  if (!isObject(value)) return 'must be an object'
  const { workload, client, key, op, args, called, returned, status, outcome, rev } = value
  const known = WORKLOADS.find(each => each === workload)
  const isTime = (time: unknown): boolean => typeof time === 'number' && Number.isFinite(time)
  if (known === undefined) return `workload must be one of ${WORKLOADS.join(', ')}`
  if (!OPS[known].includes(String(op))) return `op must be one of ${OPS[known].join(', ')}`
  if (!Number.isSafeInteger(client)) return 'client must be a whole number'
  if (typeof key !== 'string') return 'key must be a text'
  if (!Array.isArray(args)) return 'args must be a list'
  if (!isTime(called)) return 'called must be a number, in milliseconds'
  if (returned !== null && !isTime(returned)) return 'returned must be a number or null'
  if (!['ok', 'fail', 'info'].includes(String(status))) return 'status must be ok, fail or info'
  if (!['undefined', 'none', 'unknown', 'applied'].includes(String(outcome))) {
    return 'outcome must be none, unknown or applied'
  }
  if (status === 'ok' && returned === null) return 'what is ok has returned'
  if (returned !== null && (returned as number) < (called as number))
    return 'returned before called'
  return rev === undefined || Number.isSafeInteger(rev) ? undefined : 'rev must be a whole number'
}

/** When it may have taken effect. Undefined: it has not, or says nothing. */
export function intervalOf(op: RecordedOp): Interval<Asked & { source: RecordedOp }> | undefined {
  const { called, returned, status, outcome } = op
  if (status === 'fail' || (op.op === 'get' && status !== 'ok')) return undefined
  const { op: name, args, result } = op
  const asked = { op: name, args, result: status === 'ok' ? result : undefined, source: op }
  const isOver = status === 'ok' || outcome === 'applied'
  return { op: asked, called, returned: isOver ? (returned ?? Infinity) : Infinity }
}

export function groupBy<T, K>(items: Iterable<T>, keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group) group.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups
}
