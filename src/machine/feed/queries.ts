/** What can be asked of the feeds of a shard: nothing here changes them (feed-machine.ts). */
import type { Json, JsonObject } from '../../base/json.ts'
import { compareKeys } from '../kv/key.ts'
import { Rejected } from '../machine.ts'
import { integerOf, invalid } from '../member.ts'
import { shownConfig } from './config.ts'
import type { Feed } from './feed.ts'
import { groupOf, groupsOf, shownGroup } from './groups.ts'
import { READ_CHARS_MAX, READ_LIMIT_MAX } from './limits.ts'
import type { Partition } from './partition.ts'
import { readPage, type Span } from './read.ts'
import type { RecordSet } from './record-set.ts'

const COUNT = { min: 0, max: Number.MAX_SAFE_INTEGER }

export function askFeed(feed: Feed, records: RecordSet, given: JsonObject, timeMs: number): Json {
  switch (given['op']) {
    case 'info':
      return info(feed)
    case 'bounds':
      return feed.bounds
    case 'group':
      return shownGroup(feed, groupOf(feed, given['group']))
    case 'groups':
      return { groups: groupsOf(feed).map(group => shownGroup(feed, group)) }
    case 'outlook': {
      const nowMs = integerOf(given, 'nowMs', COUNT) ?? timeMs
      return groupOf(feed, given['group']).outlook(feed.partitions, nowMs)
    }
    case 'at':
      return offsetAt(partitionOf(feed, given), given)
    case 'read':
      return read(feed, records, given)
    default:
      throw invalid('op', 'op must be list, info or read')
  }
}

export function listed(all: ReadonlyMap<string, Feed>, prefix: string): Json {
  const found = [...all.values()].filter(({ name }) => name.startsWith(prefix))
  const feeds = found
    .sort((one, other) => compareKeys(one.name, other.name))
    .map(({ name, config, partitions }) => {
      const bytes = partitions.reduce((sum, each) => sum + each.bytes, 0)
      const records = partitions.reduce((sum, each) => sum + each.size, 0)
      return { feed: name, config: shownConfig(config), records, bytes }
    })
  return { feeds }
}

function info(feed: Feed): Json {
  const groups = groupsOf(feed).map(group => ({
    group: group.name,
    lag: group.lag(feed.partitions),
  }))
  const partitions = feed.bounds.map(({ made: _, ...bound }) => bound)
  return { feed: feed.name, config: shownConfig(feed.config), partitions, groups }
}

function read(feed: Feed, records: RecordSet, given: JsonObject): Json {
  const partition = partitionOf(feed, given)
  const from = integerOf(given, 'from', COUNT) ?? partition.first
  const to = integerOf(given, 'to', COUNT) ?? Number.MAX_SAFE_INTEGER
  const limit = integerOf(given, 'limit', { min: 1, max: READ_LIMIT_MAX }) ?? READ_LIMIT_MAX
  const chars = integerOf(given, 'chars', { min: 0, max: READ_CHARS_MAX }) ?? READ_CHARS_MAX
  const sinceMs = integerOf(given, 'sinceMs', COUNT) ?? 0
  const { first, next: end } = partition
  if (from < first) {
    const message = `${feed.name} partition ${partition.number} begins at ${first}: what was before is no longer kept`
    throw outOfRange(message, partition)
  }
  const chunk = given['chunk'] as Span['chunk']
  const page = readPage(records, partition, { from, to, limit, chars, sinceMs, chunk })
  return { ...page, first, last: end - 1 }
}

/** Not above the first record of that time or later, and in the same chunk. */
function offsetAt(partition: Partition, given: JsonObject): number {
  const timeMs = integerOf(given, 'timeMs', COUNT) ?? 0
  const chunk = partition.sealed.since(timeMs)
  if (chunk) return Math.max(partition.first, chunk.base)
  const line = partition.open.find(each => each.timeMs >= timeMs)
  return line ? line.offset : partition.next
}

export function partitionOf(feed: Feed, given: JsonObject): Partition {
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

export function outOfRange(
  message: string,
  { first, next, number: partition }: Partition,
): Rejected {
  return new Rejected('OFFSET_OUT_OF_RANGE', message, { first, next, partition })
}
