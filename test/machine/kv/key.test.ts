import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareKeys, KeyOrder, prefixEnd, utf8Length } from '../../../src/machine/kv/key.ts'
import { Driven } from '../support.ts'

const key = fc.string({ unit: 'binary', maxLength: 6 })
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

test('keys are ordered by the bytes of their UTF-8', () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      expect(Math.sign(compareKeys(a, b))).toBe(byBytes(a, b))
    }),
    { numRuns: 2000 },
  )
  expect('\u{1f600}' < '\uffee').toBe(true)
  expect(compareKeys('\u{1f600}', '\uffee')).toBeGreaterThan(0)
})

test('an order that is native until a wide key comes is the order of bytes all along', () => {
  fc.assert(
    fc.property(fc.array(key), keys => {
      const order = new KeyOrder()
      const sorted: string[] = []
      for (const each of keys) {
        order.admit(each)
        sorted.push(each)
        sorted.sort(order.compare)
        expect(sorted).toEqual([...sorted].sort(byBytes))
      }
    }),
  )
})

test('the length in UTF-8', () => {
  fc.assert(
    fc.property(key, text => {
      expect(utf8Length(text)).toBe(Buffer.byteLength(text))
    }),
  )
})

test('keys with a prefix are those from it to its end', () => {
  fc.assert(
    fc.property(key, key, (prefix, text) => {
      const end = prefixEnd(prefix)
      const inside = compareKeys(text, prefix) >= 0 && (!end || compareKeys(text, end) < 0)
      expect(inside).toBe(text.startsWith(prefix))
    }),
    { numRuns: 2000 },
  )
  expect(prefixEnd('a\ud7ff')).toBe('a\ue000')
  expect(prefixEnd('a\u{10ffff}')).toBe('b')
  expect(prefixEnd('\u{10ffff}')).toBeUndefined()
  expect(prefixEnd('')).toBeUndefined()
})

test.each([
  ['empty', '', 'INVALID_PARAMS'],
  ['no string', 5, 'INVALID_PARAMS'],
  ['missing', null, 'INVALID_PARAMS'],
  ['half a surrogate pair', 'a\ud800', 'INVALID_PARAMS'],
  ['1025 bytes', 'x'.repeat(1025), 'TOO_LARGE'],
  ['342 characters of three bytes', '\u20ac'.repeat(342), 'TOO_LARGE'],
])('a key that is %s is refused', (_what, bad, name) => {
  expect(new Driven().refuse({ op: 'put', key: bad, value: 1 })).toMatchObject({
    name,
    data: { path: 'key' },
  })
})

test.each([
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '1',
  'x'.repeat(1024),
  '\u20ac'.repeat(341),
  '\u0000',
  '\u{1f600}',
])('a key like any other: %.20j', key => {
  const kv = new Driven()
  expect(kv.ask({ op: 'get', key })).toEqual({ kv: null })
  kv.run({ op: 'put', key, value: 7 })
  expect(kv.ask({ op: 'get', key })).toMatchObject({ kv: { key, value: 7 } })
  const program = `${JSON.stringify(key)} += 1`
  expect(JSON.stringify(kv.run({ op: 'apply', program }))).toBe(
    `{"values":{${JSON.stringify(key)}:8},"rev":2}`,
  )
  expect(kv.run({ op: 'del', key })).toEqual({ deleted: 1, rev: 3 })
})
