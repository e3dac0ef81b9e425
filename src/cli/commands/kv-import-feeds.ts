/**
 * Feeds in a log of state changes that is imported: what becomes of them goes along with the operation that did it,
 * records without the members that the copy's own log says. And what is said of them in the end.
 */
import { isObject, type Json, type JsonObject } from '../../base/json.ts'
import type { Client } from '../../client/client.ts'
import type { Params } from '../../client/method-call.ts'

type Change = Params<'kv.import'>['operations'][number][number]

/** Said by the log, or by the key of the change. */
const OF_THE_LOG: ReadonlySet<string> = new Set([
  ...['feed', 'partition', 'offset', 'timeMs', 'rev', 'lamport', 'viewstamp'],
])

export class FeedCopy {
  /** Those that the copy has, by what was read. */
  readonly #there: Set<string>
  readonly #filled = new Set<string>()
  #records = 0
  #leftOut = 0

  private constructor(there: Set<string>) {
    this.#there = there
  }

  static async begin(client: Client, meta: JsonObject): Promise<FeedCopy> {
    const { feeds } = await client.call('feed.list', meta)
    return new FeedCopy(new Set(feeds.map(({ feed }) => feed)))
  }

  /** What kv.import wants to know of it; undefined: the copy has no such feed, and cannot have it. */
  take({ key, value }: JsonObject): Change | undefined {
    const [feed = '', place, offset] = String(key).split('/')
    if (place === undefined && value === undefined) this.#there.delete(feed)
    else if (place === undefined) this.#there.add(feed)
    else if (!this.#there.has(feed)) {
      this.#leftOut++
      return undefined
    }
    const isRecord = offset !== undefined && place !== 'group'
    if (isRecord) {
      this.#records++
      this.#filled.add(feed)
    }
    const change = { machine: 'feed', key: String(key) } as const
    if (value === undefined) return change
    return { ...change, value: isRecord ? plainRecord(value) : value }
  }

  /** None where no feed was met. */
  get summary(): readonly string[] {
    const lines: string[] = []
    if (this.#records > 0) {
      const feeds = `${this.#filled.size} ${this.#filled.size === 1 ? 'feed' : 'feeds'}`
      lines.push(
        `${this.#records} records published to ${feeds}, at the offsets that they had; time, viewstamp and lamport are those of this cluster`,
      )
    }
    if (this.#leftOut > 0) {
      lines.push(
        `${this.#leftOut} changes of feeds were left out, for the log does not tell how those feeds were made: viewstamp feed export and feed import copy a feed`,
      )
    }
    return lines
  }
}

function plainRecord(value: Json): Json {
  if (!isObject(value)) return value
  const own = Object.entries(value as JsonObject).filter(([name]) => !OF_THE_LOG.has(name))
  return Object.fromEntries(own)
}
