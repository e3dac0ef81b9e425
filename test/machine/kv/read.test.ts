import { beforeEach, describe, expect, test } from 'vitest'
import type { Json } from '../../../src/base/json.ts'
import { Driven, refusalOf } from '../support.ts'

let kv: Driven
const KEYS = ['a', 'b/1', 'b/2', 'b/3', 'c', '\uffee', '\u{1f600}']
beforeEach(() => {
  kv = new Driven()
  for (const key of [...KEYS].reverse()) kv.run({ op: 'put', key, value: `v ${key}` })
})

const keysIn = (answer: Json): unknown[] => {
  const { kvs } = answer as { kvs: { key: string }[] }
  return kvs.map(each => each.key)
}
const range = (members: { [name: string]: Json }): Json => kv.ask({ op: 'range', ...members })

test('getMany gives what is there in the order asked, and what is missing', () => {
  expect(kv.ask({ op: 'getMany', keys: ['c', 'x', 'a'] })).toMatchObject({
    kvs: [{ key: 'c', value: 'v c' }, { key: 'a' }],
    missing: ['x'],
  })
  expect(kv.ask({ op: 'getMany' })).toEqual({ kvs: [], missing: [] })
  const many = Array.from({ length: 10_001 }, () => 'x')
  expect(refusalOf(() => kv.ask({ op: 'getMany', keys: many }))).toMatchObject({
    name: 'TOO_LARGE',
    data: { limit: 10_000 },
  })
})

describe('range', () => {
  test.each<[{ [name: string]: Json }, string[]]>([
    [{}, KEYS],
    [{ prefix: 'b/' }, ['b/1', 'b/2', 'b/3']],
    [{ prefix: '' }, KEYS],
    [{ start: 'b/2', end: 'c' }, ['b/2', 'b/3']],
    [{ start: 'b/22' }, KEYS.slice(3)],
    [{ end: 'b/2' }, ['a', 'b/1']],
    [{ start: '\uffff' }, ['\u{1f600}']],
    [{ start: 'c', end: 'a' }, []],
    [{ start: 'c', end: 'c' }, []],
    [{ start: '' }, KEYS],
  ])('%j, forward, backward and counted', (span, keys) => {
    expect(range(span)).toMatchObject({ more: false })
    expect(keysIn(range(span))).toEqual(keys)
    expect(keysIn(range({ ...span, reverse: true }))).toEqual([...keys].reverse())
    expect(range({ ...span, countOnly: true })).toEqual({
      kvs: [],
      more: false,
      count: keys.length,
    })
  })

  test('keysOnly leaves values out', () => {
    expect(range({ prefix: 'c', keysOnly: true })).toEqual({
      kvs: [{ key: 'c', rev: 3, createRev: 3, version: 1 }],
      more: false,
    })
  })

  test.each([
    [false, 'stays'],
    [false, 'goes'],
    [true, 'stays'],
    [true, 'goes'],
  ])(
    'pages join without gap or repeat (reverse: %s; the key of the cursor %s)',
    (reverse, fate) => {
      const seen: unknown[] = []
      let cursor: { cursor?: string } = {}
      for (;;) {
        const page = range({ reverse, limit: 2, ...cursor }) as {
          kvs: { key: string }[]
          more: boolean
          cursor: string
        }
        seen.push(...page.kvs.map(each => each.key))
        if (!page.more) break
        expect(page.kvs).toHaveLength(2)
        cursor = { cursor: page.cursor }
        if (fate === 'goes') kv.run({ op: 'del', key: page.kvs[1]?.key ?? '' })
      }
      expect(seen).toEqual(reverse ? [...KEYS].reverse() : KEYS)
    },
  )

  test('exactly as many as the limit is not more', () => {
    expect(range({ prefix: 'b', limit: 3 })).toMatchObject({ more: false })
    expect(range({ prefix: 'b', limit: 2 })).toMatchObject({ more: true })
  })

  test.each(['', 'x', 'f1:', 'b1:b/1', 'f1:z', 'f2:b/1', 'f1:b/\ud800'])(
    'cursor %j is BAD_CURSOR',
    cursor => {
      expect(refusalOf(() => range({ prefix: 'b', cursor })).name).toBe('BAD_CURSOR')
    },
  )

  test('limit is bounded', () => {
    for (const limit of [0, -1, 1.5, 10_001, 'all']) {
      expect(refusalOf(() => range({ limit })).name).toBe('INVALID_PARAMS')
    }
  })

  test('a page ends before it grows too large', () => {
    for (let i = 0; i < 5; i++) {
      kv.run({ op: 'put', key: `big${i}`, value: 'x'.repeat(1024 * 1024 - 2) })
    }
    const page = range({ prefix: 'big' })
    expect(keysIn(page)).toEqual(['big0', 'big1', 'big2', 'big3'])
    expect(page).toMatchObject({ more: true })
    const keys = [0, 1, 2, 3, 4].map(i => `big${i}`)
    expect(refusalOf(() => kv.ask({ op: 'getMany', keys })).name).toBe('TOO_LARGE')
    expect(kv.refuse({ op: 'del', prefix: 'big', prev: true }).name).toBe('TOO_LARGE')
    expect(keysIn(range({ prefix: 'big', keysOnly: true }))).toHaveLength(5)
  })
})

test('queries do not write, and go through the log too', () => {
  expect(refusalOf(() => kv.ask({ op: 'put', key: 'a', value: 1 }))).toMatchObject({
    name: 'INVALID_PARAMS',
  })
  expect(kv.run({ op: 'get', key: 'a' })).toMatchObject({ kv: { value: 'v a' } })
  expect(keysIn(kv.run({ op: 'range', prefix: 'b' }))).toHaveLength(3)
  expect(kv.run({ op: 'getMany', keys: ['a'] })).toMatchObject({ missing: [] })
})
