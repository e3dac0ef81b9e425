/** The properties of feeds: silent on what the machine does, and each fires on an answer that is made wrong. */
import { describe, expect, test } from 'vitest'
import { text, utf8 } from '../../src/base/bytes.ts'
import type { JsonObject } from '../../src/base/json.ts'
import { BOUNDS } from '../../src/machine/feed/limits.ts'
import { encodeOperation } from '../../src/machine/operation.ts'
import { feedChecks } from '../../src/sim/check/feeds.ts'
import { FeedService } from '../../src/sim/feed/service.ts'
import type { FeedOptions } from '../../src/sim/options.ts'
import { SimService } from '../../src/sim/service.ts'
import type { HostView } from '../../src/sim/world.ts'
import { opNumber } from '../../src/vr/terms.ts'
import { chainOf, executed, hostWith, operation, worldOf } from './fixtures.ts'

const feed: FeedOptions = {
  name: 'kept',
  partitions: 1,
  retention: {},
  compact: 'none',
  dedupeMs: 100_000,
  isCut: true,
  ackWaitMs: 3,
  maxDeliver: 1,
}

/** One replica that executes what it is told, and properties that look at it. */
class Scene {
  readonly #service: FeedService
  readonly #world: ReturnType<typeof worldOf>
  readonly #checks: ReturnType<typeof feedChecks>
  readonly #lines: string[] = []
  readonly #host: HostView

  constructor(given: Partial<FeedOptions> = {}) {
    const bounds = { ...BOUNDS, chunkChars: 400 }
    const world = worldOf(1)
    const feeds = { share: 1, bounds, feeds: [{ ...feed, ...given }] }
    this.#world = { ...world, nowMs: 100, options: { ...world.options, feeds }, core: [0] }
    this.#service = new FeedService(new SimService(), bounds)
    this.#checks = feedChecks(this.#world)
    this.#host = hostWith({ service: this.#service, commitNumber: 0 })
    const hosts = this.#world.hosts as HostView[]
    hosts[0] = this.#host
    this.run({ op: 'create', feed: 'kept', retention: { ...given.retention } })
  }

  /** `tell` changes what the properties see of the answer. */
  run(command: JsonObject, tell = (answer: string): string => answer): string {
    const line = text(encodeOperation('feed', command))
    this.#lines.push(line)
    const entry = chainOf(this.#lines.map(each => ({ text: each }))).at(-1)
    if (entry === undefined) throw new Error('there is an entry')
    const op = this.#lines.length
    const context = { opNumber: op, rev: op, timeMs: entry.timeMs, session: 's', viewNumber: 0 }
    const lamport = entry.lamport + 1
    this.#service.advance(entry.timeMs, context, [])
    const answer = text(this.#service.execute(utf8(line), { ...context, lamport }, []))
    Object.assign(this.#host.replica ?? {}, { commitNumber: opNumber(op) })
    const effect = executed(entry, tell(answer))
    for (const check of this.#checks) check.executed?.(this.#host, effect)
    return answer
  }

  /** A client was told so, too. */
  tell(command: JsonObject, result: string | undefined, calledMs: number): void {
    const line = text(encodeOperation('feed', command))
    const { id } = this.#world.history.call(operation({ operation: line, calledMs }))
    Object.assign(this.#world.history.operations[id] ?? {}, { result, returnedMs: calledMs + 1 })
  }

  publish(id: string, tell?: (answer: string) => string, value = 'v'): string {
    return this.run({ op: 'publish', record: { feed: 'kept', value, id } }, tell)
  }

  queue(op: string, more: JsonObject, tell?: (answer: string) => string): string {
    return this.run({ op: `group.${op}`, feed: 'kept', group: 'queue', member: 'm', ...more }, tell)
  }

  read(question: JsonObject, tell = (answer: string): string => answer): void {
    const key = JSON.stringify(question)
    const value = tell(this.#service.read(key, () => undefined) ?? '')
    const reading = { client: 0, id: 0, kind: 'stale' as const }
    for (const check of this.#checks) check.read?.(this.#host, key, value, reading)
  }

  end(): void {
    for (const check of this.#checks) check.atEnd?.()
  }
}

const instead = (a: string, b: string) => (answer: string) => {
  expect(answer).toContain(a)
  return answer.replace(a, b)
}
const FETCH = { limit: 9 }

test('a whole life of a feed: nothing is said', () => {
  const scene = new Scene({ retention: { records: 3 } })
  scene.queue('create', { mode: 'queue', ackWaitMs: 3, maxDeliver: 1 })
  for (const id of ['a', 'b', 'b', 'c', 'd']) scene.publish(id, undefined, 'x'.repeat(300))
  const { r } = JSON.parse(scene.queue('fetch', FETCH)) as { r: { deliveries: JsonObject[] } }
  const deliveries = r.deliveries.map(({ delivery }) => String(delivery))
  expect(deliveries).toHaveLength(3)
  scene.queue('ack', { deliveries: deliveries.slice(0, 1) })
  scene.queue('nack', { deliveries: deliveries.slice(1, 2) })
  scene.run({ op: 'truncate', feed: 'kept', partition: 0, beforeOffset: 2 })
  scene.read({ op: 'read', feed: 'kept', partition: 0, from: 2, limit: 1 })
  scene.read({ op: 'read', feed: 'kept', partition: 0, from: 0, limit: 1 })
  scene.read({ op: 'read', feed: 'none', partition: 0, from: 0 })
})

describe('feed-offsets', () => {
  test('an offset is left out', () => {
    const scene = new Scene()
    expect(() => scene.publish('a', instead('"offset":0', '"offset":1'))).toThrow(
      'feed-offsets: op 2: gets offset 1 where 0 is next',
    )
  })
  test('a refusal without a reason', () => {
    const refusal = '{"e":{"name":"WRONG_OFFSET","message":"","data":{}}}'
    expect(() => new Scene().publish('a', () => refusal)).toThrow('for no reason')
  })
})

describe('feed-ids', () => {
  test('what is repeated is published again', () => {
    const scene = new Scene()
    scene.publish('a')
    const again = instead('"duplicate":true', '"duplicate":false')
    expect(() => scene.publish('a', again)).toThrow('a comes twice')
  })
  test('what is new is taken for known', () => {
    const known = instead('"duplicate":false', '"duplicate":true')
    expect(() => new Scene().publish('a', known)).toThrow('a is taken for known')
  })
})

describe('feed-removals', () => {
  test('what goes without a reason', () => {
    const scene = new Scene()
    for (const id of ['a', 'b']) scene.publish(id)
    const refusal = '{"e":{"name":"FEED_NOT_FOUND","message":"","data":{}}}'
    const cut = { op: 'truncate', feed: 'kept', partition: 0, beforeOffset: 1 }
    expect(() => scene.run(cut, () => refusal)).toThrow('offset 0 is gone, for no reason')
  })
})

describe('feed-leases', () => {
  const leased = (): Scene => {
    const scene = new Scene()
    scene.queue('create', { mode: 'queue', ackWaitMs: 3, maxDeliver: 1 })
    for (const id of ['a', 'b']) scene.publish(id)
    return scene
  }
  const none = instead('"deliveries":', '"nothing":')
  test('a record is not delivered', () => {
    expect(() => leased().queue('fetch', FETCH, none)).toThrow('offset 0 is new')
  })
  test('two have a lease of one record', () => {
    const scene = leased()
    const answer = scene.queue('fetch', { limit: 1 })
    expect(() => scene.queue('fetch', { limit: 1 }, () => answer)).toThrow(
      'two have a lease of 0/0',
    )
  })
  test('what is done without a lease', () => {
    const scene = leased()
    const done = { deliveries: ['0-0-1-9'] }
    expect(() => scene.queue('ack', done, () => '{"r":{"acked":1}}')).toThrow('without a lease')
  })
  test('one that is exhausted is not named', () => {
    const scene = leased()
    scene.queue('fetch', FETCH)
    for (const id of ['c', 'd', 'e']) scene.publish(id)
    expect(() => scene.queue('fetch', FETCH, instead('"exhausted":', '"none":'))).toThrow(
      '0/0 is exhausted, and is not named',
    )
  })
})

test('feed-cursors: a group goes back, at the command and at a read', () => {
  const scene = new Scene()
  scene.run({ op: 'group.create', feed: 'kept', group: 'cursor' })
  for (const id of ['a', 'b']) scene.publish(id)
  const commit = { op: 'group.commit', feed: 'kept', group: 'cursor', offsets: { 0: 2 } }
  scene.run(commit)
  const asked = { op: 'group', feed: 'kept', group: 'cursor' }
  scene.read(asked)
  const back = instead('"offsets":{"0":2}', '"offsets":{"0":1}')
  expect(() => scene.read(asked, back)).toThrow('the cursor of kept is at {"0":1}')
  expect(() => scene.run(commit, back)).toThrow('the group is at {"0":1}')
})

describe('feed-reads', () => {
  const asked = { op: 'read', feed: 'kept', partition: 0, from: 0, limit: 1 }
  const filled = (): Scene => {
    const scene = new Scene()
    for (const id of ['a', 'b']) scene.publish(id)
    return scene
  }
  test.each([
    ['another record', instead('\\"value\\":\\"v\\"', '\\"value\\":\\"w\\"'), 'is committed'],
    ['one is left out', instead('"next":1', '"next":2'), 'nothing, where'],
    ['no progress', () => '{"records":[],"next":0,"first":0,"last":1}', 'to go on at 0'],
    ['a refusal', () => '{"e":{"name":"OFFSET_OUT_OF_RANGE","data":{}}}', 'begins at 0'],
    ['a chunk that is lost', () => '{"lacks":"s/x"}', 'it lacks'],
  ])('%s', (_, tell, said) => {
    const scene = filled()
    scene.read(asked)
    expect(() => scene.read(asked, tell)).toThrow(said)
  })
})

test('feed-history: a client was told that a record is where it is not', () => {
  const scene = new Scene()
  const command = { op: 'publish', record: { feed: 'kept', value: 'v', id: 'a' } }
  const answer = scene.run(command)
  scene.tell(command, answer, 1)
  scene.end()
  const lost = { op: 'publish', record: { feed: 'kept', value: 'v', id: 'b' } }
  scene.tell(lost, instead('"offset":0', '"offset":1')(answer), 3)
  expect(() => scene.end()).toThrow('b was acknowledged, and is lost')
})
