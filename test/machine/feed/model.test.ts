import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Json, JsonObject } from '../../../src/base/json.ts'
import { FeedMachine } from '../../../src/machine/feed/feed-machine.ts'
import { TOMBSTONE_MS } from '../../../src/machine/feed/limits.ts'
import { Rejected } from '../../../src/machine/machine.ts'
import { Driven, hashOf, reloaded } from '../support.ts'

/** The machine against a plain array that knows nothing of chunks, and is never trimmed. */
interface Kept {
  readonly key: string | undefined
  readonly value: Json
  readonly timeMs: number
}

const key = fc.constantFrom('a', 'b', 'c', '\u00e9', '\u{1f600}', '__proto__')
/** Some are so large that chunks are sealed. */
const value = fc.oneof(
  // JSON has no negative zero.
  fc.jsonValue({ maxDepth: 2 }).map(json => JSON.parse(JSON.stringify(json)) as Json),
  fc.integer({ min: 5_000, max: 30_000 }).map(n => 'x'.repeat(n)),
)
const record = fc.record({ value, key }, { requiredKeys: ['value', 'key'] })
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ op: fc.constant('publish' as const), record }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('batch' as const),
      records: fc.array(record, { maxLength: 4 }),
      bad: fc.boolean(),
    }),
  },
  fc.record({ op: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 400 }) }),
  fc.record({ op: fc.constant('wait' as const), ms: fc.constant(TOMBSTONE_MS) }),
  fc.record({
    op: fc.constant('truncate' as const),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  fc.record({ op: fc.constant('restart' as const) }),
  fc.record({ op: fc.constant('settle' as const) }),
)

const retention = fc.record(
  {
    ageMs: fc.integer({ min: 1, max: 2_000 }),
    bytes: fc.integer({ min: 1, max: 150_000 }),
    records: fc.integer({ min: 1, max: 20 }),
  },
  { requiredKeys: [] },
)

class Model {
  readonly all: Kept[] = []
  first = 0

  live(compact: boolean, timeMs: number): number[] {
    const seen = this.all.flatMap((each, offset) =>
      offset >= this.first ? [{ ...each, offset }] : [],
    )
    if (!compact) return seen.map(each => each.offset)
    const last = new Map(seen.map(each => [each.key, each]))
    return [...last.values()]
      .filter(each => each.value !== null || each.timeMs + TOMBSTONE_MS > timeMs)
      .map(each => each.offset)
      .sort((a, b) => a - b)
  }
}

/** Texts of cold records, by id, as a node has them on disk. */
const disk = new Map<string, string>()

function settle({ machine }: Driven): void {
  const ids = [...machine.freeze().records(undefined)].map(({ id }) => id)
  const cold = ids.filter(id => machine.cold?.isCold(id))
  for (const id of cold) {
    const text = machine.cold?.text(id)
    if (text !== undefined) disk.set(id, text)
  }
  machine.cold?.settle(cold)
}

/** Whatever there is, page by page. */
function readAll(feed: Driven, from: number, limit: number): { offset: number; text: string }[] {
  const found: { offset: number; text: string }[] = []
  for (let at = from; ; ) {
    const query = { op: 'read', feed: 'f', from: at, limit }
    type Page = { records: string[]; next: number; last: number; needs?: string }
    let page = feed.ask(query) as Page
    if (page.needs !== undefined) {
      const text = disk.get(page.needs)
      if (text === undefined) throw new Error(`${page.needs} is not on disk`)
      page = feed.ask({ ...query, chunk: { id: page.needs, text } }) as Page
    }
    for (const text of page.records) found.push({ offset: JSON.parse(text).offset, text })
    if (page.next > page.last) return found
    expect(page.next).toBeGreaterThan(at)
    at = page.next
  }
}

test.each([false, true])('as a plain array does it, compacted: %s', compact => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), retention, (steps, bounds) => {
      let feed = new Driven(new FeedMachine())
      const model = new Model()
      feed.run({ op: 'create', feed: 'f', retention: bounds, compact: compact ? 'key' : 'none' })
      for (const one of steps) {
        if (one.op === 'wait') feed.reach(feed.timeMs + one.ms)
        else if (one.op === 'settle') settle(feed)
        else if (one.op === 'restart') feed = restarted(feed)
        else if (one.op === 'truncate') truncate(feed, model, one.share)
        else publish(feed, model, one)
        check(feed, model, bounds, compact)
      }
      expect(hashOf(restarted(feed).machine)).toBe(hashOf(feed.machine))
    }),
    { numRuns: 120 },
  )
})

function restarted(feed: Driven): Driven {
  settle(feed)
  const next = new Driven(reloaded(feed.machine, new FeedMachine()))
  next.rev = feed.rev
  next.timeMs = feed.timeMs
  return next
}

function truncate(feed: Driven, model: Model, share: number): void {
  const beforeOffset = Math.floor(share * model.all.length)
  feed.run({ op: 'truncate', feed: 'f', beforeOffset })
  model.first = Math.max(model.first, beforeOffset)
}

function publish(
  feed: Driven,
  model: Model,
  one:
    | { op: 'publish'; record: { key: string; value: Json } }
    | { op: 'batch'; records: { key: string; value: Json }[]; bad: boolean },
): void {
  const { timeMs } = feed
  const given = one.op === 'publish' ? [one.record] : one.records
  const records: JsonObject[] = given.map(each => ({ ...each, feed: 'f' }))
  if (one.op === 'batch' && one.bad) {
    const before = hashOf(feed.machine)
    const refused = () =>
      feed.run({ op: 'publishBatch', records: [...records, { feed: 'f', key: 'a' }] })
    expect(refused).toThrow(Rejected)
    expect(hashOf(feed.machine)).toBe(before)
    return
  }
  const answer =
    one.op === 'publish'
      ? { results: [feed.run({ op: 'publish', record: { ...one.record, feed: 'f' } })] }
      : feed.run({ op: 'publishBatch', records })
  const offset = model.all.length
  expect(answer).toEqual({
    results: given.map((_, i) => {
      return { partition: 0, offset: offset + i, rev: feed.rev, timeMs, duplicate: false }
    }),
  })
  for (const each of given) model.all.push({ ...each, timeMs })
}

/** `first` is the machine's to choose within what the bounds say; what is behind it is all there. */
function check(
  feed: Driven,
  model: Model,
  { ageMs, bytes, records }: { ageMs?: number; bytes?: number; records?: number },
  compact: boolean,
): void {
  const [bound] = feed.ask({ op: 'bounds', feed: 'f' }) as {
    first: number
    next: number
    bytes: number
    records: number
  }[]
  if (!bound) throw new Error('no partition')
  expect(bound.next).toBe(model.all.length)
  expect(bound.first).toBeGreaterThanOrEqual(model.first)
  if (bound.first > model.first) expect([ageMs, bytes, records].some(Boolean)).toBe(true)
  model.first = bound.first
  if (records !== undefined && !compact) expect(bound.records).toBeLessThanOrEqual(records)
  if (ageMs !== undefined) {
    const young = model.all.findIndex(each => each.timeMs > feed.timeMs - ageMs)
    if (bytes === undefined && records === undefined && young >= 0) {
      const cut = Math.max(model.first, young)
      expect(model.live(false, 0).filter(offset => offset >= young)[0] ?? cut).toBe(cut)
    }
    const oldest = model.all[bound.first]
    if (oldest && bound.next > bound.first) {
      expect(oldest.timeMs).toBeGreaterThan(feed.timeMs - ageMs * 1.2 - 1_000)
    }
  }
  const live = model.live(compact, feed.timeMs)
  expect(bound.records).toBe(live.length)
  const found = readAll(feed, bound.first, 7)
  expect(found.map(each => each.offset)).toEqual(live)
  for (const { offset, text } of found) {
    const { key, value, timeMs } = model.all[offset] as Kept
    expect(JSON.parse(text)).toMatchObject({ feed: 'f', partition: 0, key, value, timeMs })
  }
  if (bytes !== undefined && !compact) {
    const newest = found.at(-1)?.text.length ?? 0
    expect(bound.bytes).toBeLessThanOrEqual(Math.max(bytes, newest * 3))
  }
}
