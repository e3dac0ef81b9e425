/**
 * Feeds as callers see them. A feed with all its partitions lives in the shard of its name (as a key
 * would, docs/decisions/0016): what is written to it is one call to the log of that shard, what is read comes
 * from this node's state.
 */
import { ViewstampError } from '../base/errors.ts'
import { isObject, type Json, type JsonObject } from '../base/json.ts'
import type { Answer, Meta } from './api.ts'
import * as calls from './calls.ts'
import type { NodeContext } from './context.ts'
import { assertOpen } from './context.ts'
import type {
  FeedApi,
  FeedFrom,
  FeedRead,
  FeedReadOptions,
  FeedSubscription,
  SubscribeOptions,
  TruncateOptions,
} from './feed-api.ts'
import { follow } from './feed-follow.ts'
import { FeedGroups } from './feed-groups.ts'
import type { Bound } from './feed-hub.ts'
import { offsetsOf, startsOf } from './feed-position.ts'
import { gather } from './feed-read.ts'
import { shardOfKey } from './route.ts'
import type { Shard } from './shard.ts'

/** Feeds that are made without a word about it. */
export interface FeedDefaults {
  readonly autoCreate: boolean
  readonly retention: {
    readonly ageMs?: number
    readonly bytes?: number
    readonly records?: number
  }
}

export const FEED_DEFAULTS: FeedDefaults = { autoCreate: true, retention: {} }

const LOCAL: Meta = { consistency: 'local' }

export class Feeds implements FeedApi {
  readonly groups: FeedGroups
  readonly #now: () => NodeContext

  constructor(now: () => NodeContext) {
    this.#now = now
    this.groups = new FeedGroups({
      hubOf: feed => this.#shardOf(feed).feeds,
      write: (feed, body, meta) => this.write(feed, body, meta),
      ask: (feed, body, meta) => this.#ask(feed, body, meta),
      ensure: (feeds, meta) => this.ensure(feeds, meta),
      offsetsAt: (feed, from, meta) => this.#offsetsAt(feed, from, meta),
      warn: message => this.#context.options.warn?.(message),
    })
  }

  get #context(): NodeContext {
    return this.#now()
  }

  get #defaults(): FeedDefaults {
    return this.#context.options.feeds ?? FEED_DEFAULTS
  }

  #shardOf(feed: string): Shard {
    const { shards } = this.#context
    const shard = shards[shardOfKey(feed, shards.length)]
    if (shard) return shard
    throw new ViewstampError('NOT_READY', 'this node has no shard yet')
  }

  write(feed: string, body: JsonObject, meta: Meta): Promise<Answer> {
    return calls.write(this.#context, { machine: 'feed', keys: [feed], body, meta })
  }

  create(feed: string, given: JsonObject, meta: Meta): Promise<Answer> {
    const asked = isObject(given['retention']) ? given['retention'] : {}
    const retention = { ...this.#defaults.retention, ...asked } as JsonObject
    return this.write(feed, { ...given, op: 'create', feed, retention }, meta)
  }

  ensure(feeds: readonly string[], meta: Meta): Promise<void> | undefined {
    if (!this.#defaults.autoCreate) return undefined
    let missing: Set<string> | undefined
    for (const feed of feeds) {
      if (this.#shardOf(feed).feeds.has(feed)) continue
      missing ??= new Set()
      missing.add(feed)
    }
    return missing && this.#make([...missing], meta)
  }

  /** By this node itself: the caller's session has numbers for the caller's writes only. */
  async #make(feeds: readonly string[], { timeoutMs }: Meta): Promise<void> {
    await Promise.all(feeds.map(feed => this.create(feed, { ifAbsent: true }, { timeoutMs })))
  }

  publishBatch(records: readonly JsonObject[], meta: Meta): Promise<Answer> {
    const { shards } = this.#context
    const feed = String(records[0]?.['feed'])
    if (shards.length > 1) return this.#publishApart(records, meta)
    return this.write(feed, { op: 'publishBatch', records }, meta)
  }

  async #publishApart(records: readonly JsonObject[], meta: Meta): Promise<Answer> {
    const { shards } = this.#context
    const placed = records.map(record => shardOfKey(String(record['feed']), shards.length))
    const touched = [...new Set(placed)]
    const writes = touched.map(shard => {
      const own = records.filter((_, i) => placed[i] === shard)
      const body = { op: 'publishBatch', records: own }
      return this.write(String(own[0]?.['feed']), body, meta)
    })
    const answers = await allOf(writes, shard =>
      placed.flatMap((of, i) => (of === touched[shard] ? [i] : [])),
    )
    const [only] = answers
    if (only && answers.length === 1) return only
    const results = answers.map(({ result }) => {
      return isObject(result) ? [...(result['results'] as Json[])] : []
    })
    const inOrder = placed.map(shard => results[touched.indexOf(shard)]?.shift() ?? null)
    const lamport = Math.max(0, ...answers.map(answer => answer.lamport ?? 0))
    return {
      result: { results: inOrder },
      lamport,
      header: only?.header ?? this.#header(undefined),
    }
  }

  #header(feed: string | undefined) {
    const shard = feed === undefined ? this.#context.shards[0] : this.#shardOf(feed)
    return calls.headerOf(this.#context, shard ?? this.#shardOf(''))
  }

  async truncate(feed: string, options: TruncateOptions, meta: Meta): Promise<Answer> {
    const { beforeOffset, beforeTimeMs: timeMs = 0 } = options
    if (beforeOffset !== undefined) {
      const { partition } = options
      return this.write(feed, { op: 'truncate', feed, beforeOffset, partition }, meta)
    }
    const cuts = [...(await this.#offsetsAt(feed, { timeMs }, {}))]
    const { partition: only } = options
    const asked = cuts.filter(([partition]) => only === undefined || partition === only)
    // One operation: all of them are cut, or none.
    const offsets =
      asked.length > 0 || only === undefined ? Object.fromEntries(asked) : { [only]: 0 }
    const body = { op: 'truncate', feed, offsets }
    const answer = await this.write(feed, body, meta)
    const { first } = answer.result as { first: Record<string, number> }
    const firsts = new Map(Object.entries(first).map(([name, each]) => [Number(name), each]))
    return { ...answer, result: { first: offsetsOf(firsts) as Json } }
  }

  async list(prefix: string, meta: Meta): Promise<Answer> {
    const answers = await Promise.all(
      this.#context.shards.map(({ name: shard }) =>
        calls.read(this.#context, {
          ...{ machine: 'feed', keys: [], body: { op: 'list', prefix } },
          meta: { ...meta, shard },
        }),
      ),
    )
    const feeds = answers.flatMap(
      ({ result }) => (isObject(result) ? result['feeds'] : []) as Json[],
    )
    return { result: { feeds }, header: answers[0]?.header ?? this.#header(undefined) }
  }

  async info(feed: string, meta: Meta): Promise<Answer> {
    const answer = await this.#ask(feed, { op: 'info', feed }, meta)
    const result = answer.result as { partitions: JsonObject[] }
    const { name: shard } = this.#shardOf(feed)
    const partitions = result.partitions.map(each => ({ ...each, shard }))
    return { ...answer, result: { ...result, partitions } }
  }

  /** By partition, where records of that position begin: of a time, exactly. */
  async #offsetsAt(feed: string, from: FeedFrom, meta: Meta): Promise<ReadonlyMap<number, number>> {
    const bounds = await this.#bounds(feed, meta)
    const starts = startsOf(this.#shardOf(feed).feeds, feed, bounds, from)
    const offsets = new Map<number, number>()
    for (const [i, { partition }] of bounds.entries()) {
      const { next = 0, sinceMs = 0 } = starts[i] ?? {}
      offsets.set(partition, next)
      if (sinceMs === 0) continue
      const found = await this.read(feed, { partition, from, limit: 1, waitMs: 0 }, LOCAL)
      const [text] = found.records
      offsets.set(partition, text ? JSON.parse(text).offset : Number(found.next))
    }
    return offsets
  }

  #ask(feed: string, body: JsonObject, meta: Meta): Promise<Answer> {
    return calls.read(this.#context, { machine: 'feed', keys: [feed], body, meta })
  }

  /** What there is, as far as the consistency asked for says. */
  async #bounds(feed: string, meta: Meta): Promise<readonly Bound[]> {
    const { result } = await this.#ask(feed, { op: 'bounds', feed }, meta)
    return result as unknown as readonly Bound[]
  }

  async read(feed: string, options: FeedReadOptions, meta: Meta): Promise<FeedRead> {
    const bounds = await this.#bounds(feed, meta)
    const asked = ofPartition(feed, bounds, options.partition)
    const { feeds: hub } = this.#shardOf(feed)
    const starts = startsOf(hub, feed, asked, options.from ?? 'first')
    const isCertain = (meta.consistency ?? 'linearizable') === 'linearizable'
    for (const [i, bound] of asked.entries()) {
      const from = starts[i]?.next ?? 0
      // Of a node that may lag behind, the records are on their way.
      if (from > bound.next && isCertain) throw beyond({ feed, ...bound }, from)
    }
    const page = await gather(hub, feed, asked, starts, options)
    return { ...page, header: this.#header(feed) }
  }

  known(feed: string): Promise<void> | undefined {
    const shard = this.#shardOf(feed)
    if (shard.feeds.has(feed)) return undefined
    return this.#bounds(feed, {}).then(() => undefined)
  }

  subscribe(options: SubscribeOptions): FeedSubscription {
    assertOpen(this.#context)
    const hubs = this.#context.shards.map(shard => shard.feeds)
    return follow(hubs, feed => this.#shardOf(feed).feeds, options)
  }
}

/** Each is a commit of its own: where some are done and others not, the error says which. */
async function allOf(
  writes: readonly Promise<Answer>[],
  recordsOf: (write: number) => readonly number[],
): Promise<Answer[]> {
  const ended = await Promise.allSettled(writes)
  const done = ended.flatMap((each, i) => (each.status === 'fulfilled' ? recordsOf(i) : []))
  return ended.map(each => {
    if (each.status === 'fulfilled') return each.value
    const error: unknown = each.reason
    if (done.length === 0 || !(error instanceof ViewstampError)) throw error
    const { errorName, message, details } = error
    const sentence = `${message}. The batch was of several shards: the records that \`done\` names are published, publish the others again`
    throw new ViewstampError(errorName, sentence, {
      ...details,
      done,
      outcome: 'unknown',
      retryable: false,
    })
  })
}

export function ofPartition(
  feed: string,
  bounds: readonly Bound[],
  partition: number | undefined,
): readonly Bound[] {
  if (partition === undefined) return bounds
  const found = bounds.filter(each => each.partition === partition)
  if (found.length > 0) return found
  const message = `${feed} has no partition ${partition}: it has ${bounds.length}, from 0`
  throw new ViewstampError('INVALID_PARAMS', message, { path: 'partition' })
}

function beyond(at: Bound & { readonly feed: string }, from: number): ViewstampError {
  const { feed, partition, first, next } = at
  const message = `${feed} partition ${partition} ends before ${next}: there is no offset ${from} yet; read from ${next} to wait for more`
  return new ViewstampError('OFFSET_OUT_OF_RANGE', message, { first, next, partition })
}
