import { beforeEach, describe, expect, test } from 'vitest'
import type { Json } from '../../../src/base/json.ts'
import { Driven, hashOf } from '../support.ts'

let kv: Driven
beforeEach(() => {
  kv = new Driven()
  kv.run({ op: 'put', key: 'a', value: 1 })
  kv.run({ op: 'put', key: 'a', value: 5 })
  kv.run({ op: 'put', key: 's', value: 'm' })
  kv.run({ op: 'put', key: 'o', value: { x: 1, y: [2] } })
})

const txn = (members: { [name: string]: Json }): Json => kv.run({ op: 'txn', ...members })

test('then when all compares hold, else when one does not', () => {
  const then = [{ op: 'put', key: 'b', value: 1 }]
  const other = [{ op: 'get', key: 'a' }]
  const holds = { key: 'a', target: 'value', op: '=', value: 5 }
  const fails = { key: 'a', target: 'value', op: '=', value: 6 }
  expect(txn({ compare: [holds, holds], then, else: other })).toEqual({
    succeeded: true,
    results: [{ rev: 5 }],
    rev: 5,
  })
  expect(txn({ compare: [holds, fails], then, else: other })).toEqual({
    succeeded: false,
    results: [{ kv: { key: 'a', value: 5, rev: 2, createRev: 1, version: 2 } }],
    rev: 6,
  })
  expect(kv.changes).toEqual([])
  expect(txn({})).toEqual({ succeeded: true, results: [], rev: 7 })
})

test('every operation, each with its result, later ones seeing earlier ones', () => {
  const answer = txn({
    then: [
      { op: 'put', key: 'n', value: 1, prev: true },
      { op: 'incr', key: 'n', by: 2 },
      { op: 'get', key: 'n' },
      { op: 'range', prefix: 'n', countOnly: true },
      { op: 'del', key: 'a', prev: true },
      { op: 'get', key: 'a' },
    ],
  })
  const n = { key: 'n', value: 3, rev: 5, createRev: 5, version: 1 }
  expect(answer).toEqual({
    succeeded: true,
    results: [
      { rev: 5, prev: null },
      { value: 3, rev: 5 },
      { kv: n },
      { kvs: [], more: false, count: 1 },
      { deleted: 1, rev: 5, prev: [{ key: 'a', value: 5, rev: 2, createRev: 1, version: 2 }] },
      { kv: null },
    ],
    rev: 5,
  })
})

test('a key changes once per operation, however often it is written', () => {
  txn({
    then: [
      { op: 'put', key: 'a', value: 6 },
      { op: 'put', key: 'b', value: 0 },
      { op: 'put', key: 'a', value: 7 },
      { op: 'del', key: 's' },
      { op: 'put', key: 's', value: 'again' },
      { op: 'put', key: 'gone', value: 1 },
      { op: 'del', key: 'gone' },
    ],
  })
  expect(kv.changes.map(c => ({ ...c }))).toEqual([
    { rev: 5, machine: 'kv', key: 'a', value: 7, createRev: 1, version: 3 },
    { rev: 5, machine: 'kv', key: 'b', value: 0, createRev: 5, version: 1 },
    { rev: 5, machine: 'kv', key: 's', value: 'again', createRev: 5, version: 1 },
  ])
  expect(kv.changes.map(c => c.prev)).toEqual([5, undefined, 'm'])
})

test('operations may be written {"put": {…}} too', () => {
  expect(txn({ then: [{ put: { key: 'b', value: 1 } }, { get: { key: 'b' } }] })).toMatchObject({
    results: [{ rev: 5 }, { kv: { value: 1 } }],
  })
})

describe('compare', () => {
  test.each<[{ [name: string]: Json }, boolean]>([
    [{ key: 'a', target: 'value', op: '=', value: 5 }, true],
    [{ key: 'a', target: 'value', value: 5 }, true],
    [{ key: 'a', target: 'value', op: '!=', value: 5 }, false],
    [{ key: 'a', target: 'value', op: '>', value: 4 }, true],
    [{ key: 'a', target: 'value', op: '>=', value: 5 }, true],
    [{ key: 'a', target: 'value', op: '<', value: 5 }, false],
    [{ key: 'a', target: 'value', op: '<=', value: 5 }, true],
    [{ key: 'a', target: 'value', op: '=', value: '5' }, false],
    [{ key: 'a', target: 'value', op: '<', value: '6' }, false],
    [{ key: 'a', target: 'value', op: '>', value: '4' }, false],
    [{ key: 's', target: 'value', op: '>', value: 'k' }, true],
    [{ key: 's', target: 'value', op: '<', value: 'k' }, false],
    [{ key: 'o', target: 'value', op: '=', value: { y: [2], x: 1 } }, true],
    [{ key: 'o', target: 'value', op: '=', value: { y: [2] } }, false],
    [{ key: 'o', target: 'value', op: '<', value: { y: [2] } }, false],
    [{ key: 'none', target: 'value', op: '=', value: null }, false],
    [{ key: 'none', target: 'value', op: '!=', value: 1 }, true],
    [{ key: 'none', target: 'value', op: '<', value: 1 }, false],
    [{ key: 'a', target: 'rev', op: '=', value: 2 }, true],
    [{ key: 'a', target: 'createRev', op: '=', value: 1 }, true],
    [{ key: 'a', target: 'version', op: '>', value: 2 }, false],
    [{ key: 'none', target: 'rev', op: '=', value: 0 }, true],
    [{ key: 'none', target: 'version', op: '=', value: 0 }, true],
    [{ key: 'a', target: 'exists' }, true],
    [{ key: 'a', target: 'exists', op: '=', value: false }, false],
    [{ key: 'none', target: 'exists', op: '!=', value: true }, true],
    [{ key: 'none', target: 'exists', value: false }, true],
  ])('%j: %s', (compare, holds) => {
    expect(txn({ compare: [compare] })).toMatchObject({ succeeded: holds })
  })

  test.each<{ [name: string]: Json }>([
    { key: 'a', target: 'lease', op: '=', value: 1 },
    { key: 'a', target: 'value', op: '~', value: 1 },
    { key: 'a', target: 'value', op: '=' },
    { key: 'a', target: 'rev', op: '=', value: '2' },
    { key: 'a', target: 'exists', op: '<', value: true },
    { key: 'a', target: 'exists', value: 1 },
    { target: 'exists' },
    { key: 'a' },
  ])('%j is refused even behind one that fails', compare => {
    const first = { key: 'none', target: 'exists' }
    expect(kv.refuse({ op: 'txn', compare: [first, compare] })).toMatchObject({
      name: 'INVALID_PARAMS',
      data: { path: expect.stringMatching(/^compare\[1\]/) },
    })
  })
})

test.each<[Json, string, string]>([
  [{ op: 'incr', key: 's' }, 'NOT_A_NUMBER', 'then[1]'],
  [{ op: 'put', key: 'a', value: 1, ifRev: 9 }, 'COMPARE_FAILED', 'then[1]'],
  [{ op: 'put', key: '', value: 1 }, 'INVALID_PARAMS', 'then[1].key'],
  [{ op: 'publish', feed: 'f', value: 1 }, 'INVALID_PARAMS', 'then[1].publish'],
  [{ op: 'txn' }, 'INVALID_PARAMS', 'then[1].op'],
  [{ op: 'constructor' }, 'INVALID_PARAMS', 'then[1].op'],
  [5, 'INVALID_PARAMS', 'then[1].command'],
])('%j fails all of it: %s at %s', (step, name, path) => {
  const before = hashOf(kv.machine)
  const first = { op: 'put', key: 'new', value: 1 }
  expect(kv.refuse({ op: 'txn', then: [first, step] })).toMatchObject({ name, data: { path } })
  expect(kv.changes).toEqual([])
  expect(hashOf(kv.machine)).toBe(before)
  expect(kv.ask({ op: 'get', key: 'new' })).toEqual({ kv: null })
})

test('a transaction is bounded', () => {
  const step = { op: 'get', key: 'a' }
  for (const list of ['compare', 'then', 'else']) {
    const members = Array.from({ length: 1025 }, () => step)
    expect(kv.refuse({ op: 'txn', [list]: members })).toMatchObject({
      name: 'TXN_TOO_LARGE',
      data: { limit: 1024, path: list },
    })
    expect(kv.refuse({ op: 'txn', [list]: {} }).name).toBe('INVALID_PARAMS')
  }
  for (let i = 0; i < 20_000; i++) kv.run({ op: 'put', key: `k${i}`, value: 0 })
  const before = hashOf(kv.machine)
  const halves = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7', 'k8', 'k9'].map(prefix => ({
    op: 'del',
    prefix,
  }))
  expect(kv.refuse({ op: 'txn', then: halves }).name).toBe('TXN_TOO_LARGE')
  expect(hashOf(kv.machine)).toBe(before)
})
