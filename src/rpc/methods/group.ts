/** group.*: consumer groups of a feed, as cursors (offsets that readers commit) or as queues (leases). */

import { isObject } from '../../base/json.ts'
import {
  DEDUPE_MS_MAX,
  ID_BYTES_MAX,
  MAX_DELIVER_MAX,
  PENDING_MAX,
} from '../../machine/feed/limits.ts'
import { HeadedRecords } from '../headed.ts'
import { POLL_WAIT_MS_MAX } from '../limits.ts'
import { method } from '../method.ts'
import { integer, list, may, must, oneOf, type Schema, text } from '../schema.ts'
import { FEED, FEED_NAME, FROM } from './feed-fields.ts'
import { BOOLEAN, INTEGER, listOf, ref, result, STRING, shape, withHeader } from './result.ts'

const GROUP = must(FEED_NAME, 'name of the group')
const MEMBER = must(text(ID_BYTES_MAX), 'who asks: a name of its own for each consumer')
const DELIVERIES = must(
  list(text(64), PENDING_MAX),
  'what group.fetch gave: the member `delivery` of records',
)

const OFFSETS: Schema<Readonly<Record<string, number>>> = {
  json: { type: 'object', additionalProperties: { type: 'integer' } },
  check: value => {
    const wrong = { path: '', say: 'must be offsets by partition, as {"0":12}' }
    if (!isObject(value)) return wrong
    const isRight = ([name, offset]: [string, unknown]) =>
      /^\d{1,3}$/.test(name) && Number.isSafeInteger(offset) && Number(offset) >= 0
    return Object.entries(value).every(isRight) ? undefined : wrong
  },
}

const POSITION = { offsets: { type: 'object' }, lag: INTEGER } as const
const SHOWN = {
  group: STRING,
  config: { type: 'object' },
  ...POSITION,
  'pending?': INTEGER,
} as const

export const GROUPS = [
  method('group.create', {
    kind: 'write',
    doc: 'Makes a group. cursor: readers commit how far they are. queue: records are leased to members until they acknowledge.',
    params: {
      feed: FEED,
      group: GROUP,
      mode: may(oneOf('cursor', 'queue'), 'how it works (cursor)'),
      from: may(FROM, 'where it begins, as feed.read ("first")'),
      ackWaitMs: may(integer(1, DEDUPE_MS_MAX), 'of a queue: a lease ends after this time (30000)'),
      maxDeliver: may(
        integer(0, MAX_DELIVER_MAX),
        'of a queue: after so many deliveries a record goes to deadLetter; 0: never (0, or 5 with deadLetter)',
      ),
      deadLetter: may(FEED_NAME, 'a feed, made when needed (<feed>.<group>.dead)'),
    },
    positions: ['feed', 'group'],
    result: result(SHOWN),
    run: ({ feed, group, mode, from, ackWaitMs, maxDeliver, deadLetter }, meta, { node }) => {
      const options = { mode, from, ackWaitMs, maxDeliver, deadLetter }
      return withHeader(node.feeds.groups.create(feed, group, options, meta))
    },
  }),
  method('group.delete', {
    kind: 'write',
    doc: 'Deletes a group; the feed stays.',
    params: { feed: FEED, group: GROUP },
    positions: ['feed', 'group'],
    result: result({ group: STRING, deleted: BOOLEAN }),
    run: ({ feed, group }, meta, { node }) =>
      withHeader(node.feeds.groups.write(feed, { op: 'group.delete', group }, meta)),
  }),
  method('group.list', {
    kind: 'read',
    doc: 'The groups of a feed, and how far behind each is.',
    params: { feed: FEED },
    positions: ['feed'],
    result: result({ groups: listOf(shape(SHOWN)) }),
    run: ({ feed }, meta, { node }) => withHeader(node.feeds.groups.list(feed, meta)),
  }),
  method('group.info', {
    kind: 'read',
    doc: 'One group: offsets, and lag, the number of records not yet committed or acknowledged.',
    params: { feed: FEED, group: GROUP },
    positions: ['feed', 'group'],
    result: result(SHOWN),
    run: ({ feed, group }, meta, { node }) => withHeader(node.feeds.groups.info(feed, group, meta)),
  }),
  method('group.offsets', {
    kind: 'read',
    doc: 'Where the group goes on, by partition: everything below is done.',
    params: { feed: FEED, group: GROUP },
    positions: ['feed', 'group'],
    result: result(POSITION),
    run: async ({ feed, group }, meta, { node }) => {
      const { result: shown, header } = await node.feeds.groups.info(feed, group, meta)
      const { offsets, lag } = shown as { offsets: object; lag: number }
      return { offsets, lag, header }
    },
  }),
  method('group.commit', {
    kind: 'write',
    doc: 'Of a cursor: the offsets at which its readers go on.',
    params: { feed: FEED, group: GROUP, offsets: must(OFFSETS, 'by partition, as {"0":12}') },
    positions: ['feed', 'group', 'offsets'],
    result: result(POSITION),
    run: ({ feed, group, offsets }, meta, { node }) =>
      withHeader(node.feeds.groups.write(feed, { op: 'group.commit', group, offsets }, meta)),
  }),
  method('group.seek', {
    kind: 'write',
    doc: 'Moves the group: to offsets by partition, or to "first", "last", "now", {timeMs}. A queue forgets its leases.',
    params: {
      feed: FEED,
      group: GROUP,
      offsets: must(FROM, 'by partition, as {"0":12}; or a position as feed.read takes them'),
    },
    positions: ['feed', 'group', 'offsets'],
    result: result(POSITION),
    run: ({ feed, group, offsets }, meta, { node }) =>
      withHeader(node.feeds.groups.seek(feed, group, offsets, meta)),
  }),
  method('group.fetch', {
    kind: 'write',
    doc: 'Of a queue: leases records to a member, who acknowledges each within ackWaitMs, or it is delivered again.',
    params: {
      feed: FEED,
      group: GROUP,
      member: MEMBER,
      limit: may(integer(1, PENDING_MAX), 'at most so many (10)'),
      waitMs: may(integer(0, POLL_WAIT_MS_MAX), 'how long to wait for the first (0)'),
    },
    positions: ['feed', 'group', 'member'],
    result: result({ records: listOf(ref('FeedRecord')) }),
    run: async ({ feed, group, member, limit = 10, waitMs = 0 }, meta, { node }) => {
      const options = { member, limit, waitMs }
      const { records, header } = await node.feeds.groups.fetch(feed, group, options, meta)
      return new HeadedRecords(records, {}, header)
    },
  }),
  method('group.ack', {
    kind: 'write',
    doc: 'The records are done. All of them or, if the member has no lease of one (any more), none: NOT_OWNER.',
    params: { feed: FEED, group: GROUP, member: MEMBER, deliveries: DELIVERIES },
    positions: ['feed', 'group', 'member', 'deliveries'],
    result: result({ acked: INTEGER }),
    run: ({ feed, group, member, deliveries }, meta, { node }) => {
      const body = { op: 'group.ack', group, member, deliveries }
      return withHeader(node.feeds.groups.write(feed, body, meta))
    },
  }),
  method('group.nack', {
    kind: 'write',
    doc: 'The records are not done: they are delivered again, or, after maxDeliver, go to the dead-letter feed with the reason.',
    params: {
      feed: FEED,
      group: GROUP,
      member: MEMBER,
      deliveries: DELIVERIES,
      delayMs: may(integer(0, DEDUPE_MS_MAX), 'not before this time (0)'),
      reason: may(text(1000, 'empty'), 'kept with a dead letter'),
    },
    positions: ['feed', 'group', 'member', 'deliveries'],
    result: result({ nacked: INTEGER }),
    run: ({ feed, group, member, deliveries, delayMs, reason }, meta, { node }) => {
      const given = { member, deliveries, delayMs, reason }
      return withHeader(node.feeds.groups.nack(feed, group, given, meta))
    },
  }),
]
