import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/base/json.ts'
import { FeedMachine } from '../../../src/machine/feed/feed-machine.ts'
import { Rejected } from '../../../src/machine/machine.ts'
import { Driven, hashOf, reloaded } from '../support.ts'

let feed: Driven

interface Delivery {
  readonly partition: number
  readonly offset: number
  readonly attempt: number
  readonly delivery: string
}

beforeEach(() => {
  feed = new Driven(new FeedMachine())
  feed.run({ op: 'create', feed: 'f', partitions: 2 })
})

const publish = (count: number): void => {
  const records = Array.from({ length: count }, (_, i) => ({ feed: 'f', value: i }))
  feed.run({ op: 'publishBatch', records })
}
const group = (op: string, more: JsonObject = {}): JsonObject =>
  feed.run({ op: `group.${op}`, feed: 'f', group: 'g', ...more }) as JsonObject
const refused = (op: string, more: JsonObject = {}) =>
  feed.refuse({ op: `group.${op}`, feed: 'f', group: 'g', ...more })
const shown = () => feed.ask({ op: 'group', feed: 'f', group: 'g' }) as JsonObject
const fetch = (member = 'm', limit = 10): Delivery[] =>
  group('fetch', { member, limit })['deliveries'] as unknown as Delivery[]
const ids = (deliveries: readonly Delivery[]): string[] => deliveries.map(each => each.delivery)

describe('a cursor', () => {
  test('is where its readers say, and tells how far behind they are', () => {
    publish(10)
    expect(group('create')).toMatchObject({ offsets: { 0: 0, 1: 0 }, lag: 10 })
    expect(group('commit', { offsets: { 0: 3 } })).toEqual({ offsets: { 0: 3, 1: 0 }, lag: 7 })
    expect(group('seek', { offsets: { 0: 1, 1: 5 } })).toEqual({ offsets: { 0: 1, 1: 5 }, lag: 4 })
    publish(2)
    expect(shown()).toMatchObject({ lag: 6 })
    expect(feed.ask({ op: 'info', feed: 'f' })).toMatchObject({ groups: [{ group: 'g', lag: 6 }] })
  })

  test.each<[JsonObject, string]>([
    [{ offsets: { 0: 99 } }, 'OFFSET_OUT_OF_RANGE'],
    [{ offsets: { 7: 0 } }, 'INVALID_PARAMS'],
    [{ offsets: { 0: -1 } }, 'OFFSET_OUT_OF_RANGE'],
    [{ offsets: 5 }, 'INVALID_PARAMS'],
    [{}, 'INVALID_PARAMS'],
  ])('cannot be committed as %j', (more, name) => {
    group('create')
    const before = hashOf(feed.machine)
    expect(refused('commit', more).name).toBe(name)
    expect(hashOf(feed.machine)).toBe(before)
  })

  test('has no leases', () => {
    group('create')
    expect(refused('fetch', { member: 'm' })).toMatchObject({ name: 'INVALID_PARAMS' })
  })
})

test('groups have names of their own, and are made and deleted', () => {
  expect(refused('info').name).toBe('GROUP_NOT_FOUND')
  const empty = hashOf(feed.machine)
  group('create')
  expect(refused('create').name).toBe('GROUP_EXISTS')
  expect(refused('create', { group: 'no name' }).name).toBe('INVALID_PARAMS')
  group('delete')
  expect(refused('commit', { offsets: {} }).name).toBe('GROUP_NOT_FOUND')
  expect(hashOf(feed.machine)).toBe(empty)
})

describe('a queue', () => {
  test('leases each record to one member, until it is acknowledged', () => {
    publish(6)
    group('create', { mode: 'queue' })
    const [a, b] = [fetch('a', 4), fetch('b', 4)]
    expect(new Set(ids([...a, ...b])).size).toBe(6)
    expect(fetch('c')).toEqual([])
    expect(shown()).toMatchObject({ pending: 6, lag: 6, offsets: { 0: 0, 1: 0 } })
    expect(group('ack', { member: 'a', deliveries: ids(a) })).toEqual({ acked: 4 })
    expect(shown()).toMatchObject({ pending: 2, lag: 2 })
    group('ack', { member: 'b', deliveries: ids(b) })
    expect(shown()).toMatchObject({ pending: 0, lag: 0, offsets: { 0: 3, 1: 3 } })
  })

  test('a lease ends by log time: then it is somebody else’s', () => {
    publish(1)
    group('create', { mode: 'queue', ackWaitMs: 1000 })
    const [first] = fetch('a')
    feed.timeMs += 999
    expect(fetch('b')).toEqual([])
    feed.timeMs += 1
    expect(refused('ack', { member: 'a', deliveries: ids(first ? [first] : []) })).toMatchObject({
      name: 'NOT_OWNER',
      data: { deliveries: [first?.delivery] },
    })
    const again = fetch('b')
    expect(again).toMatchObject([{ offset: first?.offset, attempt: 2 }])
    expect(refused('ack', { member: 'a', deliveries: ids(again) }).name).toBe('NOT_OWNER')
    expect(group('ack', { member: 'b', deliveries: ids(again) })).toEqual({ acked: 1 })
    expect(refused('ack', { member: 'b', deliveries: ids(again) }).name).toBe('NOT_OWNER')
  })

  test('given back, it comes again, not before its delay', () => {
    publish(1)
    group('create', { mode: 'queue' })
    group('nack', { member: 'm', deliveries: ids(fetch()), delayMs: 500 })
    expect(fetch()).toEqual([])
    expect(feed.ask({ op: 'outlook', feed: 'f', group: 'g' })).toEqual({
      isReady: false,
      nextMs: feed.timeMs + 500,
    })
    feed.timeMs += 500
    expect(fetch()).toMatchObject([{ attempt: 2 }])
  })

  test('delivered too often, it is exhausted until it is buried', () => {
    publish(2)
    group('create', { mode: 'queue', maxDeliver: 2, ackWaitMs: 1000 })
    group('nack', { member: 'm', deliveries: ids(fetch()) })
    const second = fetch()
    expect(second).toMatchObject([{ attempt: 2 }, { attempt: 2 }])
    const [x, y] = second as [Delivery, Delivery]
    const back = group('nack', { member: 'm', deliveries: [x.delivery], reason: 'cannot' })
    expect(back['exhausted']).toMatchObject([{ offset: x.offset, attempt: 2, reason: 'cannot' }])
    feed.timeMs += 1000
    const { deliveries, exhausted } = group('fetch', { member: 'm' })
    expect(deliveries).toEqual([])
    expect(exhausted).toMatchObject([{ reason: 'cannot' }, { reason: 'no answer within 1000 ms' }])
    const places = [x, y].map(({ partition, offset }) => ({ partition, offset }))
    expect(group('bury', { places })).toEqual({ buried: 2 })
    expect(group('bury', { places })).toEqual({ buried: 0 })
    expect(shown()).toMatchObject({
      ...{ pending: 0, lag: 0 },
      config: { maxDeliver: 2, deadLetter: 'f.g.dead' },
    })
  })

  test('what retention takes is no longer owed', () => {
    publish(6)
    group('create', { mode: 'queue' })
    const leased = fetch('m', 2)
    for (const partition of [0, 1])
      feed.run({ op: 'truncate', feed: 'f', partition, beforeOffset: 2 })
    expect(shown()).toMatchObject({ lag: 2 })
    feed.timeMs += 60_000
    expect(fetch().map(each => each.offset)).toEqual([2, 2])
    expect(leased.map(each => each.offset)).toEqual([0, 1])
  })

  test('a seek forgets its leases', () => {
    publish(4)
    group('create', { mode: 'queue' })
    const old = fetch()
    group('seek', { offsets: { 0: 0, 1: 0 } })
    expect(refused('ack', { member: 'm', deliveries: ids(old) }).name).toBe('NOT_OWNER')
    expect(fetch()).toHaveLength(4)
    expect(refused('ack', { member: 'm', deliveries: ids(old) }).name).toBe('NOT_OWNER')
  })

  test('a delivery that is named twice is acknowledged once', () => {
    publish(1)
    group('create', { mode: 'queue' })
    const [id = ''] = ids(fetch())
    expect(group('ack', { member: 'm', deliveries: [id, id] })).toEqual({ acked: 1 })
  })

  test('of a compacted feed only what a reader finds is owed', () => {
    feed.run({ op: 'create', feed: 'c', compact: 'key' })
    const ask = (op: string, more: JsonObject = {}) =>
      feed.run({ op: `group.${op}`, feed: 'c', group: 'g', ...more }) as JsonObject
    ask('create', { mode: 'queue' })
    for (let i = 0; i < 50; i++) {
      feed.run({ op: 'publish', record: { feed: 'c', key: `k${i % 2}`, value: i } })
    }
    expect(feed.ask({ op: 'group', feed: 'c', group: 'g' })).toMatchObject({ lag: 2 })
    const { deliveries } = ask('fetch', { member: 'm', limit: 10 }) as unknown as {
      deliveries: Delivery[]
    }
    expect(deliveries.map(each => each.offset)).toEqual([48, 49])
    feed.run({ op: 'publish', record: { feed: 'c', key: 'k0', value: 50 } })
    expect(feed.ask({ op: 'group', feed: 'c', group: 'g' })).toMatchObject({ lag: 2 })
  })
})

/** Whatever members do: every record is acknowledged once, or owed to somebody. */
const step = fc.oneof(
  fc.record({ op: fc.constant('publish'), n: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ op: fc.constant('fetch'), n: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ op: fc.constant('ack'), n: fc.nat(20) }),
  fc.record({ op: fc.constant('nack'), n: fc.nat(20) }),
  fc.record({ op: fc.constant('wait'), n: fc.integer({ min: 1, max: 800 }) }),
  fc.record({ op: fc.constant('restart'), n: fc.constant(0) }),
)

test('a queue delivers every record until it is acknowledged, to one member at a time', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), steps => {
      feed = new Driven(new FeedMachine())
      feed.run({ op: 'create', feed: 'f', partitions: 2 })
      group('create', { mode: 'queue', ackWaitMs: 1000 })
      const model = new Queue()
      for (const one of steps) {
        if (one.op === 'restart') {
          const next = new Driven(reloaded(feed.machine, new FeedMachine()))
          next.rev = feed.rev
          next.timeMs = feed.timeMs
          expect(hashOf(next.machine)).toBe(hashOf(feed.machine))
          feed = next
        } else model.step(one.op, one.n)
        expect(shown()).toMatchObject({ lag: model.published - model.acked.size })
      }
      feed.timeMs += 2000
      const rest = fetch('last', 1000).map(each => `${each.partition}-${each.offset}`)
      expect(new Set([...rest, ...model.acked]).size).toBe(model.published)
      expect(rest.length + model.acked.size).toBe(model.published)
    }),
    { numRuns: 150 },
  )
})

class Queue {
  published = 0
  readonly acked = new Set<string>()
  /** By place. */
  readonly leases = new Map<string, { member: string; delivery: string; untilMs: number }>()
  readonly #all: { place: string; delivery: string; member: string }[] = []

  step(op: string, n: number): void {
    if (op === 'publish') {
      publish(n)
      this.published += n
    } else if (op === 'wait') feed.timeMs += n
    else if (op === 'fetch') this.fetch(`m${n}`)
    else this.answer(op, n)
  }

  fetch(member: string): void {
    for (const { partition, offset, delivery } of fetch(member, 3)) {
      const place = `${partition}-${offset}`
      expect(this.acked.has(place)).toBe(false)
      expect(this.leases.get(place)?.untilMs ?? 0).toBeLessThanOrEqual(feed.timeMs)
      this.leases.set(place, { member, delivery, untilMs: feed.timeMs + 1000 })
      this.#all.push({ place, delivery, member })
    }
  }

  answer(op: string, n: number): void {
    const one = this.#all[n % Math.max(1, this.#all.length)]
    if (one === undefined) return
    const { place, delivery, member } = one
    const lease = this.leases.get(place)
    const isOwner = lease?.delivery === delivery && lease.untilMs > feed.timeMs
    const run = () => group(op, { member, deliveries: [delivery] })
    if (!isOwner) return expect(run).toThrow(Rejected)
    run()
    this.leases.delete(place)
    if (op === 'ack') this.acked.add(place)
  }
}
