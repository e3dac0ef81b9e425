/**
 * What one operation changed of feeds elsewhere (change.ts, and records as `log.read` shows them), taken over:
 * all of it or nothing. First everything is checked, as if what stands before it had been done already; then it is
 * done, and can no longer fail.
 *
 * Records get the offsets that they had. Where some are missing in between they were gone when the log was read, and
 * the partition goes on behind them. Their time, and their place in the log, are those of this log.
 */
import type { Json, JsonObject } from '../../base/json.ts'
import type { ApplyContext, Change } from '../machine.ts'
import { Rejected } from '../machine.ts'
import { integerOf, invalid, objectOf } from '../member.ts'
import { groupChange, groupGone } from './change.ts'
import { changedConfig, type FeedConfig, newConfig } from './config.ts'
import { draftOf } from './draft.ts'
import { Feed } from './feed.ts'
import type { Group } from './group.ts'
import { newGroup } from './groups.ts'
import { BATCH_MAX } from './limits.ts'
import { feedName } from './name.ts'
import type { Partition } from './partition.ts'
import { checkKey, type NewKeys, noteKey } from './publish.ts'
import type { RecordSet } from './record-set.ts'

/** The machine's own work on its feeds. */
export interface Keeper {
  find(name: string): Feed | undefined
  checkRoom(name: string, partitions: number, others: number): void
  begin(feed: Feed): void
  configure(feed: Feed, config: FeedConfig): void
  remove(feed: Feed): void
  cut(feed: Feed, partition: Partition, before: number): void
  shorten(feed: Feed, partition: Partition): void
}

const COUNT = { min: 0, max: Number.MAX_SAFE_INTEGER }
const KEY = /^(?<feed>[^/]+)(?:\/group\/(?<group>[^/]+)|\/(?<partition>\d+)(?:\/(?<offset>\d+))?)?$/

/** What is to be done for one change, when all of them are known to be possible. */
type Step = () => void

export class CopyPlan {
  readonly #records: RecordSet
  readonly #context: ApplyContext
  readonly #changes: Change[]
  readonly #keeper: Keeper
  /** Feeds that this operation makes, and those it removes. */
  readonly #feeds = new Map<string, Feed | undefined>()
  /** Where partitions end by then. */
  readonly #next = new Map<Partition, number>()
  readonly #newKeys: NewKeys = new Map()
  readonly #filled = new Map<Partition, Feed>()

  constructor(
    records: RecordSet,
    { context, changes }: { readonly context: ApplyContext; readonly changes: Change[] },
    keeper: Keeper,
  ) {
    this.#records = records
    this.#context = context
    this.#changes = changes
    this.#keeper = keeper
  }

  carryOut(copied: readonly Json[]): void {
    if (copied.length > 2 * BATCH_MAX) {
      const message = `one operation takes over ${2 * BATCH_MAX} changes of feeds at most`
      throw new Rejected('TOO_LARGE', message, { limit: 2 * BATCH_MAX, path: 'feeds' })
    }
    const steps = copied.map(each => this.#plan(objectOf(each, 'feeds')))
    for (const step of steps) step()
    for (const [partition, feed] of this.#filled) {
      if (this.#keeper.find(feed.name) === feed) this.#keeper.shorten(feed, partition)
    }
  }

  #plan({ key, value }: JsonObject): Step {
    const named = typeof key === 'string' ? KEY.exec(key)?.groups : undefined
    if (named === undefined) {
      throw invalid(
        'feeds',
        'the key of a change of feeds is feed, feed/partition, feed/partition/offset or feed/group/name',
      )
    }
    const { partition, offset, group } = named
    const name = feedName(named['feed'])
    if (partition === undefined && group === undefined) return this.#ofFeed(name, value)
    const feed = this.#feed(name)
    if (group !== undefined) return this.#ofGroup(feed, group, value)
    const at = partitionIn(feed, Number(partition))
    const body = objectOf(value, 'feeds')
    return offset === undefined
      ? this.#ofPartition(feed, at, body)
      : this.#ofRecord(feed, at, Number(offset), body)
  }

  #feed(name: string): Feed {
    const feed = this.#feeds.has(name) ? this.#feeds.get(name) : this.#keeper.find(name)
    if (feed) return feed
    const message = `there is no feed ${name} here: what was read begins behind its creation`
    throw new Rejected('FEED_NOT_FOUND', message, { feed: name })
  }

  #ofFeed(name: string, value: Json | undefined): Step {
    if (value === undefined) {
      const feed = this.#feed(name)
      this.#feeds.set(name, undefined)
      return () => this.#keeper.remove(feed)
    }
    const given = objectOf(value, 'feeds')
    const there = this.#feeds.has(name) ? this.#feeds.get(name) : this.#keeper.find(name)
    if (there) {
      const config = changedConfig(there.config, { ...given, retention: allOf(given) })
      return () => this.#keeper.configure(there, config)
    }
    const config = newConfig(given)
    const others = [...this.#feeds.values()].filter(each => each !== undefined)
    const partitions = others.reduce((sum, each) => sum + each.partitions.length, 0)
    this.#keeper.checkRoom(name, config.partitions + partitions, others.length)
    const feed = new Feed(this.#records, name, config, this.#context.rev)
    this.#feeds.set(name, feed)
    return () => this.#keeper.begin(feed)
  }

  #ofPartition(feed: Feed, at: Partition, body: JsonObject): Step {
    const first = integerOf(body, 'first', COUNT) ?? 0
    const next = Math.max(first, integerOf(body, 'next', COUNT) ?? 0)
    this.#next.set(at, Math.max(next, this.#nextOf(at)))
    return () => {
      at.skipTo(next)
      this.#keeper.cut(feed, at, first)
    }
  }

  #ofRecord(feed: Feed, at: Partition, offset: number, body: JsonObject): Step {
    const context = this.#context
    const draft = draftOf({ ...body, feed: feed.name }, context)
    const next = this.#nextOf(at)
    if (offset < next || !Number.isSafeInteger(offset)) {
      const message = `${feed.name} partition ${at.number} is at offset ${next} already: what it holds is not what was read`
      throw new Rejected('COMPARE_FAILED', message, { feed: feed.name, partition: at.number, next })
    }
    checkKey(draft, at, this.#newKeys)
    noteKey(this.#newKeys, draft.key, at)
    this.#next.set(at, offset + 1)
    this.#filled.set(at, feed)
    return () => {
      const { rev, timeMs, lamport } = context
      at.skipTo(offset)
      at.append(draft, timeMs, feed.config.retention.ageMs)
      if (draft.id === undefined || feed.config.dedupeMs === 0) return
      const place = { partition: at.number, offset, rev, timeMs, lamport }
      feed.ids.add(draft.id, place, feed.idsSince(timeMs))
      feed.mark()
    }
  }

  #ofGroup(feed: Feed, name: string, value: Json | undefined): Step {
    const { rev } = this.#context
    const there = feed.groups.get(name)
    if (value === undefined) {
      return () => {
        if (there === undefined) return
        feed.removeGroup(name)
        this.#changes.push(groupGone(rev, feed, there))
      }
    }
    const given = objectOf(value, 'feeds')
    const group: Group = there ?? newGroup(feed, name, given)
    const offsets = objectOf(given['offsets'], 'feeds.offsets')
    const moves = Object.keys(offsets).map(number => {
      const partition = partitionIn(feed, Number(number))
      return [partition, integerOf(offsets, number, COUNT) ?? 0] as const
    })
    return () => {
      for (const [partition, offset] of moves) {
        group.seek(partition.number, Math.min(offset, partition.next))
      }
      feed.markGroup(group)
      this.#changes.push(groupChange(rev, feed, group))
    }
  }

  #nextOf(at: Partition): number {
    return this.#next.get(at) ?? at.next
  }
}

function partitionIn(feed: Feed, number: number): Partition {
  const found = feed.partitions[number]
  if (found) return found
  throw invalid(
    'feeds',
    `${feed.name} has ${feed.partitions.length} partitions, and none ${number}`,
  )
}

/** A bound that is not named is taken away. */
function allOf({ retention }: JsonObject): JsonObject {
  const named = retention === undefined ? {} : objectOf(retention, 'feeds.retention')
  return { ageMs: null, bytes: null, records: null, ...named }
}
