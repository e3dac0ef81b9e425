/** feed read, tail and export: records that are there, and those to come. */
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import type { Client } from '../../client/client.ts'
import { resume } from '../../client/watch.ts'
import type { Run } from '../command.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { type Filter, filterOf } from '../feed-filter.ts'
import { feedFrom } from '../feed-from.ts'
import type { Given } from '../given.ts'
import { readMeta } from '../read-meta.ts'
import { printable, showValue } from '../value.ts'

const PAGE = 1_000

export const read: Run = async (context, [feed = ''], given) => {
  const limit = given.integer('limit') ?? 100
  const filter = filterOf(given.list('filter'))
  const records: JsonObject[] = []
  let last: JsonObject = {}
  const size = limit === 0 || given.list('filter').length > 0 ? PAGE : Math.min(limit, PAGE)
  for await (const page of pages(context.client(), params(feed, given, size))) {
    last = page
    records.push(...recordsOf(page).filter(filter))
    if (limit !== 0 && records.length >= limit) break
  }
  const shown = limit === 0 ? records : records.slice(0, limit)
  context.output.print({
    whole: { ...last, records: shown },
    items: shown,
    ...(context.output.format === 'raw' && { raw: () => shown.map(bare).join('\n') }),
    people: () => ({
      titles: ['PLACE', 'OFFSET>', 'TIME', 'KEY', 'VALUE'],
      rows: shown.map(row),
    }),
  })
  return EXIT.ok
}

type ReadParams = JsonObject & { readonly feed: string }

function params(feed: string, given: Given, limit: number): ReadParams {
  const [to, partition] = [given.integer('to'), given.integer('partition')]
  return {
    ...{ feed, from: feedFrom(given, 'first'), limit, ...readMeta(given) },
    ...(to !== undefined && { to }),
    ...(partition !== undefined && { partition }),
  }
}

/** Up to what was there when it began. */
async function* pages(client: Client, first: ReadParams): AsyncGenerator<JsonObject> {
  let from = first['from']
  let end: Json | undefined
  for (;;) {
    const page = (await client.call('feed.read', {
      ...first,
      ...(from !== undefined && { from }),
    })) as unknown as JsonObject
    end ??= page['last']
    yield page
    from = page['next']
    if (recordsOf(page).length === 0 || isBehind(page['next'], end)) return
  }
}

function isBehind(next: Json | undefined, end: Json | undefined): boolean {
  if (!isObject(next)) return Number(next) > Number(end)
  return Object.entries(next).every(([partition, offset]) => {
    return isObject(end) && Number(offset) > Number(end[partition])
  })
}

const recordsOf = (page: JsonObject): JsonObject[] => page['records'] as JsonObject[]

export const exportRecords: Run = async (context, [feed = ''], given) => {
  const filter = filterOf(given.list('filter'))
  let count = 0
  for await (const page of pages(context.client(), params(feed, given, PAGE))) {
    const lines = recordsOf(page).filter(filter)
    count += lines.length
    if (lines.length > 0) {
      await context.terminal.dataTaken(`${lines.map(each => JSON.stringify(each)).join('\n')}\n`)
    }
    context.terminal.progress(`${count} records`)
  }
  context.terminal.progress('')
  context.note(`${count} records`)
  return EXIT.ok
}

export const tail: Run = async (context, [feed = ''], given) => {
  const count = given.integer('count', 1) ?? Number.POSITIVE_INFINITY
  const filter = filterOf(given.list('filter'))
  const partition = given.integer('partition')
  const stop = new AbortController()
  const asked = {
    ...{ feed, from: feedFrom(given, -10) },
    ...(partition !== undefined && { partition }),
  }
  const events = context
    .client()
    .subscribe('feed.subscribe', asked, { signal: stop.signal, resume })
  let seen = 0
  for await (const each of events) {
    if (each.type === 'open') {
      context.detail(`following through ${each.endpoint} from ${each.result['cursor']}`)
    } else if (each.type === 'lost') {
      context.note(`${each.endpoint}: ${each.reason}; connecting again`)
    } else {
      for (const record of shownOf(each.event, filter).slice(0, count - seen)) {
        show(context, record)
        seen++
      }
      if (seen >= count) stop.abort()
    }
  }
  return EXIT.ok
}

function shownOf(event: JsonObject, filter: Filter): JsonObject[] {
  const result = event['result']
  return isObject(result) ? recordsOf(result as JsonObject).filter(filter) : []
}

function show(context: Context, record: JsonObject): void {
  const { terminal, output } = context
  output.event({
    whole: record,
    ...(output.format === 'raw' && { raw: () => bare(record) }),
    people: () => {
      const [place = '', offset = '', time = '', key = '', value = ''] = row(record)
      const stamp = terminal.style(`${time} ${place} ${offset.padStart(6)}`, 'dim')
      return `${stamp}  ${key === '' ? '' : `${terminal.style(key, 'bold')} = `}${value}`
    },
  })
}

function row(record: JsonObject): string[] {
  const { feed, partition, offset, timeMs, key, value } = record
  const time = new Date(Number(timeMs)).toISOString().slice(11, 23)
  const shownKey = key === undefined ? '' : printable(String(key))
  return [`${feed}/${partition}`, String(offset), time, shownKey, printable(showValue(value))]
}

/** For `$(…)`: text as it is, anything else as JSON. */
function bare({ value }: JsonObject): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null)
}
