/**
 * A record with an id is published once for `dedupeMs` of log time, or until `idsMax` others came behind it, and
 * every repeat is told where it is; whatever checkpoints, restarts and views lie between. docs/feeds.md, promise 5.
 */
import type { JsonObject } from '../../base/json.ts'
import { type Asked, type Ledger, publishedIn } from '../feed/ledger.ts'
import { Violation } from './check.ts'
import type { Judge } from './feed-log.ts'

interface Known {
  readonly id: string
  readonly timeMs: number
  /** Partition and offset. */
  readonly place: string
}

export function feedIds(ledger: Ledger): Judge {
  /** Feed → those that are remembered, the oldest first. */
  const known = new Map<string, Known[]>()
  const say = ({ entry, command }: Asked, what: string): never => {
    throw new Violation('feed-ids', `op ${entry.opNumber}: ${what}: ${JSON.stringify(command)}`)
  }
  const idsOf = (feed: string): Known[] => {
    const ids = known.get(feed) ?? []
    known.set(feed, ids)
    return ids
  }

  return asked => {
    const { timeMs } = asked.entry
    const sinceOf = (feed: string): number =>
      timeMs - (ledger.feeds.get(feed)?.options.dedupeMs ?? 0)
    // All are looked for before the first of them is there.
    const before = publishedIn(asked).map(([{ feed, id }]) =>
      idsOf(String(feed)).findLast(each => each.id === id && each.timeMs > sinceOf(String(feed))),
    )
    const own = new Map<string, string>()
    publishedIn(asked).forEach(([record, at], i) => {
      const { id } = record
      const feed = String(record['feed'])
      const isLookedAt = id !== undefined && timeMs > sinceOf(feed)
      const expected = isLookedAt ? (own.get(`${feed} ${id}`) ?? before[i]?.place) : undefined
      const place = placeOf(at)
      if (expected === undefined && at['duplicate'] === true) say(asked, `${id} is taken for known`)
      if (expected !== undefined && at['duplicate'] !== true) say(asked, `${id} comes twice`)
      if (expected !== undefined && expected !== place) say(asked, `${id} is at ${expected}`)
      if (!isLookedAt || expected !== undefined) return
      own.set(`${feed} ${id}`, place)
      const ids = idsOf(feed)
      ids.push({ id: String(id), timeMs, place })
      const isOver = (one: Known | undefined): boolean =>
        one !== undefined &&
        (one.timeMs <= sinceOf(feed) || ids.length > ledger.options.bounds.idsMax)
      while (isOver(ids[0])) ids.shift()
    })
  }
}

const placeOf = ({ partition, offset }: JsonObject): string => `${partition}/${offset}`
