/** A subscription to a feed, or to all feeds of a pattern: also those that are made later. */

import { ViewstampError } from '../base/errors.ts'
import { isPattern, matches } from '../machine/feed/name.ts'
import type { FeedFrom, FeedSubscription, SubscribeOptions } from './feed-api.ts'
import type { Bound, FeedHub, HubPage } from './feed-hub.ts'
import { positionText, splitPattern, startsOf } from './feed-position.ts'
import { ofPartition } from './feeds.ts'

/** Partitions that one subscription follows. */
const PARTITIONS_MAX = 1024

export function follow(
  hubs: readonly FeedHub[],
  hubOf: (feed: string) => FeedHub,
  options: SubscribeOptions,
): FeedSubscription {
  const following = new Following(hubOf, options)
  try {
    return begin(following, hubs, hubOf, options)
  } catch (error) {
    // Those before the one that cannot be followed are followed already.
    following.cancel()
    throw error
  }
}

function begin(
  following: Following,
  hubs: readonly FeedHub[],
  hubOf: (feed: string) => FeedHub,
  options: SubscribeOptions,
): FeedSubscription {
  const { target, from = 'now' } = options
  if (!isPattern(target)) {
    const { partition } = options
    const isOnly = partition !== undefined || hubOf(target).bounds(target)?.length === 1
    following.add(target, from)
    return following.as(() => positionText(following.positionsOf(target), isOnly))
  }
  const positions = typeof from === 'string' && from.includes('=') ? splitPattern(from) : undefined
  for (const hub of hubs) {
    for (const feed of hub.names()) {
      if (matches(target, feed))
        following.add(feed, positions?.get(feed) ?? (positions ? 'first' : from))
    }
  }
  for (const hub of hubs) following.watchNames(hub, target)
  return following.as(() => following.cursorOfAll())
}

class Following {
  readonly #hubOf: (feed: string) => FeedHub
  readonly #options: SubscribeOptions
  /** Feed → partition → next offset. */
  readonly #next = new Map<string, Map<number, number>>()
  #stops: (() => void)[] = []
  #cursor: () => string = () => ''
  #isEnded = false

  constructor(hubOf: (feed: string) => FeedHub, options: SubscribeOptions) {
    this.#hubOf = hubOf
    this.#options = options
  }

  add(feed: string, from: FeedFrom): void {
    const hub = this.#hubOf(feed)
    const bounds = hub.bounds(feed)
    if (bounds === undefined) {
      const message = `there is no feed ${feed}: feed.create makes one`
      throw new ViewstampError('FEED_NOT_FOUND', message, { feed })
    }
    const asked = ofPartition(feed, bounds, this.#options.partition)
    const starts = startsOf(hub, feed, asked, from)
    const count = [...this.#next.values()].reduce((sum, each) => sum + each.size, asked.length)
    if (count > PARTITIONS_MAX) {
      const message = `one subscription follows ${PARTITIONS_MAX} partitions at most: make the pattern narrower`
      throw new ViewstampError('TOO_LARGE', message, { limit: PARTITIONS_MAX })
    }
    for (const [i, { next }] of starts.entries()) checkThere(feed, asked[i], next)
    this.#next.set(
      feed,
      new Map(asked.map(({ partition }, i) => [partition, starts[i]?.next ?? 0])),
    )
    for (const [i, { partition }] of asked.entries()) {
      const start = starts[i] ?? { next: 0, sinceMs: 0 }
      const stop = hub.follow({ feed, partition }, start, this.#take, this.#end)
      this.#stops.push(stop)
    }
  }

  /** Feeds that are made from now on. */
  watchNames(hub: FeedHub, pattern: string): void {
    let known = hub.feedsMade
    const stop = hub.onEntry(() => {
      if (hub.feedsMade === known || this.#isEnded) return
      known = hub.feedsMade
      for (const feed of hub.names()) {
        if (!this.#next.has(feed) && matches(pattern, feed)) this.#addLate(feed)
      }
    })
    this.#stops.push(stop)
  }

  #addLate(feed: string): void {
    try {
      this.add(feed, 'first')
    } catch (error) {
      if (error instanceof ViewstampError) this.#end(error)
      else throw error
    }
  }

  as(cursor: () => string): FeedSubscription {
    this.#cursor = cursor
    return { cursor: cursor(), reached: cursor, cancel: () => this.cancel() }
  }

  positionsOf(feed: string): ReadonlyMap<number, number> {
    return this.#next.get(feed) ?? new Map()
  }

  cursorOfAll(): string {
    const parts = [...this.#next].map(([feed, next]) => `${feed}=${positionText(next, false)}`)
    return parts.join(';') || '='
  }

  readonly #take = (page: HubPage): void => {
    if (this.#isEnded) return
    const { feed, partition, records, next, text } = page
    const positions = this.#next.get(feed)
    const cursorAt = (offset: number): string => {
      const now = positions?.get(partition) ?? next
      positions?.set(partition, offset)
      const cursor = this.#cursor()
      positions?.set(partition, now)
      return cursor
    }
    positions?.set(partition, next)
    const cursor = this.#cursor()
    this.#options.deliver({ feed, partition, records, next, text, cursor, cursorAt })
  }

  readonly #end = (error: ViewstampError): void => {
    if (this.#isEnded) return
    // A feed of a pattern may be deleted: the others go on.
    const { feed } = error.details
    if (isPattern(this.#options.target) && error.errorName === 'FEED_NOT_FOUND') {
      this.#next.delete(String(feed))
      return
    }
    this.cancel()
    this.#options.ended(error)
  }

  cancel(): void {
    this.#isEnded = true
    for (const stop of this.#stops) stop()
    this.#stops = []
  }
}

function checkThere(feed: string, bound: Bound | undefined, from: number): void {
  if (bound === undefined || from >= bound.first) return
  const { first, next, partition } = bound
  const message = `${feed} partition ${partition} begins at ${first}: what was before is no longer kept`
  throw new ViewstampError('OFFSET_OUT_OF_RANGE', message, { feed, first, next, partition })
}
