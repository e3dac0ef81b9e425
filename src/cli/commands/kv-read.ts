/** get, ls, hash: reads, linearizable unless told otherwise. */
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import type { Run } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import type { Given } from '../given.ts'
import { UsageError } from '../usage-error.ts'
import { printable, showValue } from '../value.ts'

/** Keys asked for in one call of `ls`; the answer stays small, the list does not have to. */
const PAGE = 1_000

export const get: Run = async (context, [key = ''], given) => {
  const answer = await context.client().call('kv.get', { key, ...meta(given) })
  const kv = answer['kv']
  if (!isObject(kv)) {
    if (context.output.wantsJson) context.output.print({ whole: answer, people: () => '' })
    context.note(`${showValue(key)} is not there`)
    return EXIT.notFound
  }
  const value = kv['value'] as Json
  context.detail(`rev ${kv['rev']}, created at rev ${kv['createRev']}, version ${kv['version']}`)
  context.output.print({
    whole: answer,
    items: [kv as Json],
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
  const range = { ...rangeOf(prefix, given), ...(given.flag('reverse') && { reverse: true }) }
  if (given.flag('count')) {
    const answer = await context.client().call('kv.range', {
      ...range,
      countOnly: true,
      ...meta(given),
    })
    const count = String(answer['count'] ?? 0)
    context.output.print({ whole: answer, raw: () => count, people: () => count })
    return EXIT.ok
  }
  const client = context.client()
  const kvs: JsonObject[] = []
  let last: JsonObject = {}
  for await (const page of pages(params => client.call('kv.range', params), {
    ...range,
    ...(keysOnly && { keysOnly }),
    ...meta(given),
    limit: limit === 0 ? PAGE : Math.min(limit, PAGE),
  })) {
    last = page
    kvs.push(...kvsOf(page))
    if (limit !== 0 && kvs.length >= limit) break
  }
  const shown = limit === 0 ? kvs : kvs.slice(0, limit)
  const more = last['more'] === true || shown.length < kvs.length
  context.output.print({
    whole: { ...last, kvs: shown, more },
    items: shown,
    ...(keysOnly && { raw: () => shown.map(kv => String(kv['key'])).join('\n') }),
    people: () =>
      keysOnly
        ? shown.map(kv => printable(String(kv['key']))).join('\n')
        : { titles: ['KEY', 'VALUE', 'REV>'], rows: shown.map(row) },
  })
  if (more) context.note(`there are more; --limit 0 shows all`)
  return EXIT.ok
}

export const hash: Run = async (context, _args, given) => {
  const answer = await context.client().call('kv.hash', meta(given))
  const shown = `${answer['hash']} at op ${answer['op']}`
  context.output.print({ whole: answer, people: () => shown })
  return EXIT.ok
}

/** Pages of kv.range until there are no more. */
export async function* pages(
  call: (params: JsonObject) => Promise<JsonObject>,
  params: JsonObject,
): AsyncGenerator<JsonObject> {
  let cursor: Json | undefined
  do {
    const page = await call({ ...params, ...(cursor !== undefined && { cursor }) })
    yield page
    cursor = page['more'] === true ? page['cursor'] : undefined
  } while (cursor !== undefined)
}

export function kvsOf(page: JsonObject): JsonObject[] {
  const kvs = page['kvs']
  return Array.isArray(kvs) ? (kvs as JsonObject[]) : []
}

export function rangeOf(prefix: string | undefined, given: Given): JsonObject {
  const [start, end] = [given.text('start'), given.text('end')]
  if (start === undefined && end === undefined) return { prefix: prefix ?? '' }
  if (prefix !== undefined) throw new UsageError('give a PREFIX or --start/--end, not both')
  return { ...(start !== undefined && { start }), ...(end !== undefined && { end }) }
}

export function meta(given: Given): JsonObject {
  const consistency = given.choice('consistency', ['linearizable', 'session', 'local'])
  const minRev = given.integer('minRev')
  if (consistency === undefined && minRev === undefined) return {}
  return {
    meta: {
      consistency: consistency ?? 'session',
      ...(minRev !== undefined && { minRev }),
    },
  }
}

function row(kv: Readonly<Record<string, unknown>>): string[] {
  const { key, value, rev } = kv as Record<string, Json>
  return [printable(String(key)), printable(showValue(value)), String(rev)]
}

/** What `$(viewstamp get x)` should be: text as it is, anything else as JSON. */
function bare(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
