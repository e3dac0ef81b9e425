/** watch: changes of a key, a prefix or everything, as they are committed, over reconnections. */
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import { resume } from '../../client/watch.ts'
import type { Run } from '../command.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import type { Given } from '../given.ts'
import { UsageError } from '../usage-error.ts'
import { printable, showValue } from '../value.ts'

export const watch: Run = async (context, [key], given) => {
  if (given.flag('cluster')) {
    const { watchCluster } = await import('./watch-cluster.ts')
    return watchCluster(context)
  }
  const count = given.integer('count', 1) ?? Number.POSITIVE_INFINITY
  const stop = new AbortController()
  const params = {
    ...what(key, given),
    from: from(given),
    ...(given.flag('prev') && { prev: true }),
  }
  const events = context.client().subscribe('kv.watch', params, { signal: stop.signal, resume })
  let seen = 0
  for await (const each of events) {
    if (each.type === 'open') {
      const { startRev, cursor } = each.result
      context.detail(`watching through ${each.endpoint} from ${cursor ?? `rev ${startRev}`}`)
    } else if (each.type === 'lost') {
      context.note(`${each.endpoint}: ${each.reason}; connecting again`)
    } else {
      show(context, each.event)
      if (++seen >= count) stop.abort()
    }
  }
  return EXIT.ok
}

function what(key: string | undefined, given: Given): JsonObject {
  const prefix = given.text('prefix')
  if (key !== undefined && prefix !== undefined) {
    throw new UsageError('give a KEY or --prefix, not both')
  }
  return key === undefined ? { prefix: prefix ?? '' } : { key }
}

function from(given: Given): string | number {
  const text = given.text('from') ?? 'now'
  if (text === 'now' || text === 'first') return text
  if (/^\d+$/.test(text)) return Number(text)
  if (text.startsWith('@')) return text
  throw new UsageError(
    `${given.where('from')} must be now, first, a rev or a cursor, not '${text}'`,
  )
}

function show(context: Context, event: JsonObject): void {
  const { rev, shard, cursor, view, op, timeMs, result } = event
  const where = cursor === undefined ? {} : { shard, cursor }
  const body = isObject(result) ? (result as JsonObject) : {}
  const changes = (body['changes'] ?? body['events'] ?? [result]) as readonly Json[]
  for (const change of changes) {
    if (!isObject(change)) continue
    const flat = { rev, ...where, view, op, timeMs, ...change } as JsonObject
    context.output.event({ whole: flat, people: () => line(context, flat) })
  }
}

function line(context: Context, change: JsonObject): string {
  const { rev, key, value, prev } = change
  const name = context.terminal.style(printable(String(key)), 'bold')
  const stamp = context.terminal.style(`rev ${rev}`.padEnd(10), 'dim')
  const before =
    prev === undefined ? '' : context.terminal.style(`  (was ${printable(showValue(prev))})`, 'dim')
  if (value === undefined)
    return `${stamp} ${name} ${context.terminal.style('deleted', 'red')}${before}`
  return `${stamp} ${name} = ${printable(showValue(value))}${before}`
}
