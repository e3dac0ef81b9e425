/** feed create, ls, info, update, rm, truncate. */
import type { JsonObject } from '../../base/json.ts'
import type { Params, Result } from '../../client/exports.ts'
import { formatDuration, formatSize, parseDuration, parseSize } from '../../daemon/units.ts'
import type { Run } from '../command.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { feedFrom } from '../feed-from.ts'
import type { Given } from '../given.ts'
import { UsageError } from '../usage-error.ts'
import { reading } from './kv-read.ts'

export const create: Run = async (context, [feed = ''], given) => {
  const partitions = given.integer('partitions', 1)
  const answer = await context.client().feed.create(feed, {
    ...keeping(given),
    ...(partitions !== undefined && { partitions }),
    ...(given.flag('compact') && { compact: 'key' }),
  })
  printConfig(context, answer)
  return EXIT.ok
}

export const update: Run = async (context, [feed = ''], given) => {
  const changes = keeping(given)
  if (Object.keys(changes).length === 0) {
    throw new UsageError('say what to change: --keep, --keep-bytes, --keep-records or --dedupe')
  }
  printConfig(context, await context.client().feed.update(feed, changes))
  return EXIT.ok
}

type Keeping = Pick<Params<'feed.update'>, 'retention' | 'dedupeMs'>

/** `none` takes a bound away. */
function keeping(given: Given): Keeping {
  const bound = (name: string, parse: (text: string) => number | undefined) => {
    const text = given.text(name)
    if (text === undefined) return undefined
    if (text === 'none') return null
    const value = parse(text)
    if (value !== undefined) return value
    throw new UsageError(`${given.where(name)} is not understood: '${text}'`)
  }
  const whole = (text: string) => (/^\d{1,15}$/.test(text) ? Number(text) : undefined)
  const retention: Keeping['retention'] = {
    ageMs: bound('keep', parseDuration),
    bytes: bound('keepBytes', parseSize),
    records: bound('keepRecords', whole),
  }
  const dedupeMs = given.duration('dedupe')
  const isGiven = Object.values(retention).some(each => each !== undefined)
  return { ...(isGiven && { retention }), ...(dedupeMs !== undefined && { dedupeMs }) }
}

function printConfig(context: Context, answer: Result<'feed.update'>): void {
  const shown = `${answer.feed}: ${describe(answer.config)}`
  context.output.print({ whole: answer, people: () => shown })
}

type Config = Result<'feed.info'>['config']

function describe({ partitions, retention, compact, dedupeMs }: Config): string {
  const { ageMs, bytes, records } = retention as Readonly<Record<string, number | undefined>>
  const bounds = [
    ...(ageMs === undefined ? [] : [formatDuration(ageMs)]),
    ...(bytes === undefined ? [] : [formatSize(bytes)]),
    ...(records === undefined ? [] : [`${records} records`]),
  ]
  return [
    partitions === 1 ? '1 partition' : `${partitions} partitions`,
    compact === 'key' ? 'the last record of each key' : 'all records',
    bounds.length === 0 ? 'kept for good' : `kept within ${bounds.join(', ')}`,
    `ids for ${formatDuration(dedupeMs)}`,
  ].join(', ')
}

export const list: Run = async (context, [prefix = ''], given) => {
  const answer = await context.client().feed.list(prefix, reading(given))
  const { feeds } = answer
  context.output.print({
    whole: answer,
    items: feeds,
    people: () => ({
      titles: ['FEED', 'PARTITIONS>', 'RECORDS>', 'BYTES>', 'KEPT'],
      rows: feeds.map(({ feed, config, records, bytes }) => {
        const kept = describe(config).split(', ').slice(1, -1).join(', ')
        return [feed, String(config.partitions), String(records), String(bytes), kept]
      }),
    }),
  })
  return EXIT.ok
}

export const info: Run = async (context, [feed = ''], given) => {
  const answer = await context.client().feed.info(feed, reading(given))
  const names = ['partition', 'shard', 'first', 'next', 'records', 'bytes'] as const
  context.detail(describe(answer.config))
  context.output.print({
    whole: answer,
    people: () => ({
      titles: ['PARTITION>', 'SHARD', 'FIRST>', 'NEXT>', 'RECORDS>', 'BYTES>'],
      rows: answer.partitions.map(each => names.map(name => String(each[name]))),
    }),
  })
  return EXIT.ok
}

export const remove: Run = async (context, [feed = '']) => {
  const answer = await context.client().feed.delete(feed)
  context.output.print({ whole: answer, people: () => `${feed} is deleted` })
  return EXIT.ok
}

export const truncate: Run = async (context, [feed = ''], given) => {
  const before = feedFrom(given, null, 'before')
  const isTime = typeof before === 'object' && before !== null && !Array.isArray(before)
  if (!isTime && (typeof before !== 'number' || before < 0)) {
    throw new UsageError('say what goes with --before: an offset, or @TIME')
  }
  const partition = given.integer('partition')
  const answer = await context.client().feed.truncate(feed, {
    ...(isTime
      ? { beforeTimeMs: Number((before as JsonObject)['timeMs']) }
      : { beforeOffset: Number(before) }),
    ...(partition !== undefined && { partition }),
  })
  const first = JSON.stringify(answer.first)
  context.output.print({ whole: answer, people: () => `${feed} begins at ${first}` })
  return EXIT.ok
}
