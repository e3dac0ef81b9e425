/** Feeds of the fake node: the real machine and the real hub, without a log. */
import { ViewstampError } from '../../src/base/errors.ts'
import type { Json, JsonObject } from '../../src/base/json.ts'
import { FeedMachine } from '../../src/machine/feed/feed-machine.ts'
import type { Answer, Header, Meta } from '../../src/node/api.ts'
import type { FeedApi, FeedReadOptions, SubscribeOptions } from '../../src/node/feed-api.ts'
import { follow } from '../../src/node/feed-follow.ts'
import { FeedGroups } from '../../src/node/feed-groups.ts'
import { FeedHub } from '../../src/node/feed-hub.ts'
import { startsOf } from '../../src/node/feed-position.ts'
import { gather } from '../../src/node/feed-read.ts'

export class FakeFeeds implements FeedApi {
  readonly #machine = new FeedMachine()
  readonly #hub = new FeedHub(query => this.#machine.query(query, 0))
  readonly #header: () => Header
  readonly #run: <T>(execute: () => T) => T
  #rev = 0

  constructor(header: () => Header, run: <T>(execute: () => T) => T) {
    this.#header = header
    this.#run = run
  }

  ensure(): undefined {}

  async write(_feed: string, body: JsonObject, meta: Meta): Promise<Answer> {
    await Promise.resolve()
    const rev = ++this.#rev
    const { correlationId } = meta
    const at = { opNumber: rev, rev, timeMs: 1000 + rev, session: 's', correlationId }
    const command: Json = JSON.parse(JSON.stringify(body))
    const result = this.#run(() => this.#machine.apply(command, at, []))
    this.#hub.executed()
    return { result, header: this.#header() }
  }
  create(feed: string, given: JsonObject, meta: Meta) {
    return this.write(feed, { ...given, op: 'create', feed }, meta)
  }
  publishBatch(records: readonly JsonObject[], meta: Meta) {
    return this.write('', { op: 'publishBatch', records }, meta)
  }
  truncate(feed: string, options: JsonObject, meta: Meta) {
    return this.write(feed, { op: 'truncate', feed, ...options }, meta)
  }
  async list(prefix: string) {
    return { result: this.#machine.query({ op: 'list', prefix }, 0), header: this.#header() }
  }
  async info(feed: string) {
    const result = this.#run(() => this.#machine.query({ op: 'info', feed }, 0)) as {
      partitions: JsonObject[]
    }
    const partitions = result.partitions.map(each => ({ ...each, shard: 'main' }))
    return { result: { ...result, partitions }, header: this.#header() }
  }
  async read(feed: string, options: FeedReadOptions) {
    const bounds = this.#hub.bounds(feed)
    if (bounds === undefined) throw new ViewstampError('FEED_NOT_FOUND', 'there is none')
    const starts = startsOf(this.#hub, feed, bounds, options.from ?? 'first')
    return { ...(await gather(this.#hub, feed, bounds, starts, options)), header: this.#header() }
  }
  readonly groups = new FeedGroups({
    hubOf: () => this.#hub,
    write: (feed, body, meta) => this.write(feed, body, meta),
    ask: async (_feed, body) => {
      const result = this.#run(() => this.#machine.query(body, 0))
      return { result, header: this.#header() }
    },
    ensure: () => undefined,
    warn: () => {},
    offsetsAt: async (feed, from) => {
      const bounds = this.#hub.bounds(feed) ?? []
      const starts = startsOf(this.#hub, feed, bounds, from)
      return new Map(bounds.map(({ partition }, i) => [partition, starts[i]?.next ?? 0]))
    },
  })
  known(): undefined {}
  subscribe(options: SubscribeOptions) {
    return follow([this.#hub], () => this.#hub, options)
  }
  get followers(): number {
    return this.#hub.followers
  }
}
