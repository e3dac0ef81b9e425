/**
 * The feed machine: READ FIRST. Named by `op`, members as in the public contract's `feed.*`:
 *
 *   create       feed partitions? retention? compact? dedupeMs? ifAbsent?   → {feed, config}
 *   update       feed retention? dedupeMs?                                  → {feed, config}
 *   delete       feed                                                       → {feed, deleted}
 *   publish      record                                                     → {partition, offset, …}
 *   publishBatch records                                                    → {results}
 *   truncate     feed beforeOffset partition?                               → {first}
 *
 *   group.…      feed and more: groups.ts
 *
 * and queries: list prefix? · info feed · has feed · names · made · bounds feed · at feed partition timeMs ·
 * read feed partition from to? limit? sinceMs? chunk? (which chunk it needs, where that is on disk only) · group feed group · groups feed · outlook feed group nowMs
 *
 * Its records: f/FEED configuration · p/FEED/PARTITION where it begins and ends · o/… its open chunk ·
 * x/…/PAGE which chunks there are · s/…/NUMBER a sealed chunk, cold · k/…/KEY of a compacted partition, the
 * last offset of the key · i/FEED/SEGMENT ids remembered · g/FEED/GROUP a group.
 */
import type { Json, JsonObject } from '../../base/json.ts'
import { compareKeys } from '../kv/key.ts'
import type { ApplyContext, Change, ColdRecords, Frozen, Machine, StateRecord } from '../machine.ts'
import { Rejected } from '../machine.ts'
import { integerOf, invalid, isSet, listOf, objectOf } from '../member.ts'
import { changedConfig, newConfig, PLAIN, shownConfig } from './config.ts'
import { Deadlines } from './deadlines.ts'
import { Feed } from './feed.ts'
import type { Group } from './group.ts'
import { groupCommand, groupList, groupOf, shownGroup } from './groups.ts'
import { FEEDS_MAX, PARTITIONS_TOTAL_MAX, READ_LIMIT_MAX } from './limits.ts'
import { feedName } from './name.ts'
import type { Partition } from './partition.ts'
import { publishAll } from './publish.ts'
import { readPage, type Span } from './read.ts'
import { RecordSet } from './record-set.ts'

export interface FeedMachineOptions {
  /** Whether the feed is of this shard; all are, unless said. */
  readonly owns?: (feed: string) => boolean
}

const COUNT = { min: 0, max: Number.MAX_SAFE_INTEGER }

export class FeedMachine implements Machine {
  readonly name = 'feed'
  readonly version = 1
  readonly #owns: (feed: string) => boolean
  readonly #records = new RecordSet()
  readonly #feeds = new Map<string, Feed>()
  readonly #deadlines = new Deadlines()
  /** Records were loaded and not made feeds of yet. */
  #isLoading = false
  #partitions = 0
  /** Feeds made and deleted since the start of this process: no part of the state. */
  #made = 0

  constructor({ owns = () => true }: FeedMachineOptions = {}) {
    this.#owns = owns
  }

  apply(command: Json, context: ApplyContext, _changes: Change[]): Json {
    this.#finishLoading()
    const given = objectOf(command, 'command')
    switch (given['op']) {
      case 'create':
        return this.#create(given, context)
      case 'update':
        return this.#update(given, context)
      case 'delete':
        return this.#delete(given)
      case 'publish':
        return this.#publish([given['record'] ?? null], context)[0] ?? null
      case 'publishBatch':
        return { results: this.#publish(listOf(given, 'records'), context) }
      case 'truncate':
        return this.#truncate(given, context)
      default:
        return this.#other(given, context)
    }
  }

  #other(given: JsonObject, context: ApplyContext): Json {
    const op = String(given['op'])
    if (op.startsWith('group.')) {
      return groupCommand(this.#feed(given['feed']), op.slice(6), given, context)
    }
    throw invalid('op', 'op must be create, update, delete, publish, publishBatch or truncate')
  }

  /**
   * What another machine publishes in its operation: all of it, or it is refused and nothing is. A feed
   * that is not there is made, with nothing but defaults: no caller could have made it before.
   */
  publish(records: readonly Json[], context: ApplyContext): Json[] {
    this.#finishLoading()
    const made = new Map<string, Feed>()
    const results = this.#publish(records, context, name => {
      const feed = this.#feeds.get(name) ?? made.get(name)
      if (feed) return feed
      this.#checkRoom(name, 1)
      const one = new Feed(this.#records, name, PLAIN, context.rev)
      made.set(name, one)
      return one
    })
    for (const feed of made.values()) this.#begin(feed)
    return results
  }

  #publish(
    records: readonly Json[],
    context: ApplyContext,
    feedOf = (name: string) => this.#feed(name),
  ): JsonObject[] {
    const touched = new Set<Feed>()
    const results = publishAll(records, context, name => {
      const feed = feedOf(name)
      touched.add(feed)
      return feed
    })
    for (const feed of touched) this.#schedule(feed)
    return results
  }

  #create(given: JsonObject, context: ApplyContext): Json {
    const name = feedName(given['feed'])
    const there = this.#feeds.get(name)
    if (there) {
      if (isSet(given, 'ifAbsent')) return { feed: name, config: shownConfig(there.config) }
      throw new Rejected('FEED_EXISTS', `there is a feed ${name} already`, { feed: name })
    }
    const config = newConfig(given)
    this.#checkRoom(name, config.partitions)
    this.#begin(new Feed(this.#records, name, config, context.rev))
    return { feed: name, config: shownConfig(config) }
  }

  #checkRoom(name: string, partitions: number): void {
    if (!this.#owns(name)) {
      const message = `the feed ${name} belongs to another shard: one operation keeps to one shard`
      throw new Rejected('CROSS_SHARD', message, { feed: name })
    }
    if (this.#feeds.size >= FEEDS_MAX) {
      const message = `this shard has ${FEEDS_MAX} feeds, its limit: delete one`
      throw new Rejected('TOO_LARGE', message, { limit: FEEDS_MAX, path: 'feed' })
    }
    if (this.#partitions + partitions > PARTITIONS_TOTAL_MAX) {
      const message = `this shard may have ${PARTITIONS_TOTAL_MAX} partitions: ask for fewer`
      throw new Rejected('TOO_LARGE', message, { limit: PARTITIONS_TOTAL_MAX, path: 'partitions' })
    }
  }

  #begin(feed: Feed): void {
    feed.begin()
    this.#feeds.set(feed.name, feed)
    this.#partitions += feed.partitions.length
    this.#made++
  }

  #update(given: JsonObject, { timeMs }: ApplyContext): Json {
    const feed = this.#feed(given['feed'])
    feed.config = changedConfig(feed.config, given)
    for (const partition of feed.partitions) partition.retain(feed.config.retention, timeMs)
    this.#schedule(feed)
    return { feed: feed.name, config: shownConfig(feed.config) }
  }

  #delete(given: JsonObject): Json {
    const feed = this.#feed(given['feed'])
    feed.remove()
    this.#feeds.delete(feed.name)
    this.#made++
    this.#partitions -= feed.partitions.length
    for (const partition of feed.partitions) this.#deadlines.set(dueName(partition), undefined)
    return { feed: feed.name, deleted: true }
  }

  #truncate(given: JsonObject, { timeMs }: ApplyContext): Json {
    const feed = this.#feed(given['feed'])
    const partition = partitionOf(feed, given)
    const before = integerOf(given, 'beforeOffset', COUNT)
    if (before === undefined) throw invalid('beforeOffset', 'beforeOffset is missing')
    if (before > partition.next) {
      const message = `${feed.name} partition ${partition.number} ends at ${partition.next}: nothing can be cut behind it`
      throw outOfRange(message, partition)
    }
    partition.trim(before)
    partition.retain(feed.config.retention, timeMs)
    this.#schedule(feed)
    return { first: partition.first }
  }

  /** When its partitions next lose something because of time. */
  #schedule({ partitions, config }: Feed): void {
    for (const partition of partitions) {
      this.#deadlines.set(dueName(partition), partition.nextDue(config.retention))
    }
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
      case 'list':
        return this.#list(String(given['prefix'] ?? ''))
      case 'info':
        return this.#info(this.#feed(given['feed']))
      case 'bounds':
        return this.#feed(given['feed']).bounds
      case 'group':
        return shownGroup(this.#feed(given['feed']), this.#groupOf(given))
      case 'groups':
        return { groups: groupList(this.#feed(given['feed'])) }
      case 'outlook':
        return this.#groupOf(given).outlook(
          this.#feed(given['feed']).partitions,
          integerOf(given, 'nowMs', COUNT) ?? timeMs,
        )
      case 'at':
        return offsetAt(partitionOf(this.#feed(given['feed']), given), given)
      case 'read':
        return this.#read(given)
      default:
        throw invalid('op', 'op must be list, info or read')
    }
  }

  #list(prefix: string): Json {
    const names = [...this.#feeds.keys()].filter(name => name.startsWith(prefix))
    const feeds = names.sort(compareKeys).map(name => {
      const { config, partitions } = this.#feed(name)
      const bytes = partitions.reduce((sum, each) => sum + each.bytes, 0)
      const records = partitions.reduce((sum, each) => sum + each.size, 0)
      return { feed: name, config: shownConfig(config), records, bytes }
    })
    return { feeds }
  }

  #groupOf(given: JsonObject): Group {
    return groupOf(this.#feed(given['feed']), given['group'])
  }

  #info(feed: Feed): Json {
    const groups = groupList(feed).map(({ group, lag }) => ({ group, lag }))
    return { feed: feed.name, config: shownConfig(feed.config), partitions: feed.bounds, groups }
  }

  #read(given: JsonObject): Json {
    const feed = this.#feed(given['feed'])
    const partition = partitionOf(feed, given)
    const from = integerOf(given, 'from', COUNT) ?? partition.first
    const to = integerOf(given, 'to', COUNT) ?? Number.MAX_SAFE_INTEGER
    const limit = integerOf(given, 'limit', { min: 1, max: READ_LIMIT_MAX }) ?? READ_LIMIT_MAX
    const sinceMs = integerOf(given, 'sinceMs', COUNT) ?? 0
    const { first, next: end } = partition
    if (from < first) {
      const message = `${feed.name} partition ${partition.number} begins at ${first}: what was before is no longer kept`
      throw outOfRange(message, partition)
    }
    const chunk = given['chunk'] as Span['chunk']
    const page = readPage(this.#records, partition, { from, to, limit, sinceMs, chunk })
    return { ...page, first, last: end - 1 }
  }

  /** Records go because they are old, the same at the same place of the log on every replica. */
  advance(timeMs: number): void {
    this.#finishLoading()
    const next = this.#deadlines.next
    if (next === undefined || next > timeMs) return
    for (const due of this.#deadlines.due(timeMs)) {
      const [name = '', number] = due.split('/')
      const feed = this.#feed(name)
      const partition = feed.partitions[Number(number)]
      partition?.retain(feed.config.retention, timeMs)
      this.#deadlines.set(due, partition?.nextDue(feed.config.retention))
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

const dueName = ({ feed, number }: Partition): string => `${feed}/${number}`

function partitionOf(feed: Feed, given: JsonObject): Partition {
  const number = integerOf(given, 'partition', COUNT)
  if (number === undefined && feed.partitions.length > 1) {
    const message = `${feed.name} has ${feed.partitions.length} partitions: say which one`
    throw invalid('partition', message)
  }
  const found = feed.partitions[number ?? 0]
  if (found) return found
  const message = `${feed.name} has no partition ${number}: it has ${feed.partitions.length}, from 0`
  throw invalid('partition', message)
}

function outOfRange(message: string, { first, next, number: partition }: Partition): Rejected {
  return new Rejected('OFFSET_OUT_OF_RANGE', message, { first, next, partition })
}

/** Not above the first record of that time or later, and in the same chunk. */
function offsetAt(partition: Partition, given: JsonObject): number {
  const timeMs = integerOf(given, 'timeMs', COUNT) ?? 0
  const chunk = partition.sealed.since(timeMs)
  if (chunk) return Math.max(partition.first, chunk.base)
  const line = partition.open.find(each => each.timeMs >= timeMs)
  return line ? line.offset : partition.next
}
