import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Json, JsonObject } from '../../../src/base/json.ts'
import { KvMachine } from '../../../src/machine/kv/kv.ts'
import { Rejected } from '../../../src/machine/machine.ts'
import { Driven, hashOf, reloaded } from '../support.ts'

/** The machine against a plain Map that knows nothing of trees, deadlines or roll-backs. */
interface Held {
  value: Json
  rev: number
  createRev: number
  version: number
  expiresMs: number
}

const KEYS = ['a', 'ab', 'b', '\u00e9', '\ud7ff', '\uffee', '\u{1f600}', '\u{10ffff}', '__proto__']
const key = fc.constantFrom(...KEYS)
const value = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.jsonValue({ maxDepth: 2 }))
const bytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

const step = fc.oneof(
  fc.record({ op: fc.constant('put'), key, value }),
  fc.record({ op: fc.constant('put'), key, value, ttlMs: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ op: fc.constant('put'), key, value, ifAbsent: fc.constant(true) }),
  fc.record({ op: fc.constant('del'), key }),
  fc.record({ op: fc.constant('del'), prefix: fc.constantFrom('', 'a', '\u{1f600}') }),
  fc.record({ op: fc.constant('incr'), key, by: fc.integer({ min: -3, max: 3 }) }),
  fc.record({ op: fc.constant('wait'), ms: fc.integer({ min: 1, max: 20 }) }),
)

class Model {
  readonly held = new Map<string, Held>()

  reach(timeMs: number): void {
    for (const [k, h] of this.held) {
      if (h.expiresMs !== 0 && h.expiresMs <= timeMs) this.held.delete(k)
    }
  }

  run(c: JsonObject, rev: number, timeMs: number): string | undefined {
    const k = String(c['key'])
    const now = this.held.get(k)
    if (c['op'] === 'put') {
      if (c['ifAbsent'] && now) return 'COMPARE_FAILED'
      const ttlMs = c['ttlMs']
      this.write(k, c['value'] ?? null, rev, typeof ttlMs === 'number' ? timeMs + ttlMs : 0)
    } else if (c['op'] === 'incr') {
      const current = now ? now.value : 0
      if (typeof current !== 'number') return 'NOT_A_NUMBER'
      const sum = current + Number(c['by'])
      if (Math.abs(sum) > Number.MAX_SAFE_INTEGER) return 'OUT_OF_RANGE'
      this.write(k, sum, rev, now?.expiresMs ?? 0)
    } else if (c['key'] !== undefined) this.held.delete(k)
    else
      for (const name of this.held.keys()) {
        if (name.startsWith(String(c['prefix']))) this.held.delete(name)
      }
    return undefined
  }

  write(k: string, value: Json, rev: number, expiresMs: number): void {
    const now = this.held.get(k)
    const createRev = now?.createRev ?? rev
    this.held.set(k, { value, rev, createRev, version: (now?.version ?? 0) + 1, expiresMs })
  }

  kvs(): unknown[] {
    return [...this.held.keys()].sort(bytes).map(k => {
      const { expiresMs, ...rest } = this.held.get(k) as Held
      const shown = JSON.parse(JSON.stringify({ key: k, ...rest }))
      return expiresMs === 0 ? shown : { ...shown, expiresMs }
    })
  }
}

function drive(steps: readonly JsonObject[], each: (kv: Driven, model: Model) => Driven): void {
  let kv = new Driven()
  const model = new Model()
  for (const c of steps) {
    if (c['op'] === 'wait') {
      kv.reach(kv.timeMs + Number(c['ms']))
      model.reach(kv.timeMs)
    } else {
      const expected = model.run(c, kv.rev + 1, kv.timeMs)
      let refused: string | undefined
      try {
        kv.run(JSON.parse(JSON.stringify(c)))
      } catch (error) {
        if (!(error instanceof Rejected)) throw error
        refused = error.errorName
      }
      expect(refused).toBe(expected)
    }
    kv = each(kv, model)
  }
}

test('the machine does what a Map does: values, revs, expiry, and order by bytes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      drive(steps as JsonObject[], (kv, model) => {
        const all = model.kvs()
        expect(kv.ask({ op: 'range' })).toEqual({ kvs: all, more: false })
        expect(kv.ask({ op: 'range', reverse: true })).toMatchObject({ kvs: all.reverse() })
        expect(kv.ask({ op: 'range', countOnly: true })).toMatchObject({ count: all.length })
        return kv
      })
    }),
    { numRuns: 300 },
  )
})

test('a machine built from records after each step answers, hashes and expires the same', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const steady: string[] = []
      const restarted: string[] = []
      const note = (log: string[], kv: Driven): void => {
        const told = kv.changes.map(c => [c, c.prev])
        const next = kv.machine.nextDeadline() ?? null
        log.push(JSON.stringify([told, kv.ask({ op: 'range' }), next, hashOf(kv.machine)]))
      }
      drive(steps as JsonObject[], kv => {
        note(steady, kv)
        return kv
      })
      drive(steps as JsonObject[], kv => {
        note(restarted, kv)
        const next = new Driven(reloaded(kv.machine, new KvMachine()))
        next.rev = kv.rev
        next.timeMs = kv.timeMs
        return next
      })
      expect(restarted).toEqual(steady)
    }),
    { numRuns: 200 },
  )
})

test('dirty records are all that a follower of checkpoints needs', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const disk = new Map<string, string>()
      drive(steps as JsonObject[], kv => {
        const ids = kv.machine.takeDirty()
        expect(ids).toEqual([...ids].sort(bytes))
        for (const id of ids) {
          const record = kv.machine.record(id)
          if (record === undefined) disk.delete(id)
          else disk.set(id, record)
        }
        const records = [...kv.machine.freeze().records(undefined)]
        expect(new Map(records.map(r => [r.id, r.value]))).toEqual(disk)
        return kv
      })
    }),
    { numRuns: 200 },
  )
})

test('a frozen view stays as it was, from any record on', () => {
  const kv = new Driven()
  for (let i = 0; i < 500; i++) kv.run({ op: 'put', key: `k${i}`, value: i })
  const frozen = kv.machine.freeze()
  const before = [...frozen.records(undefined)]
  for (let i = 0; i < 500; i++) kv.run({ op: 'put', key: `k${i}`, value: 'changed' })
  kv.run({ op: 'del', prefix: 'k1' })
  expect([...frozen.records(undefined)]).toEqual(before)
  expect(frozen.record('k1')).toBe(before.find(r => r.id === 'k1')?.value)
  expect([...frozen.records('k250')].map(r => r.id)).toEqual(
    before.map(r => r.id).filter(id => id > 'k250'),
  )
  expect([...frozen.records('k2500')]).toHaveLength(before.filter(r => r.id > 'k2500').length)
})

test.each(['', '2;1;1;1;0;5', '1;1;1;1;5', '1;;1;1;0;5', '1;-1;1;1;0;5', '1;1;1e3;1;0;5'])(
  'the record %j is not loaded',
  record => {
    expect(() => new KvMachine().load({ id: 'k', value: record })).toThrow(/kv record/)
  },
)
