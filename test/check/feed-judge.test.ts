import { expect, test } from 'vitest'
import type {
  FeedCursor,
  FeedFact,
  FeedLease,
  FeedPage,
  FeedPublish,
} from '../../src/check/feed-history.ts'
import { explainFeed, judgeFeed } from '../../src/check/feed-judge.ts'

type At = readonly [number, number | null]

/** Published by p at partition 0, as `a` at 3: `put([1, 2], 'a', 3)`. */
const put = (
  [called, returned]: At,
  id: string,
  offset: number,
  more: Partial<FeedPublish> = {},
): FeedPublish => ({
  ...{ type: 'publish', client: 'p', id, status: 'ok', partition: 0, offset, called, returned },
  ...more,
})

/** `page('whole', [8, 9], 0, 'a b c')`: the ids of offsets 0, 1, 2. */
function page(
  kind: FeedPage['kind'],
  [called, returned]: At,
  from: number,
  ids: string,
  more: Partial<FeedPage> = {},
): FeedPage {
  const names = ids.split(' ').filter(id => id !== '')
  const records = names.map((id, i) => ({ offset: from + i, id, bytes: `bytes of ${id}` }))
  const next = from + records.length
  return {
    ...{ type: 'page', client: 'r', kind, partition: 0, from, next, records, called, returned },
    ...more,
  }
}

/** All of them at the end. */
const whole = (ids: string, more: Partial<FeedPage> = {}) => page('whole', [900, 901], 0, ids, more)
const AB = [put([1, 2], 'a', 0), put([3, 4], 'b', 1)]

const cursor = (
  type: FeedCursor['type'],
  at: number,
  offset: number,
  status: FeedCursor['status'] = 'ok',
): FeedCursor => ({
  ...{ type, client: 'w', group: 'c', partition: 0, offset, status, called: at, returned: at + 1 },
})

const QUEUE = { type: 'queue', group: 'q', ackWaitMs: 100, slackMs: 10 } as const
const about = (
  type: FeedLease['type'],
  at: number,
  offset: number,
  attempt: number,
  more: Partial<FeedLease> = {},
): FeedLease => ({
  ...{ type, client: 'm', group: 'q', partition: 0, offset, attempt, status: 'ok' },
  ...{ called: at, returned: at + 1 },
  ...more,
})

const BAD: readonly (readonly [string, RegExp, readonly FeedFact[]])[] = [
  ['acknowledged and lost', /b was acknowledged, and is lost/, [...AB, whole('a')]],
  [
    'acknowledged, and another has its place',
    /b was acknowledged, and is lost/,
    [...AB, put([5, 6], 'c', 1), whole('a c')],
  ],
  ['acknowledged, and elsewhere', /a is not where/, [...AB, whole('b a')]],
  [
    'refused and there',
    /a was refused, and is there/,
    [put([1, 2], 'a', 0, { status: 'fail' }), whole('a')],
  ],
  ['nobody published it', /nobody published x/, [...AB, whole('a b x')]],
  ['published twice', /a was published twice/, [...AB, whole('a b a')]],
  [
    'published twice, in two partitions',
    /b was published twice/,
    [...AB, whole('a b'), whole('b', { partition: 1 })],
  ],
  [
    'two bytes for one offset',
    /two answers for one offset/,
    [
      ...AB,
      whole('a b'),
      whole('a b', {
        node: 'n2',
        records: [0, 1].map(offset => ({ offset, id: 'ab'[offset] ?? '', bytes: 'other' })),
      }),
    ],
  ],
  [
    'two records for one offset',
    /two answers for one offset/,
    [...AB, put([3, 4], 'c', 1), page('look', [5, 6], 1, 'c'), whole('a b')],
  ],
  [
    'a gap in a page',
    /an offset is left out/,
    [
      ...AB,
      put([5, 6], 'c', 2),
      page('look', [7, 8], 0, '', {
        next: 3,
        records: [0, 2].map(offset => ({ offset, id: 'abc'[offset] ?? '', bytes: '' })),
      }),
    ],
  ],
  ['a page that ends too late', /a page ends where/, [...AB, whole('a b', { next: 3 })]],
  [
    'a stream that skips',
    /a stream skips/,
    [
      ...AB,
      put([5, 6], 'c', 2),
      page('stream', [7, 8], 0, 'a'),
      page('stream', [9, 10], 2, 'c'),
      whole('a b c'),
    ],
  ],
  [
    'a stream that gives a record again',
    /a stream goes back/,
    [...AB, page('stream', [7, 8], 0, 'a b'), page('stream', [9, 10], 1, 'b'), whole('a b')],
  ],
  [
    'two nodes that end differently',
    /two nodes have not the same/,
    [...AB, whole('a b'), whole('a', { node: 'n2' })],
  ],
  [
    'one producer out of order',
    /before it in the feed/,
    [put([1, 2], 'a', 1), put([3, 4], 'b', 0), whole('b a')],
  ],
  [
    'two producers out of order, one of unknown outcome',
    /before it in the feed/,
    [
      put([1, 2], 'a', 1),
      put([3, null], 'b', 0, { client: 'p2', status: 'info', offset: -1 }),
      whole('b a'),
    ],
  ],
  [
    'a part of a batch',
    /of batch x a part/,
    [
      put([1, null], 'a', 0, { status: 'info', batch: 'x' }),
      put([1, null], 'b', 1, { status: 'info', batch: 'x' }),
      whole('a'),
    ],
  ],
  [
    'seen before it was published',
    /b was seen before/,
    [put([1, 2], 'a', 0), page('look', [3, 4], 0, 'a b'), put([5, 6], 'b', 1), whole('a b')],
  ],
  [
    'a stale read after an acknowledgement',
    /a read misses/,
    [...AB, page('look', [5, 6], 0, 'a', { end: 1 }), whole('a b')],
  ],
  [
    'a stale read after a read',
    /a read misses/,
    [
      put([1, 2], 'a', 0),
      put([1, 100], 'b', 1, { client: 'p2' }),
      page('look', [5, 6], 2, '', { end: 2 }),
      page('look', [7, 8], 1, '', { end: 1 }),
      whole('a b'),
    ],
  ],
  [
    'a cursor that goes back',
    /is done again/,
    [...AB, cursor('found', 5, 0), cursor('commit', 6, 2), cursor('found', 8, 1), whole('a b')],
  ],
  [
    'a cursor that skips',
    /skips records/,
    [...AB, cursor('found', 5, 0), cursor('commit', 6, 1), cursor('found', 8, 2), whole('a b')],
  ],
  [
    'a cursor that takes back what nobody heard of, after it was found',
    /is done again/,
    [
      ...[...AB, cursor('commit', 5, 1), cursor('commit', 6, 2, 'info'), cursor('found', 8, 2)],
      ...[cursor('found', 10, 1), whole('a b')],
    ],
  ],
  ['a cursor short of the end', /did not come/, [...AB, cursor('commit', 6, 1), whole('a b')]],
  [
    'a record that is never delivered',
    /never delivered/,
    [...AB, QUEUE, about('lease', 5, 0, 1), about('ack', 7, 0, 1), whole('a b')],
  ],
  [
    'a record that nobody did',
    /never acknowledged/,
    [put([1, 2], 'a', 0), QUEUE, about('lease', 5, 0, 1), about('nack', 7, 0, 1), whole('a')],
  ],
  [
    'delivered again after it was done',
    /acknowledged is delivered again/,
    [
      ...[put([1, 2], 'a', 0), QUEUE, about('lease', 5, 0, 1), about('ack', 7, 0, 1)],
      ...[about('lease', 500, 0, 2), whole('a')],
    ],
  ],
  [
    'one delivery to two members',
    /given twice/,
    [
      ...[put([1, 2], 'a', 0), QUEUE, about('lease', 5, 0, 1)],
      ...[about('lease', 6, 0, 1, { client: 'm2' }), about('ack', 7, 0, 1), whole('a')],
    ],
  ],
  [
    'two leases at one time',
    /two have a lease/,
    [
      ...[put([1, 2], 'a', 0), QUEUE, about('lease', 5, 0, 1), about('lease', 80, 0, 2)],
      ...[about('ack', 90, 0, 2), whole('a')],
    ],
  ],
  [
    'a lease that ends too early',
    /ended before its time/,
    [
      ...[put([1, 2], 'a', 0), QUEUE, about('lease', 5, 0, 1)],
      ...[about('ack', 50, 0, 1, { status: 'fail' }), about('lease', 200, 0, 2)],
      ...[about('ack', 210, 0, 2), whole('a')],
    ],
  ],
]

test.each(BAD)('bad: %s', (_name, what, facts) => {
  const { verdict, problems } = judgeFeed(facts)
  expect(verdict).toBe('bad')
  expect(problems.map(each => each.what).join('\n')).toMatch(what)
})

const GOOD: readonly (readonly [string, readonly FeedFact[]])[] = [
  ['nothing but what was published', [...AB, whole('a b'), whole('a b', { node: 'n2' })]],
  [
    'what nobody heard of may be there, anywhere behind what was over, or not',
    [
      put([1, null], 'x', -1, { status: 'info' }),
      put([1, null], 'y', -1, { status: 'info' }),
      ...AB,
      whole('a b x'),
    ],
  ],
  [
    'what was refused is not there',
    [...AB, put([5, 6], 'c', -1, { status: 'fail' }), whole('a b')],
  ],
  ['two at once in either order', [put([1, 5], 'a', 1), put([2, 4], 'b', 0), whole('b a')]],
  [
    'one after the other in two partitions',
    [...AB, put([5, 6], 'c', 0, { partition: 1 }), whole('a b'), whole('c', { partition: 1 })],
  ],
  [
    'streams from anywhere, with empty pages; a lagging look that promises nothing',
    [
      ...AB,
      page('stream', [5, 6], 1, ''),
      page('stream', [7, 8], 1, 'b'),
      page('stream', [7, 8], 0, 'a b', { client: 'r2' }),
      page('look', [9, 10], 0, 'a'),
      whole('a b'),
    ],
  ],
  [
    'a cursor whose unknown commit was done, and one whose was not',
    [
      ...[...AB, cursor('found', 5, 0), cursor('commit', 6, 1, 'info'), cursor('found', 8, 1)],
      ...[cursor('commit', 9, 2, 'info'), cursor('found', 12, 1), cursor('commit', 14, 2)],
      whole('a b'),
    ],
  ],
  [
    'a queue: a lease runs out, one is given back, one is done perhaps',
    [
      ...[...AB, QUEUE, about('lease', 5, 0, 1), about('lease', 5, 1, 1)],
      ...[about('nack', 7, 1, 1), about('lease', 8, 1, 2), about('ack', 9, 1, 2)],
      ...[about('lease', 105, 0, 2), about('ack', 110, 0, 1, { status: 'fail' })],
      ...[about('ack', 111, 0, 2, { status: 'info' }), whole('a b')],
    ],
  ],
]

test.each(GOOD)('good: %s', (_name, facts) => {
  expect(judgeFeed(facts)).toEqual({ verdict: 'ok', problems: [] })
})

test('nothing is said of what is lost when nobody read to the end', () => {
  expect(judgeFeed(AB).verdict).toBe('unknown')
  expect(judgeFeed([]).verdict).toBe('unknown')
  expect(judgeFeed([...AB, put([5, 6], 'c', 0, { partition: 1 }), whole('a b')]).verdict).toBe(
    'unknown',
  )
})

test('of a long history only what contradicts is shown, a line each', () => {
  const n = 2_000
  const ids = Array.from({ length: n }, (_, i) => `x${i}`)
  const puts = ids.map((id, i) => put([2 * i, 2 * i + 1], id, i))
  const read = page('whole', [2 * n, 2 * n + 1], 0, ids.join(' '))
  expect(judgeFeed([...puts, read]).verdict).toBe('ok')
  const [first, second] = [read.records[700], read.records[701]]
  const swapped = read.records.map(record => {
    if (record === first) return { ...record, id: 'x701' }
    return record === second ? { ...record, id: 'x700' } : record
  })
  const { problems } = judgeFeed([...puts, { ...read, records: swapped }])
  const order = problems.find(({ what }) => what.startsWith('published later'))
  expect(order?.facts).toEqual([puts[700], puts[701]])
  for (const problem of problems) expect(explainFeed(problem).split('\n').length).toBeLessThan(4)
})
