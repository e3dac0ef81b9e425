/** Each way in which scripts/nemesis makes a good history of a feed bad is one that the judge notices. */
import { expect, test } from 'vitest'
import type { FeedFact } from '../../src/check/feed-history.ts'
import { judgeFeed } from '../../src/check/feed-judge.ts'

// Plain JavaScript without declarations, as all scripts are.
const { DOCTORED } = await import('../../scripts/nemesis/feed-doctored.mjs' as string)

const PLACE = { partition: 0, group: 'g', client: 'c', status: 'ok' } as const
const record = (offset: number) => ({ offset, id: `r${offset}`, bytes: `text ${offset}` })
const page = (kind: 'stream' | 'look' | 'whole', from: number, next: number, called: number) => {
  const records = Array.from({ length: next - from }, (_, i) => record(from + i))
  const about = { client: 'c', partition: 0, called, returned: called + 1 }
  return { type: 'page', kind, from, next, records, ...about } as const
}

/** Three records, followed in two pages, read, consumed by a cursor and by a queue. */
const GOOD: readonly FeedFact[] = [
  { type: 'queue', group: 'g', ackWaitMs: 10, slackMs: 1 },
  ...[0, 1, 2].flatMap((offset): FeedFact[] => [
    {
      ...PLACE,
      type: 'publish',
      id: `r${offset}`,
      offset,
      called: 2 * offset,
      returned: 2 * offset + 1,
    },
    { ...PLACE, type: 'lease', offset, attempt: 1, called: 10, returned: 11 },
    { ...PLACE, type: 'ack', offset, attempt: 1, called: 12, returned: 13 },
  ]),
  page('stream', 0, 0, 13),
  page('stream', 0, 2, 14),
  page('stream', 2, 3, 16),
  { ...page('look', 0, 3, 18), end: 3 },
  { ...PLACE, type: 'found', offset: 0, called: 20, returned: 21 },
  { ...PLACE, type: 'commit', offset: 3, called: 22, returned: 23 },
  page('whole', 0, 3, 30),
  page('whole', 0, 3, 32),
]

test('the history is good before', () => {
  expect(judgeFeed(GOOD)).toEqual({ verdict: 'ok', problems: [] })
})

test.each(Object.keys(DOCTORED))('noticed: %s', name => {
  expect(judgeFeed(DOCTORED[name](GOOD)).verdict).toBe('bad')
})
