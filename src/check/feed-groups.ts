/**
 * Groups of a feed judged. A cursor: the ranges that were committed follow each other, so whoever counts by them has
 * each offset once. A queue: each record is delivered until somebody says that it is done, and to one at a time.
 */
import {
  endOf,
  type FeedCursor,
  type FeedFact,
  type FeedFinding,
  type FeedLease,
  type FeedPage,
  type FeedQueue,
  factsOf,
  placeOf,
  trimmed,
} from './feed-history.ts'
import { groupBy } from './history.ts'

/** The facts of one group and partition, in the order in which they were called: its workers take turns. */
export function cursorFinding(
  facts: readonly FeedFact[],
  wholes: readonly FeedPage[],
): FeedFinding | undefined {
  const cursors = groupBy(factsOf(facts, 'found', 'commit'), ({ group, partition }) =>
    JSON.stringify([group, partition]),
  )
  for (const own of cursors.values()) {
    const sorted = [...own].sort((a, b) => a.called - b.called)
    const finding = turnsOf(sorted) ?? notToTheEnd(sorted, wholes)
    if (finding) return finding
  }
  return undefined
}

/** What was found is what was known last, or a commit that nobody heard of: it may be done at any time. */
function turnsOf(sorted: readonly FeedCursor[]): FeedFinding | undefined {
  let known: FeedCursor | undefined
  const perhaps: FeedCursor[] = []
  for (const fact of sorted) {
    if (fact.status === 'fail') continue
    if (fact.type === 'found' && known !== undefined && fact.offset !== known.offset) {
      if (!perhaps.some(({ offset }) => offset === fact.offset)) {
        const isLost = fact.offset < known.offset
        const what = isLost ? 'what was committed is done again' : 'a group skips records'
        return { what, facts: [known, fact] }
      }
    }
    if (fact.status === 'info') perhaps.push(fact)
    else known = fact
  }
  return undefined
}

function notToTheEnd(
  sorted: readonly FeedCursor[],
  wholes: readonly FeedPage[],
): FeedFinding | undefined {
  const last = sorted.findLast(({ status }) => status === 'ok')
  const whole = wholes.find(({ partition }) => partition === last?.partition)
  if (last === undefined || whole === undefined || last.offset === whole.next) return undefined
  return { what: 'a group did not come to the end', facts: [last, trimmed(whole)] }
}

export function queueFinding(
  facts: readonly FeedFact[],
  wholes: readonly FeedPage[],
): FeedFinding | undefined {
  const deliveries = factsOf(facts, 'lease', 'ack', 'nack')
  for (const queue of factsOf(facts, 'queue')) {
    const own = deliveries.filter(({ group }) => group === queue.group)
    const byPlace = groupBy(own, ({ partition, offset }) => placeOf(partition, offset))
    for (const [, about] of byPlace) {
      const finding = deliveredTwice(about) ?? afterDone(about) ?? tooEarly(about, queue)
      if (finding) return finding
    }
    const finding = neverDone(byPlace, wholes)
    if (finding) return finding
  }
  return undefined
}

const leasesOf = (about: readonly FeedLease[]): FeedLease[] =>
  about.filter(({ type }) => type === 'lease').sort((a, b) => a.attempt - b.attempt)

function deliveredTwice(about: readonly FeedLease[]): FeedFinding | undefined {
  const leases = leasesOf(about)
  const i = leases.findIndex(({ attempt }, k) => attempt === leases[k + 1]?.attempt)
  return i < 0 ? undefined : { what: 'one delivery was given twice', facts: leases.slice(i, i + 2) }
}

/** An acknowledgement that was taken ends it. */
function afterDone(about: readonly FeedLease[]): FeedFinding | undefined {
  const done = about.find(({ type, status }) => type === 'ack' && status === 'ok')
  const again = about.find(
    ({ type, attempt }) => type === 'lease' && attempt > (done?.attempt ?? 0),
  )
  if (done === undefined || again === undefined) return undefined
  return { what: 'what was acknowledged is delivered again', facts: [done, again] }
}

/** A lease lasts ackWaitMs, unless it was given back: nobody else gets the record, and its owner may acknowledge. */
function tooEarly(about: readonly FeedLease[], queue: FeedQueue): FeedFinding | undefined {
  const leastMs = queue.ackWaitMs - queue.slackMs
  const leases = leasesOf(about)
  for (const lease of leases) {
    const mine = about.filter(({ attempt }) => attempt === lease.attempt)
    const isGivenBack = mine.some(({ type, status }) => type === 'nack' && status !== 'fail')
    const next = leases.find(({ attempt }) => attempt === lease.attempt + 1)
    if (next && !isGivenBack && endOf(next) - lease.called < leastMs) {
      return { what: 'two have a lease of one record', facts: [lease, next] }
    }
    // A second try of what was done, perhaps, is refused rightly.
    const refused = mine.length === 2 ? mine.find(({ status }) => status === 'fail') : undefined
    if (refused && endOf(refused) - lease.called < leastMs) {
      return { what: 'a lease ended before its time', facts: [lease, refused] }
    }
  }
  return undefined
}

function neverDone(
  byPlace: ReadonlyMap<string, readonly FeedLease[]>,
  wholes: readonly FeedPage[],
): FeedFinding | undefined {
  for (const whole of wholes) {
    for (const { offset } of whole.records) {
      const about = byPlace.get(placeOf(whole.partition, offset)) ?? []
      const isDone = about.some(({ type, status }) => type === 'ack' && status !== 'fail')
      if (isDone) continue
      const what = about.length === 0 ? 'never delivered' : 'never acknowledged, and not owed'
      return { what, facts: [...about, trimmed(whole, offset)] }
    }
  }
  return undefined
}
