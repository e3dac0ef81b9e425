/**
 * What one client has to do with feeds: it publishes, some of it twice, follows partitions from page to page at
 * whichever replica it asks, commits how far it has come, and is a member of the queues.
 */
import { present } from '../../base/assert.ts'
import { text } from '../../base/bytes.ts'
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import type { Prng } from '../../base/prng.ts'
import { encodeOperation } from '../../machine/operation.ts'
import type { FeedOptions, FeedsOptions } from '../options.ts'
import { DEAD } from './draw.ts'
import { isOfFeeds } from './query.ts'

export const QUEUE = 'queue'
export const CURSOR = 'cursor'

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'] as const
const IDS_KEPT = 16
const FETCH_MAX = 4

interface Lease {
  readonly feed: string
  readonly delivery: string
}

/** What has to happen in a good part of the runs with feeds. */
export const FEED_KINDS = {
  page: 'feed: read',
  chunk: 'feed: chunk on disk',
  repeat: 'feed: id known',
  wrongOffset: 'feed: wrong offset',
  outOfRange: 'feed: below the first',
  leased: 'feed: leased',
  again: 'feed: delivered again',
  exhausted: 'feed: exhausted',
  notOwner: 'feed: lease lost',
} as const

export class FeedClient {
  readonly #options: FeedsOptions
  readonly #prng: Prng
  readonly #name: string
  /** Feeds and groups that it has made, or seen to be there. */
  readonly #made = new Set<string>()
  /** What follows from answers: dead letters, and what is done with their records. */
  readonly #due: JsonObject[] = []
  /** Records with ids, as they were published last. */
  #published: JsonObject[] = []
  #leases: Lease[] = []
  /** `feed/partition` → where it goes on. */
  readonly #next = new Map<string, number>()
  #count = 0
  /** Kinds of these that happened: shared. */
  readonly #fired: Set<string>

  constructor(options: FeedsOptions, prng: Prng, number: number, fired: Set<string>) {
    this.#fired = fired
    this.#options = options
    this.#prng = prng
    this.#name = `m${number}`
  }

  /** The next write as the text of an operation; undefined: something else. */
  write(): string | undefined {
    if (!this.#prng.chance(this.#options.share)) return undefined
    return text(encodeOperation('feed', this.#due.shift() ?? this.#command()))
  }

  /** The next read; undefined: of something else. */
  question(): string | undefined {
    const { share, feeds } = this.#options
    if (!this.#prng.chance(share)) return undefined
    const feed = this.#prng.pick(feeds)
    if (this.#prng.chance(0.1)) {
      return JSON.stringify({ op: 'group', feed: feed.name, group: CURSOR })
    }
    const partition = this.#partitionOf(feed)
    const from = this.#next.get(placeOf(feed.name, partition)) ?? 0
    const limit = this.#prng.pick([1, 3, 20])
    return JSON.stringify({ op: 'read', feed: feed.name, partition, from, limit })
  }

  #command(): JsonObject {
    const feed = this.#prng.pick(this.#options.feeds)
    const { name } = feed
    const missing = [name, `${name}/${QUEUE}`, `${name}/${CURSOR}`].find(
      each => !this.#made.has(each),
    )
    if (missing !== undefined) {
      this.#made.add(missing)
      return this.#make(feed, missing)
    }
    const draw = this.#prng.int(1, 100)
    if (draw <= 50) return this.#publish(feed)
    if (draw <= 60) return this.#batch(feed)
    if (draw <= 65 && feed.isCut) return this.#truncate(feed)
    if (draw <= 75) return this.#commit(feed)
    if (draw <= 90 || this.#leases.length === 0) {
      const limit = this.#prng.int(1, FETCH_MAX)
      return { op: 'group.fetch', feed: name, group: QUEUE, member: this.#name, limit }
    }
    return this.#settle()
  }

  #make(feed: FeedOptions, what: string): JsonObject {
    const { name, partitions, retention, compact, dedupeMs, ackWaitMs, maxDeliver } = feed
    if (what === name) {
      const config = { partitions, retention: { ...retention }, compact, dedupeMs }
      return { op: 'create', feed: name, ...config, ifAbsent: true }
    }
    const [, group = ''] = what.split('/')
    const queue =
      group === QUEUE ? { mode: 'queue', ackWaitMs, maxDeliver, deadLetter: `${DEAD}.letters` } : {}
    return { op: 'group.create', feed: name, group, ...queue }
  }

  #publish(feed: FeedOptions): JsonObject {
    const known = this.#published.filter(record => record['feed'] === feed.name)
    // Again, under the same id: perhaps nobody heard of it, or its time is over.
    if (known.length > 0 && this.#prng.chance(0.15)) {
      return { op: 'publish', record: this.#prng.pick(known) }
    }
    const record = this.#record(feed)
    if (!this.#prng.chance(0.1)) return { op: 'publish', record }
    const partition = this.#partitionOf(feed)
    const expectOffset = this.#next.get(placeOf(feed.name, partition)) ?? 0
    return { op: 'publish', record: { ...record, partition, expectOffset } }
  }

  /** All of it or nothing: one in five has a record that cannot be published. */
  #batch(feed: FeedOptions): JsonObject {
    const records: JsonObject[] = []
    for (let n = this.#prng.int(2, 5); n > 0; n--) {
      const other = this.#prng.chance(0.3) ? this.#prng.pick(this.#options.feeds) : feed
      records.push(this.#record(other))
    }
    if (this.#prng.chance(0.2)) records.push({ ...this.#record(feed), partition: 99 })
    return { op: 'publishBatch', records }
  }

  #record({ name: feed, compact }: FeedOptions): JsonObject {
    const value = `${this.#name}.${++this.#count}.${'x'.repeat(this.#prng.int(0, 80))}`
    const isKeyed = compact === 'key' || this.#prng.chance(0.3)
    const isDeleted = compact === 'key' && this.#prng.chance(0.2)
    const record = {
      feed,
      value: isDeleted ? null : value,
      id: `${this.#name}.${this.#count}`,
      ...(isKeyed && { key: this.#prng.pick(KEYS) }),
    }
    this.#published = [...this.#published.slice(-IDS_KEPT), record]
    return record
  }

  #truncate(feed: FeedOptions): JsonObject {
    const partition = this.#partitionOf(feed)
    const next = this.#next.get(placeOf(feed.name, partition)) ?? 0
    const beforeOffset = Math.max(0, next - this.#prng.int(-2, 8))
    return { op: 'truncate', feed: feed.name, partition, beforeOffset }
  }

  #commit(feed: FeedOptions): JsonObject {
    const partition = this.#partitionOf(feed)
    const offsets = { [partition]: this.#next.get(placeOf(feed.name, partition)) ?? 0 }
    return { op: 'group.commit', feed: feed.name, group: CURSOR, offsets }
  }

  /** Done, or given back; of one feed at a time. */
  #settle(): JsonObject {
    const { feed } = present(this.#leases[0], 'somebody has leased something')
    const mine = this.#leases.filter(lease => lease.feed === feed).slice(0, FETCH_MAX)
    // Some are acknowledged twice, which is refused.
    if (!this.#prng.chance(0.1)) this.#leases = this.#leases.filter(lease => !mine.includes(lease))
    const deliveries = mine.map(({ delivery }) => delivery)
    const what = { feed, group: QUEUE, member: this.#name, deliveries }
    if (this.#prng.chance(0.7)) return { op: 'group.ack', ...what }
    return { op: 'group.nack', ...what, delayMs: this.#prng.pick([0, 0, 200]), reason: 'no' }
  }

  #partitionOf({ partitions }: FeedOptions): number {
    return this.#prng.int(0, partitions - 1)
  }

  /** What it was told: the operation as it is in the history, and its result. */
  told(operation: string, result: string): void {
    const question = operation.slice(operation.indexOf(' ') + 1)
    if (isOfFeeds(operation)) this.#learn(commandIn(operation), JSON.parse(result) as JsonObject)
    else if (isOfFeeds(question)) this.#read(question, JSON.parse(result) as JsonObject)
  }

  #learn(command: JsonObject, { r: result, e: error }: JsonObject): void {
    const { op, feed: named, group } = command
    if (isObject(error)) this.#note(String(error['name']))
    if (!isObject(result)) return
    if (result['duplicate'] === true) this.#fired.add(FEED_KINDS.repeat)
    const feed = String(named)
    for (const one of listed(result['deliveries'])) {
      this.#leases.push({ feed, delivery: String(one['delivery']) })
      this.#fired.add(one['attempt'] === 1 ? FEED_KINDS.leased : FEED_KINDS.again)
    }
    for (const { partition, offset, attempt } of listed(result['exhausted'])) {
      this.#fired.add(FEED_KINDS.exhausted)
      const places = [{ partition, offset }] as JsonObject[]
      const id = `${feed}.${partition}.${offset}.${attempt}`
      if (this.#options.feeds.some(({ name }) => name === DEAD)) {
        this.#due.push({ op: 'publish', record: { feed: DEAD, id, value: `dead.${id}` } })
      }
      this.#due.push({ op: 'group.bury', feed, group: String(group), places })
    }
    const { offset, partition } = result
    // It follows what it publishes, so that many of its reads find something.
    if (op === 'publish' && typeof offset === 'number' && this.#prng.chance(0.1)) {
      const record = command['record'] as JsonObject
      const place = placeOf(String(record['feed']), Number(partition))
      if (!this.#next.has(place)) this.#next.set(place, offset)
    }
  }

  #note(refusal: string): void {
    const kind = REFUSALS.get(refusal)
    if (kind !== undefined) this.#fired.add(kind)
  }

  #read(question: string, answer: JsonObject): void {
    const { feed, partition } = JSON.parse(question) as JsonObject
    const place = placeOf(String(feed), Number(partition))
    const refused = isObject(answer['e']) ? answer['e'] : undefined
    const data = isObject(refused?.['data']) ? refused['data'] : {}
    if (refused) this.#note(String(refused['name']))
    if (Array.isArray(answer['records']) && answer['records'].length > 0)
      this.#fired.add(FEED_KINDS.page)
    if (typeof answer['next'] === 'number') this.#next.set(place, answer['next'])
    else if (typeof data['first'] === 'number') this.#next.set(place, data['first'])
  }
}

const REFUSALS: ReadonlyMap<string, string> = new Map([
  ['WRONG_OFFSET', FEED_KINDS.wrongOffset],
  ['OFFSET_OUT_OF_RANGE', FEED_KINDS.outOfRange],
  ['NOT_OWNER', FEED_KINDS.notOwner],
])

const placeOf = (feed: string, partition: number): string => `${feed}/${partition}`

const listed = (json: unknown): JsonObject[] => (Array.isArray(json) ? (json as JsonObject[]) : [])

/** Of an operation that is for the feeds. */
export function commandIn(operation: string): JsonObject {
  const { c: command } = JSON.parse(operation) as { readonly c: Json }
  return command as JsonObject
}
