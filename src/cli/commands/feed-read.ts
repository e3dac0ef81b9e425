/** feed read, tail and export: records that are there, and those to come. */
import type { FeedReadOptions, FeedRecord, Result } from '../../client/exports.ts'
import { recordsIn, resume } from '../../client/feed.ts'
import type { Run } from '../command.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { filterOf } from '../feed-filter.ts'
import { feedFrom } from '../feed-from.ts'
import type { Given } from '../given.ts'
import { printable, showValue } from '../value.ts'
import { reading } from './kv-read.ts'

const PAGE = 1_000

export const read: Run = async (context, [feed = ''], given) => {
  const limit = given.integer('limit') ?? 100
  const filter = filterOf(given.list('filter'))
  const records: FeedRecord[] = []
  let last: Result<'feed.read'> | undefined
  const isFiltered = limit === 0 || given.list('filter').length > 0
  const page = isFiltered ? PAGE : Math.min(limit, PAGE)
  for await (const answer of context.client().feed.pages(feed, { ...asked(given), page })) {
    last = answer
    records.push(...answer.records.filter(filter))
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

function asked(given: Given): FeedReadOptions {
  const [to, partition] = [given.integer('to'), given.integer('partition')]
  return { from: feedFrom(given, 'first'), to, partition, page: PAGE, ...reading(given) }
}

export const exportRecords: Run = async (context, [feed = ''], given) => {
  const filter = filterOf(given.list('filter'))
  let count = 0
  for await (const page of context.client().feed.pages(feed, asked(given))) {
    const lines = page.records.filter(filter)
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
  const params = {
    ...{ feed, from: feedFrom(given, -10) },
    ...(partition !== undefined && { partition }),
  }
  const how = { signal: stop.signal, resume }
  const events = context.client().subscribe('feed.subscribe', params, how)
  let seen = 0
  for await (const each of events) {
    if (each.type === 'open') {
      context.detail(`following through ${each.endpoint} from ${each.result['cursor']}`)
    } else if (each.type === 'lost') {
      context.note(`${each.endpoint}: ${each.reason}; connecting again`)
    } else {
      for (const record of recordsIn(each.event)
        .filter(filter)
        .slice(0, count - seen)) {
        show(context, record)
        seen++
      }
      if (seen >= count) stop.abort()
    }
  }
  return EXIT.ok
}

function show(context: Context, record: FeedRecord): void {
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

function row(record: FeedRecord): string[] {
  const { feed, partition, offset, timeMs, key, value } = record
  const time = new Date(Number(timeMs)).toISOString().slice(11, 23)
  const shownKey = key === undefined ? '' : printable(String(key))
  return [`${feed}/${partition}`, String(offset), time, shownKey, printable(showValue(value))]
}

/** For `$(…)`: text as it is, anything else as JSON. */
function bare({ value }: FeedRecord): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null)
}
