/**
 * Publishing records, all of them or none: first everything is checked, as if those before it had been
 * published already, then it is done, and can no longer fail.
 *
 * The partition of a record is the one it asks for, else the one of its key (its id, without a key), else
 * the next in turn: `rev` and its place in the operation decide, the same on every replica.
 */
import { fnv1a } from '../../base/fnv.ts'
import type { Json, JsonObject } from '../../base/json.ts'
import type { ApplyContext } from '../machine.ts'
import { Rejected } from '../machine.ts'
import { invalid, isJsonObject } from '../member.ts'
import { type Draft, draftOf } from './draft.ts'
import type { Feed } from './feed.ts'
import type { Place } from './ids.ts'
import { BATCH_MAX, COMPACTED_KEYS_MAX } from './limits.ts'
import type { Partition } from './partition.ts'

/** What a record becomes: a new one, or that of an earlier record with its id. */
type Planned =
  | New
  | { readonly type: 'known'; readonly place: Place }
  /** Of the record with this number in the same operation. */
  | { readonly type: 'again'; readonly of: number }

interface New {
  readonly type: 'new'
  readonly draft: Draft
  readonly feed: Feed
  readonly at: Partition
}

/** Keys that compacted partitions get in one operation. */
export type NewKeys = Map<Partition, Set<string>>

/** What the records before one have taken, in the same operation. */
interface Before {
  /** Records that each partition gets. */
  readonly counts: Map<Partition, number>
  /** Of these partitions. */
  readonly feeds: Map<Partition, Feed>
  readonly newKeys: NewKeys
  /** Feed and id → number of the record. */
  readonly ids: Map<string, number>
}

export interface Published {
  readonly results: JsonObject[]
  /** Partitions that got records. */
  readonly touched: Iterable<readonly [Partition, Feed]>
  /** Those of them that lost some. */
  readonly shortened: readonly Partition[]
}

type FeedOf = (name: string) => Feed

export function publishAll(
  records: readonly Json[],
  context: ApplyContext,
  feedOf: FeedOf,
): Published {
  const [only] = records
  if (only !== undefined && records.length === 1) return publishOne(only, context, feedOf)
  if (records.length > BATCH_MAX) {
    const message = `one operation publishes ${BATCH_MAX} records at most: do it in several`
    throw new Rejected('TOO_LARGE', message, { limit: BATCH_MAX, path: 'records' })
  }
  const before = { counts: new Map(), newKeys: new Map(), ids: new Map(), feeds: new Map() }
  const planned = records.map((json, i) =>
    within(i, () => planNext(json, context, feedOf, { before, i })),
  )
  const results: JsonObject[] = []
  for (const one of planned) results.push(carryOut(one, results, context))
  const shortened: Partition[] = []
  for (const [at, feed] of before.feeds) {
    if (at.retain(feed.config.retention, context.timeMs)) shortened.push(at)
  }
  return { results, touched: before.feeds, shortened }
}

/** Most operations publish one record: nothing needs to be kept for a next one. */
function publishOne(json: Json, context: ApplyContext, feedOf: FeedOf): Published {
  const planned = planOne(json, context, feedOf)
  const results = [carryOut(planned, [], context)]
  if (planned.type !== 'new') return { results, touched: [], shortened: [] }
  const { at, feed } = planned
  const hasLost = at.retain(feed.config.retention, context.timeMs)
  return { results, touched: [[at, feed]], shortened: hasLost ? [at] : [] }
}

/** Says which record of several it was. */
function within<T>(i: number, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    const data = isJsonObject(error.data) ? error.data : {}
    const inner = typeof data['path'] === 'string' && data['path'] !== '' ? `.${data['path']}` : ''
    const path = `records[${i}]${inner}`
    throw new Rejected(error.errorName, `records[${i}]: ${error.message}`, { ...data, path })
  }
}

/** A record with its number, behind those before it. */
interface Next {
  readonly before: Before
  readonly i: number
}

function planNext(json: Json, context: ApplyContext, feedOf: FeedOf, next: Next): Planned {
  const planned = planOne(json, context, feedOf, next)
  if (planned.type === 'new') note(next, planned)
  return planned
}

function note({ before, i }: Next, { at, feed, draft: { key, id } }: New): void {
  const { counts, feeds, newKeys, ids } = before
  counts.set(at, (counts.get(at) ?? 0) + 1)
  feeds.set(at, feed)
  noteKey(newKeys, key, at)
  if (id !== undefined && feed.config.dedupeMs > 0) ids.set(`${feed.name} ${id}`, i)
}

/** `among`: undefined for the only record of its operation. */
function planOne(json: Json, context: ApplyContext, feedOf: FeedOf, among?: Next): Planned {
  const draft = draftOf(json, context)
  const feed = feedOf(draft.feed)
  const known = knownAs(draft, feed, context.timeMs, among?.before)
  if (known) return known
  const at = partitionOf(draft, feed, context.rev + (among?.i ?? 0))
  const next = at.next + (among?.before.counts.get(at) ?? 0)
  if (draft.expectOffset !== undefined && draft.expectOffset !== next) {
    const message = `expectOffset is ${draft.expectOffset}, but the next record of ${feed.name} partition ${at.number} gets ${next}`
    throw new Rejected('WRONG_OFFSET', message, {
      ...{ feed: feed.name, partition: at.number, next, path: 'expectOffset' },
    })
  }
  checkKey(draft, at, among?.before.newKeys)
  return { type: 'new', draft, feed, at }
}

function knownAs(
  { id }: Draft,
  feed: Feed,
  timeMs: number,
  before: Before | undefined,
): Planned | undefined {
  if (id === undefined || feed.config.dedupeMs === 0) return undefined
  const of = before?.ids.get(`${feed.name} ${id}`)
  if (of !== undefined) return { type: 'again', of }
  const place = feed.ids.find(id, feed.idsSince(timeMs))
  return place && { type: 'known', place }
}

function partitionOf({ partition, key, id }: Draft, feed: Feed, turn: number): Partition {
  const { partitions } = feed
  const name = key ?? id
  const number = partition ?? (name === undefined ? turn : fnv1a(name)) % partitions.length
  const at = partitions[number]
  if (at) return at
  throw invalid(
    'partition',
    `${feed.name} has no partition ${number}: it has ${partitions.length}, from 0`,
  )
}

export function noteKey(newKeys: NewKeys, key: string | undefined, at: Partition): void {
  if (key === undefined || at.latest?.has(key) !== false) return
  newKeys.set(at, (newKeys.get(at) ?? new Set()).add(key))
}

/** Of a compacted partition; `newKeys`: of the operation, by then. */
export function checkKey({ key }: Pick<Draft, 'key'>, at: Partition, newKeys?: NewKeys): void {
  const { latest } = at
  if (!latest) return
  if (key === undefined) {
    throw invalid('key', `${at.feed} is compacted by key: every record needs a key`)
  }
  const others = newKeys?.get(at)
  if (latest.has(key) || others?.has(key)) return
  if (latest.size + (others?.size ?? 0) < COMPACTED_KEYS_MAX) return
  const message = `a partition of a compacted feed has ${COMPACTED_KEYS_MAX} keys at most, and one that was deleted with null counts for a day: delete some and wait, or use more partitions`
  throw new Rejected('TOO_LARGE', message, { limit: COMPACTED_KEYS_MAX, path: 'key' })
}

function carryOut(one: Planned, before: readonly JsonObject[], context: ApplyContext): JsonObject {
  if (one.type === 'known') return shown(one.place, true)
  if (one.type === 'again') return { ...before[one.of], duplicate: true }
  const { draft, feed, at } = one
  const { rev, timeMs, lamport } = context
  const offset = at.append(draft, timeMs, feed.config.retention.ageMs)
  const place: Place = { partition: at.number, offset, rev, timeMs, lamport }
  if (draft.id !== undefined && feed.config.dedupeMs > 0) {
    feed.ids.add(draft.id, place, feed.idsSince(timeMs))
    feed.mark()
  }
  return shown(place, false)
}

function shown({ partition, offset, rev, timeMs, lamport }: Place, duplicate: boolean): JsonObject {
  return lamport === undefined
    ? { partition, offset, rev, timeMs, duplicate }
    : { partition, offset, rev, lamport, timeMs, duplicate }
}
