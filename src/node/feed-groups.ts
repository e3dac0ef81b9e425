/**
 * Consumer groups as callers see them: positions become offsets before they stand in the log, deliveries get the
 * texts of their records, and records that were delivered too often move to the dead-letter feed: published
 * there under an id that says what they are, then taken from the group, so that none is lost on the way.
 */
import { utf8 } from '../base/bytes.ts'
import { ViewstampError } from '../base/errors.ts'
import { digest } from '../base/hash.ts'
import { isObject, type JsonObject } from '../base/json.ts'
import { READ_LIMIT_MAX } from '../machine/feed/limits.ts'
import { Rejected } from '../machine/machine.ts'
import type { Answer, Meta } from './api.ts'
import type { FeedFrom, Fetched, FetchOptions, GroupApi, GroupOptions } from './feed-api.ts'
import type { At, FeedHub, Outlook, Read } from './feed-hub.ts'

/** What groups need of feeds. */
export interface GroupPorts {
  hubOf(feed: string): FeedHub
  write(feed: string, body: JsonObject, meta: Meta): Promise<Answer>
  ask(feed: string, body: JsonObject, meta: Meta): Promise<Answer>
  ensure(feeds: readonly string[], meta: Meta): Promise<void> | undefined
  /** Offsets at which records of that position begin. */
  offsetsAt(feed: string, from: FeedFrom, meta: Meta): Promise<ReadonlyMap<number, number>>
  warn(message: string): void
}

interface Delivery {
  readonly partition: number
  readonly offset: number
  readonly attempt: number
  readonly delivery: string
}

interface Exhausted extends Omit<Delivery, 'delivery'> {
  readonly reason: string
}

/** A fetch that found nothing, though this node thought it would: not again at once. */
const AGAIN_MS = 50
/** Dead letters that one call moves; the next call goes on. */
const BURY_MAX = 100
const BURY_META: Meta = { timeoutMs: 5_000 }
/** Of the record, not of the moment. */
const REFUSED = new Set(['INVALID_PARAMS', 'TOO_LARGE', 'WRONG_OFFSET'])
/** Groups whose last warning is known. */
const TOLD_MAX = 1_000
/** To read these few in between costs less than another read. */
const NEAR = 64

export class FeedGroups implements GroupApi {
  readonly #ports: GroupPorts
  readonly #told = new Map<string, string>()

  constructor(ports: GroupPorts) {
    this.#ports = ports
  }

  write(feed: string, body: JsonObject, meta: Meta): Promise<Answer> {
    return this.#ports.write(feed, { ...body, feed }, meta)
  }

  async create(feed: string, group: string, options: GroupOptions, meta: Meta): Promise<Answer> {
    const { from = 'first', ...config } = options
    await this.#ports.ensure([feed], meta)
    const offsets = await this.#offsets(feed, from, meta)
    return this.write(feed, { op: 'group.create', group, ...config, offsets }, meta)
  }

  async seek(feed: string, group: string, to: FeedFrom, meta: Meta): Promise<Answer> {
    const offsets = isOffsets(to) ? to : await this.#offsets(feed, to, meta)
    return this.write(feed, { op: 'group.seek', group, offsets }, meta)
  }

  async #offsets(feed: string, from: FeedFrom, { timeoutMs }: Meta): Promise<JsonObject> {
    return Object.fromEntries(await this.#ports.offsetsAt(feed, from, { timeoutMs }))
  }

  list(feed: string, meta: Meta): Promise<Answer> {
    return this.#ports.ask(feed, { op: 'groups', feed }, meta)
  }

  info(feed: string, group: string, meta: Meta): Promise<Answer> {
    return this.#ports.ask(feed, { op: 'group', feed, group }, meta)
  }

  async fetch(feed: string, group: string, options: FetchOptions, meta: Meta): Promise<Fetched> {
    const { member, limit, waitMs } = options
    const hub = this.#ports.hubOf(feed)
    const until = performance.now() + waitMs
    for (let isFirst = true; ; isFirst = false) {
      // Before the first write, log time as it is known here may be old; after it, only our own clock can be wrong.
      const nowMs = isFirst
        ? () => Math.max(hub.clock.logMs(), hub.clock.wallMs())
        : hub.clock.logMs
      await untilReady(hub, () => hub.outlook(feed, group, nowMs()), until, nowMs)
      const body = { op: 'group.fetch', group, member, limit }
      const { result, header } = await this.write(feed, body, meta)
      const { deliveries, exhausted } = result as unknown as {
        deliveries: Delivery[]
        exhausted: Exhausted[]
      }
      const records = await this.#withTexts(feed, deliveries)
      await this.#bury(feed, group, exhausted)
      // In a session of the caller's a second fetch would be the same one, with the same answer.
      const isLast = performance.now() >= until || meta.session !== undefined
      if (deliveries.length > 0 || isLast) return { records, header }
      await pause(Math.min(AGAIN_MS, until - performance.now()))
    }
  }

  async nack(feed: string, group: string, given: JsonObject, meta: Meta): Promise<Answer> {
    const answer = await this.write(feed, { ...given, op: 'group.nack', group }, meta)
    const { nacked, exhausted } = answer.result as unknown as {
      nacked: number
      exhausted: Exhausted[]
    }
    await this.#bury(feed, group, exhausted)
    return { ...answer, result: { nacked } }
  }

  /**
   * Whatever happens in between, the next fetch of the group does it again, under the same ids. What the
   * dead-letter feed does not take stays with the group: nobody else waits for it, and it is told.
   */
  async #bury(feed: string, group: string, exhausted: readonly Exhausted[]): Promise<void> {
    if (exhausted.length === 0) return
    try {
      const { result } = await this.info(feed, group, {})
      const config = isObject(result) && isObject(result['config']) ? result['config'] : {}
      const dead = String(config['deadLetter'])
      await this.#ports.ensure([dead], BURY_META)
      const places = await this.#publishDead(feed, group, dead, exhausted.slice(0, BURY_MAX))
      if (places.length === 0) return
      await this.write(feed, { op: 'group.bury', group, places }, BURY_META)
    } catch (error) {
      if (!(error instanceof ViewstampError)) throw error
      this.#tell(feed, group, error.message)
    }
  }

  /** Gives the places of those that are there now. */
  async #publishDead(
    feed: string,
    group: string,
    dead: string,
    exhausted: readonly Exhausted[],
  ): Promise<JsonObject[]> {
    const texts = await this.#texts(feed, exhausted)
    const places: JsonObject[] = []
    for (const { partition, offset, attempt, reason } of exhausted) {
      const text = texts.get(`${partition}-${offset}`)
      const origin = { feed, group, partition, offset, attempts: attempt }
      const { partition: _, ...original } = text === undefined ? { value: null } : JSON.parse(text)
      // Of this very record: others have its group, place and attempt in other feeds, or in one made again.
      const name = JSON.stringify([feed, group, partition, offset, attempt, original.rev ?? null])
      const id = `dead/${digest(utf8(name))}`
      const record = { ...original, feed: dead, id, origin, reason }
      try {
        await this.#ports.write(dead, { op: 'publish', record }, BURY_META)
        places.push({ partition, offset })
      } catch (error) {
        // Others may be taken where this one is refused.
        const isRefused = error instanceof ViewstampError && REFUSED.has(error.errorName)
        if (!isRefused) throw error
        this.#tell(
          feed,
          group,
          `${dead} does not take ${feed}/${partition} ${offset}: ${error.message}`,
        )
      }
    }
    return places
  }

  /** Once, not with every fetch. */
  #tell(feed: string, group: string, message: string): void {
    const name = `${feed} ${group}`
    if (this.#told.get(name) === message) return
    if (this.#told.size >= TOLD_MAX) this.#told.clear()
    this.#told.set(name, message)
    this.#ports.warn(
      `records of the group ${group} of ${feed} that were delivered too often are not in its dead-letter feed: ${message}; they stay with the group until they are`,
    )
  }

  async #withTexts(feed: string, deliveries: readonly Delivery[]): Promise<string[]> {
    const texts = await this.#texts(feed, deliveries)
    return deliveries.flatMap(({ partition, offset, attempt, delivery }) => {
      const text = texts.get(`${partition}-${offset}`)
      if (text === undefined) return []
      return [`${text.slice(0, -1)},"delivery":"${delivery}","attempt":${attempt}}`]
    })
  }

  /** By place; what retention has taken meanwhile is not there. */
  async #texts(
    feed: string,
    places: readonly { readonly partition: number; readonly offset: number }[],
  ): Promise<Map<string, string>> {
    const hub = this.#ports.hubOf(feed)
    const texts = new Map<string, string>()
    for (const { partition, first, end } of runsOf(places)) {
      for (let next = first; next < end; ) {
        // What is below the first record that is there is gone.
        next = Math.max(next, hub.bounds(feed)?.[partition]?.first ?? end)
        if (next >= end) break
        const page = await readFrom(hub, { feed, partition, next, sinceMs: 0 }, end)
        for (const text of page?.records ?? []) {
          texts.set(`${partition}-${/,"offset":(\d+)/.exec(text)?.[1]}`, text)
        }
        if (page && page.next <= next) break
        next = page?.next ?? next
      }
    }
    return texts
  }
}

/** Undefined: its first records have gone meanwhile. */
async function readFrom(hub: FeedHub, at: At, end: number): Promise<Read | undefined> {
  try {
    return await hub.read(at, { limit: Math.min(READ_LIMIT_MAX, end - at.next), to: end })
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    const name = error.errorName === 'OFFSET_OUT_OF_RANGE' ? error.errorName : 'FEED_NOT_FOUND'
    if (name === 'OFFSET_OUT_OF_RANGE') return undefined
    throw new ViewstampError(name, error.message, { ...(error.data as object) })
  }
}

interface Run {
  readonly partition: number
  readonly first: number
  end: number
}

/** Offsets next to each other, or nearly, are read together. */
function runsOf(
  places: readonly { readonly partition: number; readonly offset: number }[],
): readonly Run[] {
  const runs: Run[] = []
  const inOrder = places.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset)
  for (const { partition, offset } of inOrder) {
    const last = runs.at(-1)
    if (last?.partition === partition && offset - last.end < NEAR) last.end = offset + 1
    else runs.push({ partition, first: offset, end: offset + 1 })
  }
  return runs
}

function isOffsets(to: FeedFrom): to is Readonly<Record<string, number>> {
  return typeof to === 'object' && !('timeMs' in to)
}

/** There is something to lease, as far as this node knows; or the time is over. */
async function untilReady(
  hub: FeedHub,
  outlook: () => Outlook,
  until: number,
  nowMs: () => number,
): Promise<void> {
  for (;;) {
    const { isReady, nextMs } = outlook()
    const left = until - performance.now()
    if (isReady || left <= 0) return
    const dueMs = (nextMs ?? Number.POSITIVE_INFINITY) - nowMs()
    const waitMs = Math.min(left, Math.max(1, dueMs))
    await hub.until(() => outlook().isReady, waitMs)
  }
}

const pause = (ms: number): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, Math.max(0, ms)))
