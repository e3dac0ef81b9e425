import { beforeEach, describe, expect, test } from 'vitest'
import { Driven, START_MS } from '../support.ts'

let kv: Driven
beforeEach(() => {
  kv = new Driven()
})

const get = (key: string) => kv.ask({ op: 'get', key })

describe('put', () => {
  test('counts rev, createRev and version as etcd does', () => {
    expect(kv.run({ op: 'put', key: 'a', value: 1 })).toEqual({ rev: 1 })
    expect(kv.run({ op: 'put', key: 'a', value: { x: [null, 'y'] } })).toEqual({ rev: 2 })
    expect(get('a')).toEqual({
      kv: { key: 'a', value: { x: [null, 'y'] }, rev: 2, createRev: 1, version: 2 },
    })
    kv.run({ op: 'del', key: 'a' })
    kv.run({ op: 'put', key: 'a', value: null })
    expect(get('a')).toEqual({ kv: { key: 'a', value: null, rev: 4, createRev: 4, version: 1 } })
  })

  test('tells what changed', () => {
    kv.run({ op: 'put', key: 'a', value: 1 })
    expect(kv.changes).toHaveLength(1)
    expect(kv.changes[0]?.prev).toBeUndefined()
    kv.run({ op: 'put', key: 'a', value: 2 })
    expect({ ...kv.changes[0] }).toEqual({
      rev: 2,
      machine: 'kv',
      key: 'a',
      value: 2,
      createRev: 1,
      version: 2,
    })
    expect(kv.changes[0]?.prev).toBe(1)
    expect(JSON.stringify(kv.changes[0])).not.toContain('prev')
  })

  test('prev gives what was there, or null', () => {
    expect(kv.run({ op: 'put', key: 'a', value: 1, prev: true })).toEqual({ rev: 1, prev: null })
    expect(kv.run({ op: 'put', key: 'a', value: 2, prev: true })).toEqual({
      rev: 2,
      prev: { key: 'a', value: 1, rev: 1, createRev: 1, version: 1 },
    })
  })

  test('ifRev and ifAbsent that fail are COMPARE_FAILED with the rev now', () => {
    expect(kv.run({ op: 'put', key: 'a', value: 1, ifAbsent: true })).toEqual({ rev: 1 })
    expect(kv.refuse({ op: 'put', key: 'a', value: 2, ifAbsent: true })).toMatchObject({
      name: 'COMPARE_FAILED',
      data: { key: 'a', rev: 1 },
    })
    expect(kv.refuse({ op: 'put', key: 'a', value: 2, ifRev: 7 })).toMatchObject({
      name: 'COMPARE_FAILED',
      data: { rev: 1 },
    })
    expect(kv.refuse({ op: 'put', key: 'b', value: 2, ifRev: 7 })).toMatchObject({
      name: 'COMPARE_FAILED',
      data: { rev: 0 },
    })
    expect(kv.changes).toEqual([])
    expect(get('a')).toMatchObject({ kv: { value: 1, rev: 1 } })
    expect(kv.run({ op: 'put', key: 'a', value: 3, ifRev: 1 })).toEqual({ rev: 5 })
    expect(kv.run({ op: 'put', key: 'c', value: 3, ifRev: 0 })).toEqual({ rev: 6 })
  })

  test('a value of 1 MiB goes in, one byte more does not', () => {
    const fits = 'x'.repeat(1024 * 1024 - 2)
    kv.run({ op: 'put', key: 'a', value: fits })
    for (const value of [`${fits}x`, '\u20ac'.repeat(349_525)]) {
      expect(kv.refuse({ op: 'put', key: 'a', value })).toMatchObject({
        name: 'TOO_LARGE',
        data: { limit: 1024 * 1024, path: 'value' },
      })
    }
  })

  test('a value nested too deep is refused', () => {
    const deep = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels))
    kv.run({ op: 'put', key: 'a', value: deep(64) })
    expect(kv.refuse({ op: 'put', key: 'a', value: deep(65) })).toMatchObject({
      name: 'TOO_LARGE',
      data: { limit: 64 },
    })
  })

  test.each([
    [{ $bytes: 'AAEC' }, true],
    [{ $bytes: '' }, true],
    [{ a: [{ $bytes: 'AA==' }] }, true],
    [{ $bytes: 'AAE' }, false],
    [{ $bytes: 'A*==' }, false],
    [{ $bytes: 5 }, false],
    [{ $bytes: 'AAEC', more: 1 }, false],
    [['$bytes', '"$bytes"'], true],
  ])('bytes %j: %s', (value, good) => {
    const command = { op: 'put', key: 'a', value }
    if (good) {
      kv.run(command)
      expect(get('a')).toMatchObject({ kv: { value } })
    } else expect(kv.refuse(command).name).toBe('INVALID_PARAMS')
  })

  test.each([
    [{ op: 'put', key: 'a' }, 'value'],
    [{ op: 'put', key: 'a', value: 1, ifRev: -1 }, 'ifRev'],
    [{ op: 'put', key: 'a', value: 1, ifRev: '1' }, 'ifRev'],
    [{ op: 'put', key: 'a', value: 1, ttlMs: 0 }, 'ttlMs'],
    [{ op: 'put', key: 'a', value: 1, ttlMs: 1.5 }, 'ttlMs'],
    [{ op: 'put', key: 'a', value: 1, prev: 1 }, 'prev'],
    [{ op: 'frobnicate' }, 'op'],
    [{ key: 'a', value: 1 }, 'op'],
    ['put', 'command'],
    [null, 'command'],
    [[], 'command'],
    [{}, 'op'],
  ])('%j is INVALID_PARAMS at %s', (command, path) => {
    expect(kv.refuse(command)).toMatchObject({ name: 'INVALID_PARAMS', data: { path } })
    expect(kv.ask({ op: 'range', countOnly: true })).toMatchObject({ count: 0 })
  })
})

describe('time to live', () => {
  test('a key goes when log time reaches its deadline, as a change', () => {
    kv.run({ op: 'put', key: 'a', value: 1, ttlMs: 100 })
    expect(get('a')).toMatchObject({ kv: { expiresMs: START_MS + 100 } })
    expect(kv.machine.nextDeadline()).toBe(START_MS + 100)
    kv.reach(START_MS + 99)
    expect(kv.changes).toEqual([])
    kv.reach(START_MS + 100)
    expect(kv.changes.map(c => ({ ...c }))).toEqual([{ rev: 1, machine: 'kv', key: 'a' }])
    expect(kv.changes[0]?.prev).toBe(1)
    expect(get('a')).toEqual({ kv: null })
    expect(kv.machine.nextDeadline()).toBeUndefined()
    expect(kv.machine.takeDirty()).toEqual(['a'])
  })

  test('keys go in order of deadline, then of key, whenever they were put', () => {
    for (const [key, ttlMs] of [
      ['d', 5],
      ['c', 7],
      ['b', 7],
      ['a', 9],
    ] as const) {
      kv.run({ op: 'put', key, value: 1, ttlMs })
    }
    kv.reach(START_MS + 9)
    expect(kv.changes.map(c => c.key)).toEqual(['d', 'b', 'c', 'a'])
  })

  test('a key past its deadline counts as gone before it is removed', () => {
    kv.run({ op: 'put', key: 'a', value: 1, ttlMs: 100 })
    kv.run({ op: 'put', key: 'b', value: 1 })
    kv.timeMs += 100
    expect(get('a')).toEqual({ kv: null })
    expect(kv.ask({ op: 'range' })).toMatchObject({ kvs: [{ key: 'b' }] })
    expect(kv.ask({ op: 'range', countOnly: true })).toMatchObject({ count: 1 })
    expect(kv.ask({ op: 'getMany', keys: ['a'] })).toEqual({ kvs: [], missing: ['a'] })
    expect(kv.run({ op: 'del', key: 'a' })).toEqual({ deleted: 0, rev: 3 })
    kv.run({ op: 'put', key: 'a', value: 2, ifAbsent: true })
    expect(get('a')).toEqual({ kv: { key: 'a', value: 2, rev: 4, createRev: 4, version: 1 } })
    kv.reach(kv.timeMs)
    expect(kv.changes).toEqual([])
  })

  test('a put without ttlMs ends it, incr and apply keep it', () => {
    const expires = () => get('a')
    kv.run({ op: 'put', key: 'a', value: 1, ttlMs: 100 })
    kv.run({ op: 'incr', key: 'a' })
    kv.run({ op: 'apply', program: 'a += 1' })
    expect(expires()).toMatchObject({ kv: { value: 3, expiresMs: START_MS + 100 } })
    kv.run({ op: 'put', key: 'a', value: 4, ttlMs: 200 })
    expect(kv.machine.nextDeadline()).toBe(START_MS + 200)
    kv.run({ op: 'put', key: 'a', value: 5 })
    expect(kv.machine.nextDeadline()).toBeUndefined()
    kv.reach(START_MS + 1000)
    expect(get('a')).toMatchObject({ kv: { value: 5 } })
  })
})

describe('del', () => {
  beforeEach(() => {
    for (const key of ['a', 'b1', 'b2', 'b3', 'c']) kv.run({ op: 'put', key, value: key })
  })

  test('a key, with prev', () => {
    expect(kv.run({ op: 'del', key: 'a', prev: true })).toEqual({
      deleted: 1,
      rev: 6,
      prev: [{ key: 'a', value: 'a', rev: 1, createRev: 1, version: 1 }],
    })
    expect(kv.run({ op: 'del', key: 'a', prev: true })).toEqual({ deleted: 0, rev: 7, prev: [] })
    expect(kv.changes).toEqual([])
  })

  test('ifRev', () => {
    expect(kv.refuse({ op: 'del', key: 'a', ifRev: 2 })).toMatchObject({
      name: 'COMPARE_FAILED',
      data: { rev: 1 },
    })
    expect(kv.run({ op: 'del', key: 'a', ifRev: 1 })).toMatchObject({ deleted: 1 })
  })

  test.each([
    [{ prefix: 'b' }, ['b1', 'b2', 'b3']],
    [{ start: 'b1', end: 'b3' }, ['b1', 'b2']],
    [{ start: 'b3' }, ['b3', 'c']],
    [{ end: 'b2' }, ['a', 'b1']],
    [{ prefix: '' }, ['a', 'b1', 'b2', 'b3', 'c']],
    [{ start: 'z', end: 'a' }, []],
  ])('the range %j at one rev', (span, keys) => {
    expect(kv.run({ op: 'del', ...span })).toEqual({ deleted: keys.length, rev: 6 })
    expect(kv.changes.map(c => c.key)).toEqual(keys)
    expect(new Set(kv.changes.map(c => c.rev)).size).toBe(keys.length ? 1 : 0)
    expect(kv.ask({ op: 'range', countOnly: true })).toMatchObject({ count: 5 - keys.length })
  })

  test.each([
    [{}, 'key'],
    [{ key: 'a', prefix: 'b' }, 'key'],
    [{ prefix: 'b', start: 'b' }, 'prefix'],
    [{ prefix: 'b', ifRev: 2 }, 'ifRev'],
    [{ prefix: 5 }, 'prefix'],
  ])('%j is refused', (members, path) => {
    expect(kv.refuse({ op: 'del', ...members })).toMatchObject({
      name: 'INVALID_PARAMS',
      data: { path },
    })
  })

  test('a range of too many keys is refused whole', () => {
    for (let i = 0; i < 10_001; i++) kv.run({ op: 'put', key: `k${i}`, value: 0 })
    expect(kv.refuse({ op: 'del', prefix: 'k' })).toMatchObject({
      name: 'TXN_TOO_LARGE',
      data: { limit: 10_000 },
    })
    kv.run({ op: 'del', key: 'k7' })
    expect(kv.run({ op: 'del', prefix: 'k' })).toMatchObject({ deleted: 10_000 })
  })
})

describe('cas', () => {
  test('by rev, value and absence; a failure is an answer', () => {
    expect(kv.run({ op: 'cas', key: 'a', expect: { absent: true }, value: 1 })).toEqual({
      succeeded: true,
      rev: 1,
    })
    expect(kv.run({ op: 'cas', key: 'a', expect: { absent: true }, value: 2 })).toEqual({
      succeeded: false,
      rev: 2,
      current: { key: 'a', value: 1, rev: 1, createRev: 1, version: 1 },
    })
    expect(kv.changes).toEqual([])
    expect(kv.run({ op: 'cas', key: 'a', expect: { rev: 1 }, value: { x: 1, y: [2] } })).toEqual({
      succeeded: true,
      rev: 3,
    })
    expect(
      kv.run({ op: 'cas', key: 'a', expect: { value: { y: [2], x: 1 } }, value: 0 }),
    ).toMatchObject({ succeeded: true })
    expect(kv.run({ op: 'cas', key: 'b', expect: { value: 0 }, value: 1 })).toEqual({
      succeeded: false,
      rev: 5,
      current: null,
    })
    expect(kv.run({ op: 'cas', key: 'b', expect: { rev: 0 }, value: 1 })).toMatchObject({
      succeeded: true,
    })
  })

  test('without a value it deletes; null is a value', () => {
    kv.run({ op: 'put', key: 'a', value: null })
    expect(kv.run({ op: 'cas', key: 'a', expect: { value: null } })).toMatchObject({
      succeeded: true,
    })
    expect(get('a')).toEqual({ kv: null })
    kv.run({ op: 'cas', key: 'a', expect: { absent: true }, value: null })
    expect(get('a')).toMatchObject({ kv: { value: null } })
  })

  test.each([{}, { rev: 1, value: 2 }, { rev: -1 }, { absent: 1 }])('expect %j is refused', e => {
    expect(kv.refuse({ op: 'cas', key: 'a', expect: e, value: 1 }).name).toBe('INVALID_PARAMS')
  })
})

describe('incr', () => {
  test('creates, adds, keeps within bounds', () => {
    expect(kv.run({ op: 'incr', key: 'n' })).toEqual({ value: 1, rev: 1 })
    expect(kv.run({ op: 'incr', key: 'n', by: -3.5 })).toEqual({ value: -2.5, rev: 2 })
    expect(kv.run({ op: 'incr', key: 'm', by: 2, init: 40 })).toEqual({ value: 42, rev: 3 })
    expect(kv.run({ op: 'incr', key: 'm', by: 2, init: 7, max: 44 })).toEqual({ value: 44, rev: 4 })
    expect(kv.refuse({ op: 'incr', key: 'm', max: 44 })).toMatchObject({
      name: 'OUT_OF_RANGE',
      data: { key: 'm', current: 44 },
    })
    expect(kv.refuse({ op: 'incr', key: 'm', by: -44, min: 1 }).name).toBe('OUT_OF_RANGE')
    expect(get('m')).toMatchObject({ kv: { value: 44, version: 2 } })
  })

  test('there is one zero', () => {
    kv.run({ op: 'incr', key: 'n', by: -0, init: -0 })
    expect(Object.is(kv.changes[0]?.value, 0)).toBe(true)
  })

  test.each(['5', null, [1], { n: 1 }, true, 'x'.repeat(100)])('%j is not a number', value => {
    kv.run({ op: 'put', key: 'n', value })
    expect(kv.refuse({ op: 'incr', key: 'n' })).toMatchObject({
      name: 'NOT_A_NUMBER',
      data: { key: 'n' },
    })
  })

  test('numbers end at 2^53 - 1', () => {
    kv.run({ op: 'put', key: 'n', value: Number.MAX_SAFE_INTEGER })
    expect(kv.refuse({ op: 'incr', key: 'n' }).name).toBe('OUT_OF_RANGE')
    expect(kv.run({ op: 'incr', key: 'n', by: -1 })).toMatchObject({ value: 2 ** 53 - 2 })
    kv.run({ op: 'put', key: 'n', value: 1e308 })
    expect(kv.refuse({ op: 'incr', key: 'n', by: 1e308 }).name).toBe('OUT_OF_RANGE')
    expect(kv.refuse({ op: 'incr', key: 'n', by: '1' }).name).toBe('INVALID_PARAMS')
  })
})
