/** Parameters that several feed.* methods have, and schemas of what they answer. */

import { isObject } from '../../base/json.ts'
import {
  DEDUPE_MS_MAX,
  ID_BYTES_MAX,
  PARTITIONS_MAX,
  RETENTION_MS_MAX,
} from '../../machine/feed/limits.ts'
import { FROM_RULE, isFeedName, isPattern, NAME_RULE } from '../../machine/feed/name.ts'
import type { FeedFrom } from '../../node/api.ts'
import { integer, list, may, must, object, oneOf, refined, type Schema, text } from '../schema.ts'
import { KEY, VALUE } from '../value.ts'
import { BOOLEAN, INTEGER, STRING, shape } from './result.ts'

export const FEED_NAME: Schema<string> = refined(text(255), value =>
  isFeedName(value) ? undefined : { path: '', say: `is no name: ${NAME_RULE}` },
)
export const FEED = must(FEED_NAME, 'name of the feed')
export const TARGET: Schema<string> = refined(text(255), value =>
  isFeedName(value) || isPattern(String(value))
    ? undefined
    : {
        path: '',
        say: 'must be the name of a feed, or a pattern as orders.* (one part) or orders.> (all below)',
      },
)
export const PARTITION = integer(0, PARTITIONS_MAX - 1)
export const PARTITION_MAY = may(PARTITION, 'one partition')

/** A bound may be null: none. */
const bound = (max?: number): Schema<number | null> => ({
  json: { type: ['integer', 'null'], minimum: 1 },
  check: value => (value === null ? undefined : integer(1, max).check(value)),
})
export const RETENTION = object({
  ageMs: may(bound(RETENTION_MS_MAX), 'records older than this go'),
  bytes: may(bound(), 'of each partition: the oldest go when there are more'),
  records: may(bound(), 'of each partition: the oldest go when there are more'),
})
export const CONFIG = {
  retention: may(RETENTION, 'how long records stay; null takes a bound away'),
  dedupeMs: may(
    integer(0, DEDUPE_MS_MAX),
    'an id is remembered for so long (120000); 0: not at all',
  ),
}
export const COMPACT = oneOf('none', 'key')

export const RECORD = {
  value: must(VALUE, 'any JSON'),
  key: may(KEY, 'records with one key stay in order, in one partition'),
  headers: may(object({}), 'names with strings, numbers or booleans'),
  id: may(text(ID_BYTES_MAX), 'published once within dedupeMs, however often it is sent'),
  expectOffset: may(integer(0), 'only if it gets this offset, else WRONG_OFFSET'),
  partition: may(PARTITION, 'where it goes; none: by key, else by id, else in turn'),
}
export const RECORDS = list(object({ feed: FEED, ...RECORD }), 10_000)

export const FROM: Schema<FeedFrom> = {
  json: { description: FROM_RULE },
  check: value => (isFrom(value) ? undefined : { path: '', say: FROM_RULE.replace('from ', '') }),
}

const WORDS = ['first', 'start', 'last', 'now', 'end']
const OFFSETS = /^\d+:\d+(,\d+:\d+)*$/

export function isFrom(value: unknown): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value)
  if (typeof value === 'string') {
    if (WORDS.includes(value) || /^-?\d{1,15}$/.test(value) || OFFSETS.test(value)) return true
    return (
      value.length < 65_536 &&
      /^[^=;]*=(\d+:\d+(,\d+:\d+)*)?(;[^=;]+=\d+:\d+(,\d+:\d+)*)*$/.test(value)
    )
  }
  if (!isObject(value)) return false
  const entries = Object.entries(value)
  const isTime = entries.length === 1 && value['timeMs'] !== undefined
  const isOffset = (each: unknown) => Number.isSafeInteger(each) && Number(each) >= 0
  return isTime
    ? isOffset(value['timeMs'])
    : entries.every(([name, each]) => /^\d+$/.test(name) && isOffset(each))
}

/** Of one partition a number, of several by partition. */
export const OFFSETS_JSON = { type: ['integer', 'object'] }
export const PUBLISHED = {
  partition: INTEGER,
  offset: INTEGER,
  rev: INTEGER,
  'lamport?': INTEGER,
  timeMs: INTEGER,
  duplicate: BOOLEAN,
}
export const FEED_CONFIG = shape({
  partitions: INTEGER,
  retention: { type: 'object' },
  compact: STRING,
  dedupeMs: INTEGER,
})
