/** A log of state changes, replayed elsewhere, ends in the same records: revs, versions and times to live too. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Json, JsonObject } from '../../../src/base/json.ts'
import type { Change } from '../../../src/machine/machine.ts'
import { Rejected } from '../../../src/machine/machine.ts'
import { Driven, START_MS } from '../support.ts'

const KEY = fc.constantFrom('a', 'b', 'c')
const COMMAND: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.record({ op: fc.constant('put'), key: KEY, value: fc.integer() }),
  fc.record({
    op: fc.constant('put'),
    key: KEY,
    value: fc.integer(),
    ttlMs: fc.integer({ min: 1, max: 30 }),
  }),
  fc.record({ op: fc.constant('put'), key: KEY, value: fc.integer(), ifAbsent: fc.constant(true) }),
  fc.record({ op: fc.constant('incr'), key: KEY }),
  fc.record({ op: fc.constant('del'), key: KEY }),
  fc.constant({ op: 'del', prefix: '' }),
  KEY.map(key => ({
    op: 'txn',
    then: [
      { op: 'del', key },
      { op: 'put', key, value: 0 },
      { op: 'put', key: 'd', value: 1 },
    ],
  })),
)

const recordsOf = ({ machine }: Driven) => [...machine.freeze().records(undefined)]

/** As log.read shows it: what nothing but a plain put says already is told without versions. */
function shown(change: Change, isPut: boolean): JsonObject {
  const all = JSON.parse(JSON.stringify(change)) as JsonObject
  const { key, value } = all
  return isPut && change.isTimed !== true ? { key: key as Json, value: value as Json } : all
}

test.each(['the same', 'later'])('whatever happened, by a clock that is %s', clock => {
  const steps = fc.array(fc.tuple(COMMAND, fc.integer({ min: 0, max: 20 })), { maxLength: 60 })
  fc.assert(
    fc.property(steps, list => {
      const there = new Driven()
      const here = new Driven()
      const end = START_MS + 2_000
      if (clock === 'later') here.reach(end)
      let expired: JsonObject[] = []
      for (const [command, pauseMs] of list) {
        there.reach(there.timeMs + pauseMs)
        expired.push(...there.changes.map(change => shown(change, false)))
        if (clock === 'the same') here.reach(there.timeMs)
        try {
          there.run(command)
        } catch (error) {
          if (!(error instanceof Rejected)) throw error
        }
        const changes = there.changes.map(change => shown(change, command['op'] === 'put'))
        here.run({ op: 'import', rev: there.rev, changes: [...expired, ...changes] })
        expired = []
      }
      there.reach(end)
      here.reach(end)
      expect(recordsOf(here)).toEqual(recordsOf(there))
    }),
  )
})

test('an operation that would get another rev is refused, and changes nothing', () => {
  const kv = new Driven()
  kv.run({ op: 'put', key: 'a', value: 1 })
  const changes = [{ key: 'a', value: 2 }]
  expect(kv.refuse({ op: 'import', rev: 5, changes })).toMatchObject({
    name: 'COMPARE_FAILED',
    data: { rev: 2 },
  })
  expect(
    kv.refuse({ op: 'import', rev: 3, changes: [{ key: 'a', value: 2, createRev: 9 }] }),
  ).toMatchObject({
    name: 'INVALID_PARAMS',
  })
  expect(kv.ask({ op: 'get', key: 'a' })).toMatchObject({ kv: { value: 1, rev: 1 } })
})
