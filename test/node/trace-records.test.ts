/** Where the records of a trace are: which pages are read for it, and what each is used for. */
import { expect, test } from 'vitest'
import { ViewstampError } from '../../src/base/errors.ts'
import type { TraceEvent } from '../../src/node/api.ts'
import type { FeedApi, FeedFrom } from '../../src/node/feed-api.ts'
import { withPlaces } from '../../src/node/trace-records.ts'

interface Stored {
  readonly rev: number
  readonly timeMs: number
  /** Another than that of the event of this rev. */
  readonly lamport?: number
}

const event = (rev: number, timeMs: number, records = 1, feed = 'f'): TraceEvent => ({
  ...{ id: `main@${rev}`, shard: 'main', op: rev, view: 0, rev, lamport: rev, timeMs, node: 'n1' },
  ...{ machine: 'feed', method: 'feed.publish', keys: [], session: 's' },
  records: Array.from({ length: records }, () => ({ feed })),
})

/** One feed, in pages of two records. */
function shelfOf(stored: readonly Stored[], first = 0) {
  const asked: FeedFrom[] = []
  const read = async (feed: string, { from = 0 }: { from?: FeedFrom }) => {
    asked.push(from)
    if (feed !== 'f') throw new ViewstampError('FEED_NOT_FOUND', 'there is none')
    const since =
      typeof from === 'object'
        ? stored.findIndex(({ timeMs }) => timeMs >= Number(from['timeMs']))
        : Number(from)
    if (since >= 0 && since < first)
      throw new ViewstampError('OFFSET_OUT_OF_RANGE', 'no longer kept')
    const start = since < 0 ? stored.length : since
    const page = stored.slice(start, start + 2)
    const records = page.map(({ rev, timeMs, lamport = rev }, i) => {
      const head = { feed, partition: 0, offset: start + i, timeMs, rev }
      return JSON.stringify({ ...head, value: ',"rev":9,', lamport })
    })
    return { records, next: start + page.length }
  }
  const shelf = { feeds: { read: read as unknown as FeedApi['read'] }, shardOf: () => 'main' }
  return { shelf, asked }
}
const offsets = (events: readonly TraceEvent[]) =>
  events.map(({ records }) => records.map(({ offset }) => offset))

test('a page is used for all that it covers, and what lies between is not read', async () => {
  const stored = Array.from({ length: 20 }, (_, i) => ({ rev: i + 1, timeMs: 100 + i }))
  const { shelf, asked } = shelfOf(stored)
  const found = await withPlaces(shelf, [event(1, 100), event(12, 111), event(13, 112)])
  expect(offsets(found)).toEqual([[0], [11], [12]])
  expect(asked).toEqual([{ timeMs: 100 }, { timeMs: 111 }, 13])
})

test('many records of one time, and of one command over the end of a page', async () => {
  const stored = [1, 2, 3, 4, 5, 5, 5, 6].map(rev => ({ rev, timeMs: 100 }))
  const { shelf, asked } = shelfOf(stored)
  const found = await withPlaces(shelf, [event(4, 100), event(5, 100, 3), event(6, 100)])
  expect(offsets(found)).toEqual([[3], [4, 5, 6], [7]])
  expect(asked).toEqual([{ timeMs: 100 }, 2, 4, 6, 8])
})

test('no more of an event than it tells, and none of another command', async () => {
  const stored = [...[1, 1, 1].map(rev => ({ rev, timeMs: 1 })), { rev: 2, timeMs: 1, lamport: 7 }]
  const found = await withPlaces(shelfOf(stored).shelf, [event(1, 1, 2), event(2, 1)])
  expect(offsets(found)).toEqual([[0, 1], [undefined]])
})

test('what is gone has no place: one record, all from there on, a feed, or it was of another shard', async () => {
  const stored = [1, 3].map(rev => ({ rev, timeMs: rev }))
  const { shelf, asked } = shelfOf(stored)
  const events = [event(1, 1), event(2, 2), event(3, 3), event(4, 4), event(5, 5, 1, 'none')]
  expect(offsets(await withPlaces(shelf, events))).toEqual([
    [0],
    [undefined],
    [1],
    [undefined],
    [undefined],
  ])
  asked.length = 0
  expect(await withPlaces({ ...shelf, shardOf: () => 's1' }, events)).toEqual(events)
  expect(asked).toEqual([])
})

test('what is no longer kept when it is read says nothing of what follows', async () => {
  const stored = [1, 2, 3, 4].map(rev => ({ rev, timeMs: rev }))
  const found = await withPlaces(shelfOf(stored, 2).shelf, [event(1, 1), event(2, 2), event(3, 3)])
  expect(offsets(found)).toEqual([[undefined], [undefined], [2]])
})

test('it ends, however many records have the time of what is looked for', async () => {
  const stored = Array.from({ length: 5000 }, (_, i) => ({ rev: i + 1, timeMs: 100 }))
  const { shelf, asked } = shelfOf(stored)
  const found = await withPlaces(shelf, [event(1, 100), event(4999, 100)])
  expect(offsets(found)).toEqual([[0], [undefined]])
  expect(asked).toHaveLength(2000)
})

test('what fails otherwise is told', async () => {
  const read = async () => Promise.reject(new Error('the disk'))
  const shelf = { feeds: { read }, shardOf: () => 'main' }
  await expect(withPlaces(shelf, [event(1, 1)])).rejects.toThrow('the disk')
})
