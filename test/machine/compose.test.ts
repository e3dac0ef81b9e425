import { describe, expect, test } from 'vitest'
import { AssertionError } from '../../src/base/assert.ts'
import { utf8 } from '../../src/base/bytes.ts'
import type { Json } from '../../src/base/json.ts'
import { createService } from '../../src/machine/compose.ts'
import { defineMachine } from '../../src/machine/define.ts'
import { instantiate } from '../../src/machine/defined.ts'
import { KvMachine } from '../../src/machine/kv/kv.ts'
import type { Machine } from '../../src/machine/machine.ts'
import { decodeOperation, decodeResult, encodeOperation } from '../../src/machine/operation.ts'
import type { ChangeRecord } from '../../src/vr/service.ts'
import { refusalOf } from './support.ts'

const counter = defineMachine<{ count: number }>({
  name: 'counter',
  version: 3,
  init: () => ({ count: 0 }),
  apply: (state, command) => {
    state.count += Number(command)
    return { count: state.count }
  },
  query: state => state.count,
})

const service = () => createService([new KvMachine(), instantiate(counter)])
const context = { opNumber: 1, rev: 7, timeMs: 1000, session: 's' }
const run = (s: ReturnType<typeof service>, machine: string, command: Json) =>
  decodeResult(s.execute(encodeOperation(machine, command), context, []))

/** A machine that does what a machine must not. */
class Broken extends KvMachine {
  readonly error: unknown
  constructor(error: unknown) {
    super()
    this.error = error
  }
  override apply(): Json {
    throw this.error
  }
}

test('operations are routed by name, results come back as bytes', () => {
  const s = service()
  expect(run(s, 'kv', { op: 'put', key: 'a', value: '\u{1f600}' })).toEqual({
    type: 'result',
    result: { rev: 7 },
  })
  expect(run(s, 'counter', 5)).toEqual({ type: 'result', result: { count: 5 } })
  expect(run(s, 'kv', { op: 'get', key: 'a' })).toMatchObject({
    result: { kv: { value: '\u{1f600}' } },
  })
  expect(s.query('counter', null, 0)).toBe(5)
  expect(s.machines).toEqual([
    { name: 'counter', version: 3 },
    { name: 'kv', version: 1 },
  ])
})

test('the form of operations and results', () => {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()
  const operation = encodeOperation('kv', { op: 'get', key: '\u00e9' })
  expect(text(operation)).toBe('{"m":"kv","c":{"op":"get","key":"\u00e9"}}')
  expect(decodeOperation(operation)).toEqual({
    machine: 'kv',
    command: { op: 'get', key: '\u00e9' },
  })
  expect(text(service().execute(operation, context, []))).toBe('{"r":{"kv":null}}')
  const long = 'x'.repeat(5000)
  expect(decodeOperation(encodeOperation('kv', long))).toEqual({ machine: 'kv', command: long })
})

test.each([
  ['nothing', new Uint8Array()],
  ['no UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
  ['no JSON', utf8('{"m":"kv"')],
  ['another form', utf8('{"m":5,"c":{}}')],
  ['no command', utf8('{"m":"kv"}')],
  ['a list', utf8('[]')],
  ['null', utf8('null')],
  ['a million levels', utf8(`{"m":"kv","c":${'['.repeat(500_000)}${']'.repeat(500_000)}}`)],
])('an operation that is %s is an error result', (_what, bytes) => {
  const changes: ChangeRecord[] = []
  const result = decodeResult(service().execute(bytes, context, changes))
  expect(result).toMatchObject({
    type: 'error',
    error: { name: expect.stringMatching(/INVALID_PARAMS|TOO_LARGE/) },
  })
  expect(changes).toEqual([])
})

test('an unknown machine is an error result that names those there are', () => {
  for (const name of ['nope', '__proto__', 'constructor']) {
    expect(run(service(), name, {})).toMatchObject({
      error: { name: 'INVALID_PARAMS', message: expect.stringContaining('counter, kv') },
    })
    expect(refusalOf(() => service().query(name, {}, 0)).name).toBe('INVALID_PARAMS')
  }
})

test('a refusal keeps name, message and data, and no change', () => {
  const s = service()
  const changes: ChangeRecord[] = []
  const step = { op: 'put', key: 'a', value: 1 }
  const command = { op: 'txn', then: [step, { op: 'incr', key: 'a', max: 1 }] }
  const bytes = s.execute(encodeOperation('kv', command), context, changes)
  expect(decodeResult(bytes)).toMatchObject({
    error: { name: 'OUT_OF_RANGE', data: { key: 'a', current: 1 } },
  })
  expect(changes).toEqual([])
})

describe('a machine that throws', () => {
  test('anything else is INTERNAL with a text that does not depend on the engine', () => {
    const failures: unknown[] = []
    const errors = [new TypeError('x is not a function'), new Error('other'), 'text', undefined]
    for (const error of errors) {
      const s = createService([new Broken(error)], { onFailure: each => failures.push(each) })
      expect(run(s, 'kv', {})).toEqual({
        type: 'error',
        error: {
          name: 'INTERNAL',
          message: 'the state machine failed: this is a defect, please report it',
          data: {},
        },
      })
    }
    expect(failures).toEqual(errors)
  })

  test('a false assertion stops the replica', () => {
    const s = createService([new Broken(new AssertionError('x'))])
    expect(() => run(s, 'kv', {})).toThrow(AssertionError)
  })
})

test('names must be plain and unique', () => {
  for (const name of ['', 'A', 'a/b', '1a', 'x'.repeat(65)]) {
    expect(() => createService([instantiate(counter, name)])).toThrow(/cannot be named/)
  }
  expect(() => createService([new KvMachine(), new KvMachine()])).toThrow(/same name/)
})

describe('records', () => {
  const filled = (machines: Machine[]) => {
    const s = createService(machines)
    for (const { name } of machines) {
      if (name.startsWith('kv')) run(s, name, { op: 'put', key: 'a', value: 1 })
    }
    return s
  }

  test('have one order, whatever the order of machines', () => {
    const named = (name: string) => instantiate(counter, name)
    const names = ['kv0', 'kv-a', 'kv_a', 'a', 'kva']
    const s = filled([new KvMachine(), ...names.map(named)])
    const other = filled([...names.map(named).reverse(), new KvMachine()])
    const ids = [...s.freeze().records(undefined)].map(r => r.id)
    expect(ids).toEqual([...ids].sort())
    expect([...other.freeze().records(undefined)].map(r => r.id)).toEqual(ids)
    expect(other.stateHash()).toBe(s.stateHash())
    for (const [i, id] of ids.entries()) {
      expect([...s.freeze().records(id)].map(r => r.id)).toEqual(ids.slice(i + 1))
    }
    expect([...s.freeze().records('kv-')].map(r => r.id)).toEqual(ids.slice(1))
  })

  test('of a machine that is not here are not dropped in silence', () => {
    const s = createService([new KvMachine()])
    expect(() => s.load({ id: 'bank/00000000', value: '1;{}' })).toThrow(/"bank".*stateMachines/)
    expect(() => s.load({ id: 'nonsense', value: 'x' })).toThrow()
  })

  test('that are dirty are told once, in order, hashed in between or not', () => {
    const s = createService([new KvMachine()])
    run(s, 'kv', { op: 'put', key: 'b', value: 1 })
    s.stateHash()
    run(s, 'kv', { op: 'put', key: 'a', value: 1 })
    run(s, 'kv', { op: 'put', key: 'c', value: 1 })
    run(s, 'kv', { op: 'del', key: 'c' })
    expect(s.takeDirty()).toEqual([
      { id: 'kv/a', value: '1;7;7;1;0;1' },
      { id: 'kv/b', value: '1;7;7;1;0;1' },
      { id: 'kv/c', value: undefined },
    ])
    s.stateHash()
    expect(s.takeDirty()).toEqual([])
  })
})

test('the hash follows the content, by whatever way it came about', () => {
  const s = service()
  const empty = s.stateHash()
  run(s, 'kv', { op: 'put', key: 'a', value: 1 })
  const one = s.stateHash()
  run(s, 'kv', { op: 'put', key: 'b', value: 1 })
  const two = s.stateHash()
  run(s, 'counter', 1)
  const three = s.stateHash()
  expect(new Set([empty, one, two, three]).size).toBe(4)
  run(s, 'counter', -1)
  expect(s.stateHash()).toBe(two)
  run(s, 'kv', { op: 'del', key: 'b' })
  s.takeDirty()
  expect(s.stateHash()).toBe(one)
  run(s, 'kv', { op: 'del', key: 'a' })
  expect(s.stateHash()).toBe(empty)
})

test('cleared and loaded, a service is the same; it was not the same in between', () => {
  const s = service()
  run(s, 'kv', { op: 'put', key: 'a', value: 1, ttlMs: 50 })
  run(s, 'counter', 4)
  const hash = s.stateHash()
  const records = [...s.freeze().records(undefined)].reverse()
  s.clear()
  expect(s.stateHash()).toBe(service().stateHash())
  for (const record of records) s.load(record)
  expect(s.stateHash()).toBe(hash)
  expect(s.takeDirty()).toEqual([])
  expect(s.nextDeadline()).toBe(1050)
  const changes: ChangeRecord[] = []
  s.advance(1050, { ...context, rev: 8 }, changes)
  expect(changes.map(c => ({ ...c }))).toEqual([{ rev: 8, machine: 'kv', key: 'a' }])
  expect(s.nextDeadline()).toBeUndefined()
  expect(run(s, 'counter', 1)).toMatchObject({ result: { count: 5 } })
})
