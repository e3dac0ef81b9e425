/** feed.* that read: pages, and a stream of what is published. */
import { READ_LIMIT_MAX } from '../../machine/feed/limits.ts'
import { isPattern } from '../../machine/feed/name.ts'
import type { FeedEvent, FeedFrom, NodeApi } from '../../node/api.ts'
import { HeadedRecords } from '../headed.ts'
import { POLL_WAIT_MS_MAX } from '../limits.ts'
import { type EventSource, method, type SourceEvent } from '../method.ts'
import { integer, may, must, text } from '../schema.ts'
import { FEED, FEED_CONFIG, FROM, OFFSETS_JSON, PARTITION_MAY, TARGET } from './feed-fields.ts'
import { headed, INTEGER, listOf, ref, result, STRING, shape, withHeader } from './result.ts'
import { sinkOf } from './sub.ts'

const LIMIT = 100

export const FEED_READS = [
  method('feed.list', {
    kind: 'read',
    doc: 'The feeds there are, in order of name.',
    params: { prefix: may(text(255, 'empty'), 'names that begin so') },
    positions: ['prefix'],
    result: result({
      feeds: listOf(shape({ feed: STRING, config: FEED_CONFIG, records: INTEGER, bytes: INTEGER })),
    }),
    run: ({ prefix = '' }, meta, { node }) => withHeader(node.feeds.list(prefix, meta)),
  }),
  method('feed.info', {
    kind: 'read',
    doc: 'How a feed is set up, and where its partitions begin and end.',
    params: { feed: FEED },
    positions: ['feed'],
    result: result({
      feed: STRING,
      config: FEED_CONFIG,
      partitions: listOf(
        shape({
          ...{ partition: INTEGER, shard: STRING, first: INTEGER, next: INTEGER },
          ...{ bytes: INTEGER, records: INTEGER },
        }),
      ),
      groups: listOf(shape({ group: STRING, lag: INTEGER })),
    }),
    run: ({ feed }, meta, { node }) => withHeader(node.feeds.info(feed, meta)),
  }),
  method('feed.read', {
    kind: 'read',
    doc: 'Records from a position on, committed ones only; go on with from = next. Below the first: OFFSET_OUT_OF_RANGE.',
    params: {
      feed: FEED,
      partition: may(PARTITION_MAY.schema, 'one partition; none: all, in the order of the log'),
      from: may(FROM, 'an offset, "first" (default), "last", "now", {timeMs}, or what next was'),
      to: may(integer(0), 'offsets below it'),
      limit: may(integer(1, READ_LIMIT_MAX), 'at most so many (100)'),
      waitMs: may(integer(0, POLL_WAIT_MS_MAX), 'how long to wait for the first (0)'),
    },
    positions: ['feed'],
    result: result({
      records: listOf(ref('FeedRecord')),
      next: OFFSETS_JSON,
      first: OFFSETS_JSON,
      last: OFFSETS_JSON,
    }),
    run: async ({ feed, partition, from, to, limit = LIMIT, waitMs = 0 }, meta, { node }) => {
      const options = { partition, from, to, limit, waitMs }
      const { records, header, ...bounds } = await node.feeds.read(feed, options, meta)
      return new HeadedRecords(records, bounds, header)
    },
  }),
  method('feed.subscribe', {
    kind: 'free',
    doc: 'WebSocket only. Every committed record as sub.event, in order within a partition, none left out.',
    params: {
      feed: must(TARGET, 'a feed, or a pattern: orders.* (one part), orders.> (all below)'),
      from: may(FROM, 'as feed.read, or a cursor ("now")'),
      partition: PARTITION_MAY,
    },
    positions: ['feed'],
    result: result({ subscription: STRING, cursor: STRING }),
    run: ({ feed, from = 'now', partition }, _meta, caller) => {
      const sink = sinkOf(caller, 'feed.subscribe', 'feed.read with waitMs')
      const source = feedSource(caller.node, feed, partition, from)
      const open = () => headed(sink.subscriptions.open(caller, source), caller.node.header())
      const known = isPattern(feed) ? undefined : caller.node.feeds.known(feed)
      return known === undefined ? open() : known.then(open)
    },
  }),
]

function feedSource(
  node: Pick<NodeApi, 'feeds'>,
  target: string,
  partition: number | undefined,
  asked: FeedFrom,
): EventSource {
  return {
    method: 'feed.subscribe',
    resumable: true,
    start: (from, deliver, ended) =>
      node.feeds.subscribe({
        target,
        partition,
        from: from ?? asked,
        deliver: event => deliver(sourceEvent(event)),
        ended,
      }),
  }
}

/** Time and rev of an event are those of its last record, which begins with them. */
function sourceEvent({ text, cursor, records }: FeedEvent): SourceEvent {
  const last = records[records.length - 1] ?? ''
  const [, timeMs, rev] = /"timeMs":(\d+),"rev":(\d+)/.exec(last.slice(0, HEAD_CHARS_MAX)) ?? []
  return { kind: 'feed', rev: Number(rev), timeMs: Number(timeMs), cursor, result: null, text }
}

/** Feed, partition, offset, time and rev. */
const HEAD_CHARS_MAX = 400
