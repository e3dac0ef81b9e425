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
  | { readonly type: 'new'; readonly draft: Draft; readonly feed: Feed; readonly at: Partition }
  | { readonly type: 'known'; readonly place: Place }
  /** Of the record with this number in the same operation. */
  | { readonly type: 'again'; readonly of: number }

interface Plan {
  /** Records that each partition gets. */
  readonly counts: Map<Partition, number>
  /** Of these partitions. */
  readonly feeds: Map<Partition, Feed>
  readonly newKeys: Map<Partition, Set<string>>
  /** Feed and id → number of the record. */
  readonly ids: Map<string, number>
  readonly context: ApplyContext
}

export interface Published {
  readonly results: JsonObject[]
  /** Partitions that got records. */
  readonly touched: ReadonlyMap<Partition, Feed>
}

export function publishAll(
  records: readonly Json[],
  context: ApplyContext,
  feedOf: (name: string) => Feed,
): Published {
  if (records.length > BATCH_MAX) {
    const message = `one operation publishes ${BATCH_MAX} records at most: do it in several`
    throw new Rejected('TOO_LARGE', message, { limit: BATCH_MAX, path: 'records' })
  }
  const plan: Plan = {
    ...{ counts: new Map(), newKeys: new Map(), ids: new Map(), feeds: new Map() },
    context,
  }
  const planned = records.map((json, i) => {
    if (records.length === 1) return planOne(plan, json, i, feedOf)
    return within(i, () => planOne(plan, json, i, feedOf))
  })
  const results: JsonObject[] = []
  for (const one of planned) results.push(carryOut(one, results, context))
  for (const [at, feed] of plan.feeds) at.retain(feed.config.retention, context.timeMs)
  return { results, touched: plan.feeds }
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

function planOne(plan: Plan, json: Json, i: number, feedOf: (name: string) => Feed): Planned {
  const { context } = plan
  const draft = draftOf(json, context)
  const feed = feedOf(draft.feed)
  const known = knownAs(plan, draft, feed)
  if (known) return known
  const at = partitionOf(draft, feed, context.rev + i)
  const count = plan.counts.get(at) ?? 0
  const next = at.next + count
  if (draft.expectOffset !== undefined && draft.expectOffset !== next) {
    const message = `expectOffset is ${draft.expectOffset}, but the next record of ${feed.name} partition ${at.number} gets ${next}`
    throw new Rejected('WRONG_OFFSET', message, {
      ...{ feed: feed.name, partition: at.number, next, path: 'expectOffset' },
    })
  }
  checkKey(plan, draft, at)
  plan.counts.set(at, count + 1)
  plan.feeds.set(at, feed)
  if (draft.id !== undefined && feed.config.dedupeMs > 0) {
    plan.ids.set(`${feed.name} ${draft.id}`, i)
  }
  return { type: 'new', draft, feed, at }
}

function knownAs(plan: Plan, { id }: Draft, feed: Feed): Planned | undefined {
  if (id === undefined || feed.config.dedupeMs === 0) return undefined
  const of = plan.ids.get(`${feed.name} ${id}`)
  if (of !== undefined) return { type: 'again', of }
  const place = feed.ids.find(id, feed.idsSince(plan.context.timeMs))
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

function checkKey(plan: Plan, { key }: Draft, at: Partition): void {
  const { latest } = at
  if (!latest) return
  if (key === undefined) {
    throw invalid('key', `${at.feed} is compacted by key: every record needs a key`)
  }
  if (latest.has(key)) return
  const keys = plan.newKeys.get(at) ?? new Set()
  plan.newKeys.set(at, keys.add(key))
  if (latest.size + keys.size <= COMPACTED_KEYS_MAX) return
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
