/**
 * The feed machine: READ FIRST. Named by `op`, members as in the public contract's `feed.*`:
 *
 *   create       feed partitions? retention? compact? dedupeMs? ifAbsent?   → {feed, config}
 *   update       feed retention? dedupeMs?                                  → {feed, config}
 *   delete       feed                                                       → {feed, deleted}
 *   publish      record                                                     → {partition, offset, …}
 *   publishBatch records                                                    → {results}
 *   truncate     feed beforeOffset partition? | offsets                     → {first}, or {first: {partition: …}}
 *
 *   group.…      feed and more: groups.ts
 *
 * and queries: list prefix? · info feed · has feed · names · made · moved · bounds feed · bound feed partition · at feed partition timeMs ·
 * read feed partition from to? limit? chars? sinceMs? chunk? (which chunk it needs, where that is on disk only) · group feed group · groups feed · outlook feed group nowMs
 *
 * Its records: f/FEED configuration · p/FEED/PARTITION where it begins and ends · o/… its open chunk ·
 * x/…/PAGE which chunks there are · s/…/NUMBER a sealed chunk, cold · k/…/KEY of a compacted partition, the
 * last offset of the key · i/FEED/SEGMENT ids remembered · g/FEED/GROUP a group.
 */
import { present } from '../../base/assert.ts'
import type { Json, JsonObject } from '../../base/json.ts'
import type {
  ApplyContext,
  Change,
  ColdRecords,
  Feeds,
  Frozen,
  Machine,
  StateRecord,
} from '../machine.ts'
import { Rejected } from '../machine.ts'
import { integerOf, invalid, isSet, listOf, objectOf } from '../member.ts'
import { feedChange, feedGone, recordsWent } from './change.ts'
import { changedConfig, type FeedConfig, newConfig, PLAIN, shownConfig } from './config.ts'
import { CopyPlan } from './copy.ts'
import { Deadlines } from './deadlines.ts'
import { Feed } from './feed.ts'
import { groupCommand } from './groups.ts'
import { FEEDS_MAX, type FeedBounds, PARTITIONS_TOTAL_MAX } from './limits.ts'
import { feedName } from './name.ts'
import type { Partition } from './partition.ts'
import { publishAll } from './publish.ts'
import { askFeed, listed, outOfRange, partitionOf } from './queries.ts'
import { RecordSet } from './record-set.ts'

export interface FeedMachineOptions {
  /** Whether the feed is of this shard; all are, unless said. */
  readonly owns?: (feed: string) => boolean
  /** Smaller ones than those of version 1: in a simulation only. */
  readonly bounds?: FeedBounds
}

/** Of the operation at hand. */
interface At {
  readonly context: ApplyContext
  readonly changes: Change[]
}

const COUNT = { min: 0, max: Number.MAX_SAFE_INTEGER }

export class FeedMachine implements Machine, Feeds {
  readonly name = 'feed'
  readonly version = 1
  readonly #owns: (feed: string) => boolean
  readonly #records: RecordSet
  readonly #feeds = new Map<string, Feed>()
  readonly #deadlines = new Deadlines()
  /** Records were loaded and not made feeds of yet. */
  #isLoading = false
  #partitions = 0
  /** Feeds made and deleted since the start of this process: no part of the state. */
  #made = 0
  /** Operations that can have changed what a reader finds; no part of the state either. */
  #moved = 0

  constructor({ owns = () => true, bounds }: FeedMachineOptions = {}) {
    this.#owns = owns
    this.#records = new RecordSet(bounds)
  }

  get feeds(): Feeds {
    return this
  }

  apply(command: Json, context: ApplyContext, changes: Change[]): Json {
    this.#finishLoading()
    this.#moved++
    const given = objectOf(command, 'command')
    switch (given['op']) {
      case 'create':
        return this.#create(given, { context, changes })
      case 'update':
        return this.#update(given, { context, changes })
      case 'delete':
        return this.#delete(given, { context, changes })
      case 'publish':
        return this.#publish([given['record'] ?? null], { context, changes })[0] ?? null
      case 'publishBatch':
        return { results: this.#publish(listOf(given, 'records'), { context, changes }) }
      case 'truncate':
        return this.#truncate(given, { context, changes })
      default:
        return this.#other(given, { context, changes })
    }
  }

  #other(given: JsonObject, { context, changes }: At): Json {
    const op = String(given['op'])
    if (op.startsWith('group.')) {
      return groupCommand(this.#feed(given['feed']), op.slice(6), given, context, changes)
    }
    throw invalid('op', 'op must be create, update, delete, publish, publishBatch or truncate')
  }

  /**
   * What another machine publishes in its operation: all of it, or it is refused and nothing is. Where no caller
   * could have made a feed before, one that is not there is made, with nothing but defaults.
   */
  publish(records: readonly Json[], at: At, feeds: 'there' | 'made'): Json[] {
    this.#finishLoading()
    this.#moved++
    if (feeds === 'there') return this.#publish(records, at)
    const made = new Map<string, Feed>()
    const results = this.#publish(records, at, name => {
      const feed = this.#feeds.get(name) ?? made.get(name)
      if (feed) return feed
      this.#checkRoom(name, made.size + 1, made.size)
      const one = new Feed(this.#records, name, PLAIN, at.context.rev)
      made.set(name, one)
      return one
    })
    for (const feed of made.values()) this.#begin(feed, at)
    return results
  }

  takeOver(copied: readonly Json[], at: At): void {
    this.#finishLoading()
    this.#moved++
    const plan = new CopyPlan(this.#records, at, {
      find: name => this.#feeds.get(name),
      checkRoom: (...given) => this.#checkRoom(...given),
      begin: feed => this.#begin(feed, at),
      configure: (feed, config) => this.#configure(feed, config, at),
      remove: feed => this.#remove(feed, at),
      cut: (feed, partition, before) => this.#cut(feed, partition, before, at),
      shorten: (feed, partition) => this.#shorten(feed, partition, at),
    })
    plan.carryOut(copied)
  }

  #publish(
    records: readonly Json[],
    { context, changes }: At,
    feedOf = (name: string) => this.#feed(name),
  ): JsonObject[] {
    const { results, touched, shortened } = publishAll(records, context, feedOf)
    for (const [partition, feed] of touched) this.#scheduleOne(partition, feed)
    for (const partition of shortened) changes.push(recordsWent(context.rev, partition))
    return results
  }

  #create(given: JsonObject, at: At): Json {
    const name = feedName(given['feed'])
    const there = this.#feeds.get(name)
    if (there) {
      if (isSet(given, 'ifAbsent')) return { feed: name, config: shownConfig(there.config) }
      throw new Rejected('FEED_EXISTS', `there is a feed ${name} already`, { feed: name })
    }
    const config = newConfig(given)
    this.#checkRoom(name, config.partitions)
    this.#begin(new Feed(this.#records, name, config, at.context.rev), at)
    return { feed: name, config: shownConfig(config) }
  }

  /** For one feed more, with so many more partitions, beside `others` that are made in this operation. */
  #checkRoom(name: string, partitions: number, others = 0): void {
    if (!this.#owns(name)) {
      const message = `the feed ${name} belongs to another shard: one operation keeps to one shard`
      throw new Rejected('CROSS_SHARD', message, { feed: name })
    }
    if (this.#feeds.size + others >= FEEDS_MAX) {
      const message = `this shard has ${FEEDS_MAX} feeds, its limit: delete one`
      throw new Rejected('TOO_LARGE', message, { limit: FEEDS_MAX, path: 'feed' })
    }
    if (this.#partitions + partitions > PARTITIONS_TOTAL_MAX) {
      const message = `this shard may have ${PARTITIONS_TOTAL_MAX} partitions: ask for fewer`
      throw new Rejected('TOO_LARGE', message, { limit: PARTITIONS_TOTAL_MAX, path: 'partitions' })
    }
  }

  #begin(feed: Feed, { context, changes }: At): void {
    changes.push(feedChange(context.rev, feed))
    feed.begin()
    this.#feeds.set(feed.name, feed)
    this.#partitions += feed.partitions.length
    this.#made++
  }

  #update(given: JsonObject, at: At): Json {
    const feed = this.#feed(given['feed'])
    this.#configure(feed, changedConfig(feed.config, given), at)
    return { feed: feed.name, config: shownConfig(feed.config) }
  }

  #configure(feed: Feed, config: FeedConfig, at: At): void {
    feed.config = config
    at.changes.push(feedChange(at.context.rev, feed))
    for (const partition of feed.partitions) this.#shorten(feed, partition, at)
  }

  /** As the retention of the feed says. */
  #shorten(feed: Feed, partition: Partition, { context, changes }: At): void {
    const hasLost = partition.retain(feed.config.retention, context.timeMs)
    if (hasLost) changes.push(recordsWent(context.rev, partition))
    this.#scheduleOne(partition, feed)
  }

  #delete(given: JsonObject, at: At): Json {
    const feed = this.#feed(given['feed'])
    this.#remove(feed, at)
    return { feed: feed.name, deleted: true }
  }

  #remove(feed: Feed, { context, changes }: At): void {
    changes.push(feedGone(context.rev, feed))
    feed.remove()
    this.#feeds.delete(feed.name)
    this.#made++
    this.#partitions -= feed.partitions.length
    for (const partition of feed.partitions) this.#deadlines.set(dueName(partition), undefined)
  }

  #truncate(given: JsonObject, at: At): Json {
    const feed = this.#feed(given['feed'])
    const cuts = cutsOf(feed, given)
    for (const [partition, before] of cuts) {
      if (before <= partition.next) continue
      const message = `${feed.name} partition ${partition.number} ends at ${partition.next}: nothing can be cut behind it, and nothing was`
      throw outOfRange(message, partition)
    }
    for (const [partition, before] of cuts) this.#cut(feed, partition, before, at)
    const first = cuts.map(([each]) => [String(each.number), each.first] as const)
    return {
      first: given['offsets'] === undefined ? (first[0]?.[1] ?? 0) : Object.fromEntries(first),
    }
  }

  #cut(feed: Feed, partition: Partition, before: number, { context, changes }: At): void {
    const { first } = partition
    partition.trim(before)
    partition.retain(feed.config.retention, context.timeMs)
    if (partition.first > first) changes.push(recordsWent(context.rev, partition))
    this.#scheduleOne(partition, feed)
  }

  #schedule(feed: Feed): void {
    for (const partition of feed.partitions) this.#scheduleOne(partition, feed)
  }

  /** When the partition next loses something because of time. */
  #scheduleOne(partition: Partition, { config }: Feed): void {
    this.#deadlines.set(dueName(partition), partition.nextDue(config.retention))
  }

  #feed(given: Json | undefined): Feed {
    const name = feedName(given)
    const feed = this.#feeds.get(name)
    if (feed) return feed
    if (!this.#owns(name)) this.#checkRoom(name, 0)
    throw new Rejected('FEED_NOT_FOUND', `there is no feed ${name}: feed.create makes one`, {
      feed: name,
    })
  }

  query(query: Json, timeMs: number): Json {
    this.#finishLoading()
    const given = objectOf(query, 'query')
    switch (given['op']) {
      case 'has':
        return this.#feeds.has(String(given['feed']))
      case 'made':
        return this.#made
      case 'names':
        return [...this.#feeds.keys()]
      case 'moved':
        return this.#moved
      case 'bound':
        return this.#feeds.get(String(given['feed']))?.boundOf(Number(given['partition'])) ?? null
      case 'list':
        return listed(this.#feeds, String(given['prefix'] ?? ''))
      default:
        return askFeed(this.#feed(given['feed']), this.#records, given, timeMs)
    }
  }

  /** Records go because they are old, the same at the same place of the log on every replica. */
  advance(timeMs: number, context: ApplyContext, changes: Change[]): void {
    this.#finishLoading()
    const next = this.#deadlines.next
    if (next === undefined || next > timeMs) return
    this.#moved++
    for (const due of this.#deadlines.due(timeMs)) {
      const [name = '', number] = due.split('/')
      const feed = this.#feed(name)
      const partition = present(feed.partitions[Number(number)], 'what is due is there')
      this.#shorten(feed, partition, { context: { ...context, timeMs }, changes })
    }
  }

  nextDeadline(): number | undefined {
    this.#finishLoading()
    return this.#deadlines.next
  }

  takeDirty(): string[] {
    return this.#records.takeDirty()
  }

  record(id: string): string | undefined {
    return this.#records.record(id)
  }

  get cold(): ColdRecords {
    return this.#records.cold
  }

  freeze(): Frozen {
    return this.#records.freeze()
  }

  clear(): void {
    this.#records.clear()
    this.#feeds.clear()
    this.#deadlines.clear()
    this.#partitions = 0
    this.#isLoading = false
  }

  load(record: StateRecord): void {
    this.#records.load(record)
    this.#isLoading = true
  }

  /** All records are there by the time the state is first wanted. */
  #finishLoading(): void {
    if (!this.#isLoading) return
    this.#isLoading = false
    this.#made++
    this.#moved++
    this.#feeds.clear()
    this.#deadlines.clear()
    this.#partitions = 0
    for (const [id, text] of this.#records.under('f/')) {
      const feed = Feed.load(this.#records, id.slice(2), text)
      this.#feeds.set(feed.name, feed)
      this.#partitions += feed.partitions.length
      this.#schedule(feed)
    }
  }
}

/** Partition → offset below which its records go. */
function cutsOf(feed: Feed, given: JsonObject): [Partition, number][] {
  const { offsets } = given
  if (offsets === undefined) {
    const before = integerOf(given, 'beforeOffset', COUNT)
    if (before === undefined) throw invalid('beforeOffset', 'beforeOffset is missing')
    return [[partitionOf(feed, given), before]]
  }
  const asked = objectOf(offsets, 'offsets')
  return Object.keys(asked).map(name => {
    const partition = partitionOf(feed, { partition: /^\d+$/.test(name) ? Number(name) : name })
    return [partition, integerOf(asked, name, COUNT) ?? 0]
  })
}

const dueName = ({ feed, number }: Partition): string => `${feed}/${number}`
