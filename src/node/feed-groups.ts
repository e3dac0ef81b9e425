/**
 * Consumer groups as callers see them: positions become offsets before they stand in the log, deliveries get the
 * texts of their records, and records that were delivered too often move to the dead-letter feed: published
 * there under an id that says what they are, then taken from the group, so that none is lost on the way.
 */
import { isObject, type JsonObject } from '../base/json.ts'
import type { Answer, Meta } from './api.ts'
import type { FeedFrom, Fetched, FetchOptions, GroupApi, GroupOptions } from './feed-api.ts'
import type { FeedHub } from './feed-hub.ts'

/** What groups need of feeds. */
export interface GroupPorts {
  hubOf(feed: string): FeedHub
  write(feed: string, body: JsonObject, meta: Meta): Promise<Answer>
  ask(feed: string, body: JsonObject, meta: Meta): Promise<Answer>
  ensure(feeds: readonly string[], meta: Meta): Promise<void> | undefined
  /** Offsets at which records of that position begin. */
  offsetsAt(feed: string, from: FeedFrom, meta: Meta): Promise<ReadonlyMap<number, number>>
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

export class FeedGroups implements GroupApi {
  readonly #ports: GroupPorts

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
    for (;;) {
      await untilReady(hub, feed, group, until)
      const body = { op: 'group.fetch', group, member, limit }
      const { result, header } = await this.write(feed, body, meta)
      const { deliveries, exhausted } = result as unknown as {
        deliveries: Delivery[]
        exhausted: Exhausted[]
      }
      await this.#bury(feed, group, exhausted)
      const records = await this.#withTexts(feed, deliveries)
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

  /** Whatever happens in between, the next fetch of the group does it again, under the same ids. */
  async #bury(feed: string, group: string, exhausted: readonly Exhausted[]): Promise<void> {
    if (exhausted.length === 0) return
    const { result } = await this.info(feed, group, {})
    const config = isObject(result) && isObject(result['config']) ? result['config'] : {}
    const dead = String(config['deadLetter'])
    await this.#ports.ensure([dead], {})
    const texts = await this.#texts(feed, exhausted)
    for (const { partition, offset, attempt, reason } of exhausted) {
      const text = texts.get(`${partition}-${offset}`)
      const origin = { feed, group, partition, offset, attempts: attempt }
      const { partition: _, ...original } = text === undefined ? { value: null } : JSON.parse(text)
      const id = `dead/${group}/${partition}/${offset}/${attempt}`
      const record = { ...original, feed: dead, id: id.slice(-256), origin, reason }
      await this.#ports.write(dead, { op: 'publish', record }, {})
    }
    const places = exhausted.map(({ partition, offset }) => ({ partition, offset }))
    await this.write(feed, { op: 'group.bury', group, places }, {})
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
    for (const partition of new Set(places.map(each => each.partition))) {
      const offsets = places.flatMap(each => (each.partition === partition ? [each.offset] : []))
      const wanted = new Set(offsets)
      let next = Math.max(Math.min(...offsets), hub.bounds(feed)?.[partition]?.first ?? 0)
      const to = Math.max(...offsets) + 1
      while (next < to) {
        const page = await hub.read({ feed, partition, next, sinceMs: 0 }, to - next, to)
        for (const text of page.records) {
          const offset = Number(/,"offset":(\d+)/.exec(text)?.[1])
          if (wanted.has(offset)) texts.set(`${partition}-${offset}`, text)
        }
        if (page.next <= next) break
        next = page.next
      }
    }
    return texts
  }
}

function isOffsets(to: FeedFrom): to is Readonly<Record<string, number>> {
  return typeof to === 'object' && !('timeMs' in to)
}

/** There is something to lease, as far as this node knows; or the time is over. */
async function untilReady(hub: FeedHub, feed: string, group: string, until: number): Promise<void> {
  for (;;) {
    const outlook = hub.outlook(feed, group)
    const left = until - performance.now()
    if (outlook.isReady || left <= 0) return
    const dueMs = (outlook.nextMs ?? Number.POSITIVE_INFINITY) - Date.now()
    const waitMs = Math.min(left, Math.max(1, dueMs))
    await new Promise<void>(resolve => {
      const done = (): void => {
        clearTimeout(timer)
        stop()
        resolve()
      }
      const timer = setTimeout(done, waitMs)
      const stop = hub.onEntry(() => {
        if (hub.outlook(feed, group).isReady) done()
      })
    })
  }
}

const pause = (ms: number): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, Math.max(0, ms)))
