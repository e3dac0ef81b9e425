/** P36: who goes on from any position that a subscription told is given every record behind it, once. */
import { expect, test } from 'vitest'
import type { Json } from '../../src/base/json.ts'
import { FeedMachine } from '../../src/machine/feed/feed-machine.ts'
import { BOUNDS } from '../../src/machine/feed/limits.ts'
import type { FeedEvent, FeedFrom } from '../../src/node/feed-api.ts'
import { follow } from '../../src/node/feed-follow.ts'
import { FeedHub } from '../../src/node/feed-hub.ts'

const RECORDS = 1203
const LATE = 3

class Followed {
  readonly machine = new FeedMachine()
  readonly hub = new FeedHub(query => this.machine.query(query, 0))
  #rev = 0

  run(command: Json): void {
    const rev = ++this.#rev
    this.machine.apply(command, { opNumber: rev, rev, timeMs: rev, session: 's' }, [])
    this.hub.executed()
  }

  publish(count: number): void {
    const records = Array.from({ length: count }, () => ({ feed: 'f', value: 1 }))
    this.run({ op: 'publishBatch', records })
  }

  /** Events from there on, up to the record before `next`. One that is given twice ends it. */
  readUntil(from: FeedFrom, next: number): Promise<FeedEvent[]> {
    const events: FeedEvent[] = []
    let expected = Number(from)
    return new Promise((resolve, reject) => {
      const deliver = (event: FeedEvent): void => {
        for (const text of event.records) {
          const { offset } = JSON.parse(text)
          if (offset !== expected++) throw new Error(`offset ${offset} instead of ${expected - 1}`)
        }
        events.push(event)
        if (event.next < next) return
        subscription.cancel()
        resolve(events)
      }
      const subscription = follow([this.hub], () => this.hub, {
        ...{ target: 'f', from, deliver, ended: reject },
      })
    })
  }
}

test('from every position that was told, the next record is the next', async () => {
  const followed = new Followed()
  followed.run({ op: 'create', feed: 'f' })
  followed.publish(RECORDS)
  const whole = followed.readUntil('0', RECORDS + LATE)
  // Some come while it catches up, and some one by one when it has.
  for (let i = 0; i < LATE; i++) followed.publish(1)
  const events = await whole
  expect(events.length).toBeGreaterThan(2)
  for (const event of events) {
    const middle = event.next - Math.ceil(event.records.length / 2)
    expect(event.cursor).toBe(String(event.next))
    expect(event.cursorAt(middle)).toBe(String(middle))
    const rest = RECORDS + LATE - event.next
    if (rest > 0) {
      const behind = await followed.readUntil(event.cursor, RECORDS + LATE)
      expect(behind.flatMap(each => each.records)).toHaveLength(rest)
    }
  }
}, 5_000)

test('behind the last record of a chunk that a reader sees, the next chunk is read', async () => {
  const machine = new FeedMachine({ bounds: { ...BOUNDS, chunkChars: 1000 } })
  const texts = new Map<string, string>()
  const hub = new FeedHub(
    query => machine.query(query, 0),
    async id => texts.get(id.slice('feed/'.length)),
  )
  let rev = 0
  const run = (command: Json) => {
    machine.apply(command, { opNumber: ++rev, rev, timeMs: 1, session: 's' }, [])
    for (const id of machine.takeDirty().filter(machine.cold.isCold)) {
      const text = machine.cold.text(id)
      if (text !== undefined) texts.set(id, text)
    }
    machine.cold.settle([...texts.keys()])
  }
  run({ op: 'create', feed: 'f', compact: 'key' })
  const records = Array.from({ length: 60 }, (_, n) => ({ feed: 'f', key: `${n}`, value: n }))
  run({ op: 'publishBatch', records })
  // Of the first chunk only the first record stays.
  run({ op: 'publishBatch', records: records.slice(1, 10) })
  const page = await hub.read({ feed: 'f', partition: 0, next: 1, sinceMs: 0 }, { limit: 1 })
  expect(page.records.map(text => JSON.parse(text).offset)).toEqual([10])
  expect(texts.size).toBeGreaterThan(3)
})
