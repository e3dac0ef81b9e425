/** feed.* that change feeds: each becomes a command of the machine (src/machine/feed/feed-machine.ts). */
import type { JsonObject } from '../../base/json.ts'
import { PARTITIONS_MAX } from '../../machine/feed/limits.ts'
import { invalidParams } from '../errors.ts'
import { method } from '../method.ts'
import { integer, may, must } from '../schema.ts'
import {
  COMPACT,
  CONFIG,
  FEED,
  FEED_CONFIG,
  OFFSETS_JSON,
  PARTITION_MAY,
  PUBLISHED,
  RECORD,
  RECORDS,
} from './feed-fields.ts'
import {
  BOOLEAN,
  listOf,
  publishedWithHeader,
  result,
  STRING,
  shape,
  withHeader,
} from './result.ts'

const CONFIGURED = result({ feed: STRING, config: FEED_CONFIG })

export const FEED_WRITES = [
  method('feed.create', {
    kind: 'write',
    doc: 'Makes a feed. The number of partitions, and whether it is compacted, are for good.',
    params: {
      feed: FEED,
      partitions: may(integer(1, PARTITIONS_MAX), 'parts, each with an order of its own (1)'),
      ...CONFIG,
      compact: may(COMPACT, 'key: only the last record of each key is kept (none)'),
    },
    positions: ['feed'],
    result: CONFIGURED,
    run: ({ feed, partitions, retention, compact, dedupeMs }, meta, { node }) =>
      withHeader(node.feeds.create(feed, { partitions, retention, compact, dedupeMs }, meta)),
  }),
  method('feed.update', {
    kind: 'write',
    doc: 'Changes how long records and ids are kept.',
    params: { feed: FEED, ...CONFIG },
    positions: ['feed'],
    result: CONFIGURED,
    run: ({ feed, retention, dedupeMs }, meta, { node }) =>
      withHeader(node.feeds.write(feed, { op: 'update', feed, retention, dedupeMs }, meta)),
  }),
  method('feed.delete', {
    kind: 'write',
    doc: 'Deletes a feed and all its records.',
    params: { feed: FEED },
    positions: ['feed'],
    result: result({ feed: STRING, deleted: BOOLEAN }),
    run: ({ feed }, meta, { node }) =>
      withHeader(node.feeds.write(feed, { op: 'delete', feed }, meta)),
  }),
  method('feed.publish', {
    kind: 'write',
    doc: 'Appends a record. Members that are not named here are kept in it.',
    params: { feed: FEED, ...RECORD },
    positions: ['feed', 'value'],
    result: result(PUBLISHED),
    run: (params, meta, { node }) => {
      const record = recordIn(params)
      const { feed } = params
      const publish = () => node.feeds.write(feed, { op: 'publish', record }, meta)
      const ensured = node.feeds.ensure([feed], meta)
      return publishedWithHeader(ensured === undefined ? publish() : ensured.then(publish))
    },
  }),
  method('feed.publishBatch', {
    kind: 'write',
    doc: 'Appends records, of several feeds: all of them or none, in one commit (of each shard, where the feeds are in several).',
    params: { records: must(RECORDS, 'as feed.publish takes them') },
    positions: ['records'],
    result: result({ results: listOf(shape(PUBLISHED)) }),
    run: ({ records }, meta, { node }) => {
      const ensured = node.feeds.ensure(namesIn(records), meta)
      const publish = () => node.feeds.publishBatch(records as readonly JsonObject[], meta)
      return publishedWithHeader(ensured === undefined ? publish() : ensured.then(publish))
    },
  }),
  method('feed.truncate', {
    kind: 'write',
    doc: 'Records below an offset, or before a time, go. Readers that want one get OFFSET_OUT_OF_RANGE.',
    params: {
      feed: FEED,
      beforeOffset: may(integer(0), 'the first offset that stays'),
      beforeTimeMs: may(integer(0), 'records from this time on stay'),
      partition: PARTITION_MAY,
    },
    positions: ['feed'],
    result: result({ first: OFFSETS_JSON }),
    run: ({ feed, beforeOffset, beforeTimeMs, partition }, meta, { node }) => {
      if ((beforeOffset === undefined) === (beforeTimeMs === undefined)) {
        throw invalidParams('beforeOffset', 'give beforeOffset or beforeTimeMs, and not both')
      }
      const options = { beforeOffset, beforeTimeMs, partition }
      return withHeader(node.feeds.truncate(feed, options, meta))
    },
  }),
]

/** Each once; most batches name one. */
function namesIn(records: readonly { readonly feed: string }[]): readonly string[] {
  const [first] = records
  const isOne = records.every(({ feed }) => feed === first?.feed)
  return isOne && first ? [first.feed] : [...new Set(records.map(({ feed }) => feed))]
}

/** All that was given but `meta`: unknown members are the publisher's own. */
function recordIn(params: object): JsonObject {
  const { meta: _, ...record } = params as Record<string, JsonObject>
  return record
}
