/** feed create, ls, info, update, rm, truncate. */
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import { formatDuration, formatSize, parseDuration, parseSize } from '../../daemon/units.ts'
import type { Run } from '../command.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { feedFrom } from '../feed-from.ts'
import type { Given } from '../given.ts'
import { readMeta } from '../read-meta.ts'
import { UsageError } from '../usage-error.ts'

export const create: Run = async (context, [feed = ''], given) => {
  const partitions = given.integer('partitions', 1)
  const answer = await context.client().call('feed.create', {
    ...{ feed, ...keeping(given) },
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
  printConfig(context, await context.client().call('feed.update', { feed, ...changes }))
  return EXIT.ok
}

/** `none` takes a bound away. */
function keeping(given: Given): JsonObject {
  const bound = (name: string, parse: (text: string) => number | undefined) => {
    const text = given.text(name)
    if (text === undefined) return undefined
    if (text === 'none') return null
    const value = parse(text)
    if (value !== undefined) return value
    throw new UsageError(`${given.where(name)} is not understood: '${text}'`)
  }
  const whole = (text: string) => (/^\d{1,15}$/.test(text) ? Number(text) : undefined)
  const retention: JsonObject = {
    ageMs: bound('keep', parseDuration),
    bytes: bound('keepBytes', parseSize),
    records: bound('keepRecords', whole),
  }
  const dedupeMs = given.duration('dedupe')
  const isGiven = Object.values(retention).some(each => each !== undefined)
  return { ...(isGiven && { retention }), ...(dedupeMs !== undefined && { dedupeMs }) }
}

function printConfig(context: Context, answer: JsonObject): void {
  const shown = `${answer['feed']}: ${describe(answer['config'] as unknown as Config)}`
  context.output.print({ whole: answer, people: () => shown })
}

interface Config {
  readonly partitions: number
  readonly retention: {
    readonly ageMs?: number
    readonly bytes?: number
    readonly records?: number
  }
  readonly compact: string
  readonly dedupeMs: number
}

function describe({ partitions, retention, compact, dedupeMs }: Config): string {
  const { ageMs, bytes, records } = retention
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
  const answer = await context.client().call('feed.list', { prefix, ...readMeta(given) })
  const feeds = answer['feeds'] as unknown as Listed[]
  context.output.print({
    whole: answer,
    items: feeds as unknown as Json[],
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

interface Listed {
  readonly feed: string
  readonly config: Config
  readonly records: number
  readonly bytes: number
}

export const info: Run = async (context, [feed = ''], given) => {
  const answer = await context.client().call('feed.info', { feed, ...readMeta(given) })
  const partitions = answer['partitions'] as unknown as Record<string, Json>[]
  const names = ['partition', 'shard', 'first', 'next', 'records', 'bytes']
  context.detail(describe(answer['config'] as unknown as Config))
  context.output.print({
    whole: answer,
    people: () => ({
      titles: ['PARTITION>', 'SHARD', 'FIRST>', 'NEXT>', 'RECORDS>', 'BYTES>'],
      rows: partitions.map(each => names.map(name => String(each[name]))),
    }),
  })
  return EXIT.ok
}

export const remove: Run = async (context, [feed = '']) => {
  const answer = await context.client().call('feed.delete', { feed })
  context.output.print({ whole: answer, people: () => `${feed} is deleted` })
  return EXIT.ok
}

export const truncate: Run = async (context, [feed = ''], given) => {
  const before = feedFrom(given, null, 'before')
  const where = typeof before === 'number' ? { beforeOffset: before } : timeIn(before)
  if (where === undefined || (typeof before === 'number' && before < 0)) {
    throw new UsageError('say what goes with --before: an offset, or @TIME')
  }
  const partition = given.integer('partition')
  const answer = await context.client().call('feed.truncate', {
    ...{ feed, ...where },
    ...(partition !== undefined && { partition }),
  })
  const first = JSON.stringify(answer['first'])
  context.output.print({ whole: answer, people: () => `${feed} begins at ${first}` })
  return EXIT.ok
}

const timeIn = (where: Json): { beforeTimeMs: number } | undefined =>
  isObject(where) ? { beforeTimeMs: Number(where['timeMs']) } : undefined
