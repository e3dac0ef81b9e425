/**
 * A history of one feed judged, in time linear in it (but for sorting): what was acknowledged is there and stays in
 * its place, offsets are dense, everybody sees the same bytes, in the order in which it was published.
 */
import { cursorFinding, queueFinding } from './feed-groups.ts'
import {
  endOf,
  type FeedFact,
  type FeedFinding,
  type FeedPage,
  type FeedPublish,
  factsOf,
  placeOf,
  type SeenRecord,
  trimmed,
} from './feed-history.ts'
import { groupBy } from './history.ts'

export interface FeedJudgement {
  /** unknown: nobody read a partition to its end, so nothing can be said of what is lost. */
  readonly verdict: 'ok' | 'bad' | 'unknown'
  readonly problems: readonly FeedFinding[]
}

interface Sighting {
  readonly page: FeedPage
  readonly record: SeenRecord
}

/** Everything that anybody saw. */
interface Seen {
  readonly byPlace: ReadonlyMap<string, Sighting>
  readonly byId: ReadonlyMap<string, Sighting>
  /** The whole of each partition, by partition. */
  readonly wholes: ReadonlyMap<number, readonly FeedPage[]>
}

export function judgeFeed(facts: readonly FeedFact[]): FeedJudgement {
  const pages = factsOf(facts, 'page')
  const publishes = factsOf(facts, 'publish')
  const told: FeedFinding[] = []
  const seen = look(pages, told)
  const wholes = [...seen.wholes.values()].map(([whole]) => whole as FeedPage)
  const found = [
    ...told,
    gapIn(pages),
    brokenStream(pages),
    unevenEnds(seen),
    ...publishes.map(each => misplaced(each, seen)),
    tornBatch(publishes, seen),
    phantom(publishes, seen),
    outOfOrder(publishes, seen),
    staleRead(publishes, pages),
    cursorFinding(facts, wholes),
    queueFinding(facts, wholes),
  ]
  const problems = found.filter(each => each !== undefined)
  if (problems.length > 0) return { verdict: 'bad', problems }
  const partitions = [...publishes, ...pages].flatMap(({ partition }) => partition ?? [])
  const isWhole = partitions.every(partition => seen.wholes.has(partition))
  return { verdict: isWhole && wholes.length > 0 ? 'ok' : 'unknown', problems }
}

/** Finds two answers for one offset, and an id at two. */
function look(pages: readonly FeedPage[], told: FeedFinding[]): Seen {
  const byPlace = new Map<string, Sighting>()
  const byId = new Map<string, Sighting>()
  const say = (what: string, { page, record }: Sighting, other: Sighting): void => {
    const facts = [trimmed(page, record.offset), trimmed(other.page, other.record.offset)]
    told.push({ what, facts })
  }
  for (const page of pages) {
    for (const record of page.records) {
      const here = { page, record }
      const place = placeOf(page.partition, record.offset)
      const there = byPlace.get(place)
      if (there === undefined) byPlace.set(place, here)
      else if (there.record.bytes !== record.bytes) say('two answers for one offset', there, here)
      const same = byId.get(record.id)
      if (same === undefined) byId.set(record.id, here)
      else if (placeOf(same.page.partition, same.record.offset) !== place)
        say(`${record.id} was published twice`, same, here)
    }
  }
  const wholes = groupBy(
    pages.filter(({ kind }) => kind === 'whole'),
    ({ partition }) => partition,
  )
  return { byPlace, byId, wholes }
}

function gapIn(pages: readonly FeedPage[]): FeedFinding | undefined {
  for (const page of pages) {
    const wrong = page.records.find(({ offset }, i) => offset !== page.from + i)
    if (wrong) return { what: 'an offset is left out', facts: [trimmed(page, wrong.offset)] }
    if (page.from + page.records.length !== page.next)
      return { what: 'a page ends where its records do not', facts: [trimmed(page)] }
  }
  return undefined
}

function brokenStream(pages: readonly FeedPage[]): FeedFinding | undefined {
  const last = new Map<string, FeedPage>()
  for (const page of pages) {
    if (page.kind !== 'stream') continue
    const key = JSON.stringify([page.client, page.partition])
    const before = last.get(key)
    last.set(key, page)
    if (before === undefined || before.next === page.from) continue
    const what = page.from > before.next ? 'a stream skips records' : 'a stream goes back'
    return { what, facts: [trimmed(before, before.next - 1), trimmed(page, page.from)] }
  }
  return undefined
}

function unevenEnds({ wholes }: Seen): FeedFinding | undefined {
  for (const [one, ...others] of wholes.values()) {
    const other = others.find(({ from, next }) => from !== one?.from || next !== one.next)
    if (one && other) {
      return { what: 'two nodes have not the same records', facts: [trimmed(one), trimmed(other)] }
    }
  }
  return undefined
}

/** An acknowledged record is where its publisher was told, one that was refused is nowhere. */
function misplaced(publish: FeedPublish, seen: Seen): FeedFinding | undefined {
  const { status, id, partition = -1, offset = -1 } = publish
  const found = seen.byId.get(id)
  const there = found && trimmed(found.page, found.record.offset)
  if (status === 'fail') {
    return there && { what: `${id} was refused, and is there`, facts: [publish, there] }
  }
  if (there && endOf(there) < publish.called) {
    return { what: `${id} was seen before it was published`, facts: [there, publish] }
  }
  if (status === 'info') return undefined
  if (there && found.page.partition === partition && found.record.offset === offset)
    return undefined
  if (there) return { what: `${id} is not where it was acknowledged`, facts: [publish, there] }
  const other = seen.byPlace.get(placeOf(partition, offset))
  const whole = seen.wholes.get(partition)?.[0]
  const witness = other ? trimmed(other.page, offset) : whole && trimmed(whole)
  return witness && { what: `${id} was acknowledged, and is lost`, facts: [publish, witness] }
}

function tornBatch(publishes: readonly FeedPublish[], { byId }: Seen): FeedFinding | undefined {
  const batches = groupBy(
    publishes.filter(({ batch }) => batch !== undefined),
    ({ batch }) => batch,
  )
  for (const [batch, records] of batches) {
    const there = records.filter(({ id }) => byId.has(id))
    if (there.length === 0 || there.length === records.length) continue
    return { what: `of batch ${batch} a part is there, and a part is not`, facts: records }
  }
  return undefined
}

function phantom(publishes: readonly FeedPublish[], { byId }: Seen): FeedFinding | undefined {
  const asked = new Set(publishes.map(({ id }) => id))
  for (const [id, { page, record }] of byId) {
    if (asked.has(id)) continue
    return { what: `nobody published ${id}`, facts: [trimmed(page, record.offset)] }
  }
  return undefined
}

/** What was published when another had been acknowledged is behind it; so are those of one who waits. */
function outOfOrder(publishes: readonly FeedPublish[], { byId }: Seen): FeedFinding | undefined {
  const placed = publishes.flatMap(publish => {
    const { page, record } = byId.get(publish.id) ?? {}
    return page && record
      ? [{ publish, partition: page.partition, at: publish.called, offset: record.offset }]
      : []
  })
  for (const own of groupBy(placed, ({ partition }) => partition).values()) {
    const called = [...own].sort((a, b) => a.at - b.at)
    const over = own
      .filter(({ publish }) => publish.status === 'ok')
      .sort((a, b) => endOf(a.publish) - endOf(b.publish))
    let behind: (typeof own)[number] | undefined
    let next = 0
    for (const each of called) {
      for (; ; next++) {
        const before = over[next]
        if (before === undefined || endOf(before.publish) >= each.at) break
        if (behind === undefined || before.offset > behind.offset) behind = before
      }
      if (behind && behind.offset > each.offset) {
        const what = 'published later, and before it in the feed'
        return { what, facts: [behind.publish, each.publish] }
      }
    }
  }
  return undefined
}

/** A linearizable read knows of all that was acknowledged, or told by such a read, before it was asked. */
function staleRead(
  publishes: readonly FeedPublish[],
  pages: readonly FeedPage[],
): FeedFinding | undefined {
  const reads = pages.filter(({ end }) => end !== undefined)
  const ends = [
    ...publishes
      .filter(({ status }) => status === 'ok')
      .map(fact => ({ fact, partition: fact.partition, end: (fact.offset ?? -1) + 1 })),
    ...reads.map(fact => ({ fact: trimmed(fact), partition: fact.partition, end: fact.end ?? 0 })),
  ].sort((a, b) => endOf(a.fact) - endOf(b.fact))
  const known = new Map<number, (typeof ends)[number]>()
  let i = 0
  for (const read of [...reads].sort((a, b) => a.called - b.called)) {
    for (; ; i++) {
      const over = ends[i]
      if (over === undefined || endOf(over.fact) >= read.called) break
      const before = known.get(over.partition ?? -1)
      if (before === undefined || over.end > before.end) known.set(over.partition ?? -1, over)
    }
    const least = known.get(read.partition)
    if (least && (read.end ?? 0) < least.end) {
      return { what: 'a read misses what was there before', facts: [least.fact, trimmed(read)] }
    }
  }
  return undefined
}

/** A line for each fact. */
export function explainFeed({ what, facts }: FeedFinding): string {
  return [what, ...facts.map(fact => `  ${JSON.stringify(fact)}`)].join('\n')
}
