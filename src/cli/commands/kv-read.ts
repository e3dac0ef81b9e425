/** get, ls, hash: reads, linearizable unless told otherwise. */
import type { Json } from '../../base/json.ts'
import type { CallOptions, KeyValue, Result, Span } from '../../client/exports.ts'
import type { Run } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import type { Given } from '../given.ts'
import { UsageError } from '../usage-error.ts'
import { printable, showValue } from '../value.ts'

/** Keys asked for in one call of `ls`; the answer stays small, the list does not have to. */
const PAGE = 1_000

export const get: Run = async (context, [key = ''], given) => {
  const answer = await context.client().kv.get(key, reading(given))
  const { kv } = answer
  if (kv === null) {
    if (context.output.wantsJson) context.output.print({ whole: answer, people: () => '' })
    context.note(`${showValue(key)} is not there`)
    return EXIT.notFound
  }
  const value = kv.value ?? null
  context.detail(`rev ${kv.rev}, created at rev ${kv.createRev}, version ${kv.version}`)
  context.output.print({
    whole: answer,
    items: [kv],
    raw: () => bare(value),
    people: () =>
      context.output.format === 'table'
        ? { titles: ['KEY', 'VALUE', 'REV>'], rows: [row(kv)] }
        : printable(bare(value)),
  })
  return EXIT.ok
}

export const list: Run = async (context, [prefix], given) => {
  const limit = given.integer('limit') ?? 1_000
  const keysOnly = given.flag('keysOnly') === true
  const span = rangeOf(prefix, given)
  const { kv } = context.client()
  if (given.flag('count')) {
    const answer = await kv.count({ ...span, ...reading(given) })
    const count = String(answer.count ?? 0)
    context.output.print({ whole: answer, raw: () => count, people: () => count })
    return EXIT.ok
  }
  const kvs: KeyValue[] = []
  let last: Result<'kv.range'> | undefined
  for await (const page of kv.pages({
    ...span,
    ...reading(given),
    ...(given.flag('reverse') && { reverse: true }),
    ...(keysOnly && { keysOnly }),
    ...(limit !== 0 && { limit }),
    page: PAGE,
  })) {
    last = page
    kvs.push(...page.kvs)
  }
  const more = last?.more === true
  context.output.print({
    whole: { ...last, kvs, more },
    items: kvs,
    ...(keysOnly && { raw: () => kvs.map(({ key }) => key).join('\n') }),
    people: () =>
      keysOnly
        ? kvs.map(({ key }) => printable(key)).join('\n')
        : { titles: ['KEY', 'VALUE', 'REV>'], rows: kvs.map(row) },
  })
  if (more) context.note(`there are more; --limit 0 shows all`)
  return EXIT.ok
}

export const hash: Run = async (context, _args, given) => {
  const answer = await context.client().kv.hash(reading(given))
  const shown = `${answer.hash} at op ${answer.op}`
  context.output.print({ whole: answer, people: () => shown })
  return EXIT.ok
}

export function rangeOf(prefix: string | undefined, given: Given): Span {
  const [start, end] = [given.text('start'), given.text('end')]
  if (start === undefined && end === undefined) return { prefix: prefix ?? '' }
  if (prefix !== undefined) throw new UsageError('give a PREFIX or --start/--end, not both')
  return { ...(start !== undefined && { start }), ...(end !== undefined && { end }) }
}

/** How fresh a read must be; a minimal rev says `session`. */
export function reading(given: Given): CallOptions {
  const consistency = given.choice('consistency', ['linearizable', 'session', 'local'])
  const minRev = given.integer('minRev')
  return minRev === undefined ? { consistency } : { consistency: consistency ?? 'session', minRev }
}

function row({ key, value, rev }: KeyValue): string[] {
  return [printable(key), printable(showValue(value ?? null)), String(rev)]
}

/** What `$(viewstamp get x)` should be: text as it is, anything else as JSON. */
function bare(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
