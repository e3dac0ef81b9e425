/**
 * Who follows feeds of one shard. What an entry published is read once for all who are up to date, and
 * encoded once; who is behind reads page by page until it has caught up. Nothing here is replicated: the
 * machine's state is looked at after each entry.
 */
import { ViewstampError } from '../base/errors.ts'
import type { Json } from '../base/json.ts'
import { Rejected } from '../machine/machine.ts'

export interface HubPage {
  readonly feed: string
  readonly partition: number
  readonly records: readonly string[]
  readonly next: number
  readonly text: string
}

export interface Bound {
  readonly partition: number
  readonly first: number
  readonly next: number
  /** The rev that made the feed: a feed that is made again is another one. */
  readonly made: number
}

interface Follower {
  readonly deliver: (page: HubPage) => void
  readonly ended: (error: ViewstampError) => void
  next: number
  /** Records of this log time or later; 0 once there was one, for log time does not go back. */
  sinceMs: number
  isCancelled: boolean
}

type Chunk = { readonly id: string; readonly text: string }

/** What a page holds at most: so many records, and characters beyond the first; offsets below `to`. */
export interface Most {
  readonly limit: number
  readonly chars?: number | undefined
  readonly to?: number | undefined
}

export interface At {
  readonly feed: string
  readonly partition: number
  readonly next: number
  readonly sinceMs: number
}

export interface Read {
  readonly records: readonly string[]
  readonly next: number
  readonly first: number
  readonly last: number
  /** A cold record that it needs the text of. */
  readonly needs?: string
}

/** Whether a group has records to lease; if it has none, when a lease ends. */
export interface Outlook {
  readonly isReady: boolean
  readonly nextMs: number | null
}

/** Log time as it was told last, and let run on since; and our own clock, which may be wrong. */
export interface HubClock {
  readonly logMs: () => number
  readonly wallMs: () => number
}

/** One partition that is followed. */
interface Channel {
  readonly feed: string
  readonly partition: number
  readonly made: number
  /** Records below it have been given to all that are live. */
  reached: number
  readonly followers: Set<Follower>
  /** Those of them that have caught up. */
  readonly live: Set<Follower>
}

/** Of one event. */
const MOST: Most = { limit: 500 }
/** Of about 64 KiB each. */
const CHUNKS_MAX = 32

export class FeedHub {
  readonly clock: HubClock
  readonly #query: (query: Json) => Json
  readonly #readCold: (id: string) => Promise<string | undefined>
  /** Chunks that were read last: pages are smaller, and readers come close behind each other. */
  readonly #chunks = new Map<string, string>()
  readonly #channels = new Map<string, Channel>()
  /** Called after each entry: who polls, and who looks for new feeds. */
  readonly #lookers = new Set<() => void>()
  /** Who waits for something that will not happen here any more. */
  readonly #waiting = new Set<(why: ViewstampError) => void>()
  #ended: ViewstampError | undefined
  #moved = -1

  constructor(
    query: (query: Json) => Json,
    readCold: (id: string) => Promise<string | undefined> = async () => undefined,
    clock: HubClock = { logMs: Date.now, wallMs: Date.now },
  ) {
    this.clock = clock
    this.#query = query
    this.#readCold = readCold
  }

  /** Of all partitions. */
  get followers(): number {
    let sum = 0
    for (const { followers } of this.#channels.values()) sum += followers.size
    return sum
  }

  /** An entry was executed, or the state has jumped to a checkpoint. Most entries are not about feeds. */
  executed(): void {
    if (this.#channels.size === 0 && this.#lookers.size === 0) return
    const moved = this.#query({ op: 'moved' }) as number
    if (moved === this.#moved) return
    this.#moved = moved
    for (const channel of this.#channels.values()) this.#look(channel)
    for (const look of this.#lookers) look()
  }

  /** Resolves when it is true, asked after each entry that is about feeds, or when the time is over. */
  until(isTrue: () => boolean, ms: number): Promise<void> {
    if (this.#ended) return Promise.reject(this.#ended)
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer)
        stop()
        this.#waiting.delete(end)
      }
      const done = (): void => {
        leave()
        resolve()
      }
      const end = (why: ViewstampError): void => {
        leave()
        reject(why)
      }
      this.#waiting.add(end)
      const timer = setTimeout(done, ms)
      const stop = this.onEntry(() => {
        if (isTrue()) done()
      })
    })
  }

  /** Nothing more comes from here: who follows or waits is told. */
  end(why: ViewstampError): void {
    this.#ended = why
    for (const end of this.#waiting) end(why)
    for (const channel of this.#channels.values()) {
      for (const follower of channel.followers) this.#end(channel, follower, why)
    }
  }

  onEntry(look: () => void): () => void {
    this.#lookers.add(look)
    return () => this.#lookers.delete(look)
  }

  bounds(feed: string): readonly Bound[] | undefined {
    if (!this.has(feed)) return undefined
    return this.#query({ op: 'bounds', feed }) as unknown as readonly Bound[]
  }

  #bound(feed: string, partition: number): Bound | undefined {
    return (this.#query({ op: 'bound', feed, partition }) as unknown as Bound | null) ?? undefined
  }

  names(): readonly string[] {
    return this.#query({ op: 'names' }) as readonly string[]
  }

  has(feed: string): boolean {
    return this.#query({ op: 'has', feed }) === true
  }

  /** Changes when a feed is made or deleted. */
  get feedsMade(): number {
    return this.#query({ op: 'made' }) as number
  }

  /** At most the offset of the first record of that time or later, and near it. */
  offsetAt(feed: string, partition: number, timeMs: number): number {
    return this.#query({ op: 'at', feed, partition, timeMs }) as number
  }

  /** When it is `nowMs`: log time stands still while nothing happens. A group that is not known yet is ready. */
  outlook(feed: string, group: string, nowMs: number): Outlook {
    try {
      const query = { op: 'outlook', feed, group, nowMs }
      return this.#query(query) as unknown as Outlook
    } catch (error) {
      if (error instanceof Rejected) return { isReady: true, nextMs: null }
      throw error
    }
  }

  /** Rejects with Rejected. What is on disk only is read from there. */
  async read(at: At, { limit, to, chars }: Most): Promise<Read> {
    let chunk: Chunk | undefined
    let missing: string | undefined
    let { next } = at
    for (;;) {
      const page = this.#readNow({ ...at, next }, { limit, to, chars }, chunk)
      if (page.needs === undefined) return page
      // A chunk may hold nothing for this reader; it is not asked for again.
      next = page.next
      const id = page.needs
      if (id === missing) throw new Error(`the chunk ${id} is part of the state and has no text`)
      const text = this.#chunks.get(id) ?? (await this.#readCold(`feed/${id}`))
      // Gone meanwhile: the next look says what that means to the reader.
      if (text === undefined) missing = id
      else this.#keep(id, text)
      chunk = text === undefined ? undefined : { id, text }
    }
  }

  #keep(id: string, text: string): void {
    this.#chunks.delete(id)
    this.#chunks.set(id, text)
    const [oldest] = this.#chunks.keys()
    if (this.#chunks.size > CHUNKS_MAX && oldest !== undefined) this.#chunks.delete(oldest)
  }

  #readNow(at: At, most: Most, chunk?: Chunk): Read {
    const { feed, partition, next: from, sinceMs } = at
    const query = { op: 'read', feed, partition, from, ...most, sinceMs, ...(chunk && { chunk }) }
    return this.#query(query) as unknown as Read
  }

  follow(
    at: { readonly feed: string; readonly partition: number },
    from: { readonly next: number; readonly sinceMs: number },
    deliver: Follower['deliver'],
    ended: Follower['ended'],
  ): () => void {
    const channel = this.#channelOf(at.feed, at.partition)
    const follower: Follower = { ...from, deliver, ended, isCancelled: false }
    channel.followers.add(follower)
    void this.#catchUp(channel, follower)
    return () => this.#leave(channel, follower)
  }

  #channelOf(feed: string, partition: number): Channel {
    const name = `${feed}/${partition}`
    const known = this.#channels.get(name)
    if (known) return known
    const { next: reached = 0, made = 0 } = this.#bound(feed, partition) ?? {}
    const sets = { followers: new Set<Follower>(), live: new Set<Follower>() }
    const channel = { feed, partition, made, reached, ...sets }
    this.#channels.set(name, channel)
    return channel
  }

  #leave(channel: Channel, follower: Follower): void {
    if (follower.isCancelled) return
    follower.isCancelled = true
    channel.live.delete(follower)
    channel.followers.delete(follower)
    if (channel.followers.size === 0) this.#channels.delete(`${channel.feed}/${channel.partition}`)
  }

  #end(channel: Channel, follower: Follower, error: unknown): void {
    if (follower.isCancelled) return
    this.#leave(channel, follower)
    follower.ended(asError(error))
  }

  #look(channel: Channel): void {
    const bound = this.#bound(channel.feed, channel.partition)
    if (bound?.made !== channel.made) {
      for (const each of channel.followers) this.#end(channel, each, deleted(channel.feed))
      return
    }
    while (channel.reached < bound.next && channel.live.size > 0) {
      try {
        const start = channel.reached
        const page = this.#pageOf(
          channel,
          this.#readNow({ ...channel, next: start, sinceMs: 0 }, MOST),
        )
        // The state has jumped far ahead: whoever was live catches up from disk.
        if (page === undefined) return this.#demote(channel, bound.next)
        channel.reached = page.next
        for (const follower of channel.live) this.#hand(channel, follower, page, start)
      } catch (error) {
        // Gone before anybody could read it: whoever is live has missed records.
        for (const follower of channel.live) this.#end(channel, follower, error)
      }
    }
    channel.reached = bound.next
  }

  #demote(channel: Channel, reached: number): void {
    channel.reached = reached
    const all = [...channel.live]
    channel.live.clear()
    for (const follower of all) void this.#catchUp(channel, follower)
  }

  /** It may have come from a node that is ahead of this one: what it has got there is left out. */
  #hand(channel: Channel, follower: Follower, page: HubPage, start: number): void {
    if (page.next <= follower.next) return
    let own: HubPage | undefined = page
    const { next, sinceMs } = follower
    if (next > start || sinceMs > 0) {
      const from = Math.max(next, start)
      own = this.#pageOf(channel, this.#readNow({ ...channel, next: from, sinceMs }, MOST))
    }
    if (own !== undefined) give(follower, own)
  }

  async #catchUp(channel: Channel, follower: Follower): Promise<void> {
    // The answer that names the subscription goes out before its first event.
    await Promise.resolve()
    try {
      while (!follower.isCancelled && follower.next < channel.reached) {
        const { next, sinceMs } = follower
        const page = this.#pageOf(channel, await this.read({ ...channel, next, sinceMs }, MOST))
        if (page === undefined || follower.isCancelled) return
        give(follower, page)
        // Others get their turn.
        await new Promise(resolve => setImmediate(resolve))
      }
      if (!follower.isCancelled) channel.live.add(follower)
    } catch (error) {
      this.#end(channel, follower, error)
    }
  }

  #pageOf({ feed, partition }: Channel, { records, next, needs }: Read): HubPage | undefined {
    if (needs !== undefined) return undefined
    const head = `{"feed":${JSON.stringify(feed)},"partition":${partition},"next":${next}`
    return { feed, partition, records, next, text: `${head},"records":[${records.join(',')}]}` }
  }
}

function give(follower: Follower, page: HubPage): void {
  follower.next = page.next
  if (page.records.length === 0) return
  follower.sinceMs = 0
  follower.deliver(page)
}

function deleted(feed: string): ViewstampError {
  return new ViewstampError('FEED_NOT_FOUND', `the feed ${feed} was deleted`, { feed })
}

function asError(error: unknown): ViewstampError {
  if (error instanceof ViewstampError) return error
  if (error instanceof Rejected && error.errorName === 'OFFSET_OUT_OF_RANGE') {
    return new ViewstampError('OFFSET_OUT_OF_RANGE', error.message, detailsOf(error.data))
  }
  if (error instanceof Rejected && error.errorName === 'FEED_NOT_FOUND') {
    return new ViewstampError('FEED_NOT_FOUND', error.message, detailsOf(error.data))
  }
  const reason = error instanceof Error ? error.message : String(error)
  return new ViewstampError('INTERNAL', `records cannot be read: ${reason}`)
}

const detailsOf = (data: Json): Record<string, unknown> => ({ ...(data as object) })
