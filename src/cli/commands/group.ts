/** group create, ls, info, fetch, ack, nack, commit, seek, rm. */
import { hostname, userInfo } from 'node:os'
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import type { FeedRecord } from '../../client/exports.ts'
import type { Arguments, Run } from '../command.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { feedFrom } from '../feed-from.ts'
import type { Given } from '../given.ts'
import { UsageError } from '../usage-error.ts'
import { printable, showValue } from '../value.ts'
import { reading } from './kv-read.ts'

export const create: Run = async (context, [feed = '', group = ''], given) => {
  const [ackWaitMs, maxDeliver] = [given.duration('ackWait'), given.integer('maxDeliver')]
  const deadLetter = given.text('deadLetter')
  const answer = await context.client().group.create(feed, group, {
    mode: given.flag('queue') ? 'queue' : 'cursor',
    from: feedFrom(given, 'first'),
    ...(ackWaitMs !== undefined && { ackWaitMs }),
    ...(maxDeliver !== undefined && { maxDeliver }),
    ...(deadLetter !== undefined && { deadLetter }),
  })
  printGroups(context, answer, [answer])
  return EXIT.ok
}

export const list: Run = async (context, [feed = ''], given) => {
  const answer = await context.client().group.list(feed, reading(given))
  printGroups(context, answer, answer.groups)
  return EXIT.ok
}

export const info: Run = async (context, [feed = '', group = ''], given) => {
  const answer = await context.client().group.info(feed, group, reading(given))
  printGroups(context, answer, [answer])
  return EXIT.ok
}

function printGroups(context: Context, whole: JsonObject, groups: readonly JsonObject[]): void {
  const row = ({ group, config, offsets, lag, pending }: JsonObject): string[] => {
    const mode = isObject(config) ? String(config['mode']) : ''
    return [String(group), mode, shownOffsets(offsets), String(lag), String(pending ?? '')]
  }
  const titles = ['GROUP', 'MODE', 'OFFSETS', 'LAG>', 'PENDING>']
  const items = Array.isArray(whole['groups']) ? { items: groups } : {}
  context.output.print({ whole, ...items, people: () => ({ titles, rows: groups.map(row) }) })
}

const shownOffsets = (offsets: Json | undefined): string =>
  Object.entries(offsets ?? {})
    .map(([partition, offset]) => `${partition}:${offset}`)
    .join(' ')

export const fetch: Run = async (context, [feed = '', group = ''], given) => {
  const [limit, waitMs] = [given.integer('limit', 1), given.duration('wait') ?? 0]
  const member = memberOf(given)
  const client = context.client()
  const timeoutMs = waitMs + (context.timeoutMs ?? 5_000)
  const answer = await client.group.fetch(feed, group, member, { limit, waitMs, timeoutMs })
  const records = answer.records as readonly (FeedRecord & JsonObject)[]
  context.output.print({
    whole: answer,
    items: records,
    people: () => ({
      titles: ['DELIVERY', 'ATTEMPT>', 'KEY', 'VALUE'],
      rows: records.map(({ delivery, attempt, key, value }) => {
        const shownKey = key === undefined ? '' : printable(String(key))
        return [String(delivery), String(attempt), shownKey, printable(showValue(value))]
      }),
    }),
  })
  if (given.flag('ack') && records.length > 0) {
    const deliveries = records.map(each => String(each['delivery']))
    await client.group.ack(feed, group, member, deliveries)
    context.note(`${records.length} acknowledged`)
  }
  return EXIT.ok
}

export const ack: Run = async (context, args, given) => {
  const answer = await context.client().group.ack(...answered(args, given))
  context.output.print({ whole: answer, people: () => `${answer.acked} acknowledged` })
  return EXIT.ok
}

export const nack: Run = async (context, args, given) => {
  const [delayMs, reason] = [given.duration('delay'), given.text('reason')]
  const answer = await context.client().group.nack(...answered(args, given), { delayMs, reason })
  context.output.print({ whole: answer, people: () => `${answer.nacked} given back` })
  return EXIT.ok
}

function answered(
  [feed = '', group = '', ...rest]: Arguments,
  given: Given,
): [string, string, string, readonly string[]] {
  const deliveries = rest.filter(each => each !== undefined)
  if (deliveries.length > 0) return [feed, group, memberOf(given), deliveries]
  throw new UsageError('say which: the member `delivery` of records that group fetch gave')
}

/** The same for all calls of one person on one machine. */
const memberOf = (given: Given): string =>
  given.text('member') ?? `${userInfo().username}@${hostname()}`

export const commit: Run = async (context, [feed = '', group = '', ...rest]) => {
  const offsets = Object.fromEntries(
    rest
      .filter(each => each !== undefined)
      .map(text => {
        const [, partition = '0', offset] = /^(?:(\d+):)?(\d+)$/.exec(text) ?? []
        if (offset !== undefined) return [partition, Number(offset)]
        throw new UsageError(`'${text}' must be an offset, or PARTITION:OFFSET`)
      }),
  )
  if (Object.keys(offsets).length === 0) throw new UsageError('say where to go on, as 12 or 0:12')
  printMoved(context, await context.client().group.commit(feed, group, offsets))
  return EXIT.ok
}

export const seek: Run = async (context, [feed = '', group = ''], given) => {
  const to = feedFrom(given, null, 'to')
  if (to === null) throw new UsageError('say where to with --to')
  const offsets = typeof to === 'number' && to >= 0 ? { 0: to } : to
  printMoved(context, await context.client().group.seek(feed, group, offsets))
  return EXIT.ok
}

function printMoved(context: Context, answer: JsonObject): void {
  const { offsets, lag } = answer
  context.output.print({ whole: answer, people: () => `${shownOffsets(offsets)}, lag ${lag}` })
}

export const remove: Run = async (context, [feed = '', group = '']) => {
  const answer = await context.client().group.delete(feed, group)
  context.output.print({ whole: answer, people: () => `${group} is deleted` })
  return EXIT.ok
}
