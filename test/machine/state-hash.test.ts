import fc from 'fast-check'
import { expect, test } from 'vitest'
import { StateHash } from '../../src/machine/state-hash.ts'

const record = fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }))

function hashOf(records: readonly (readonly [string, string])[]): string {
  const hash = new StateHash()
  for (const [id, value] of records) hash.add(id, value)
  return hash.hex()
}

test('the same records in any order have the same hash', () => {
  fc.assert(
    fc.property(fc.array(record), fc.array(record), (some, others) => {
      expect(hashOf([...some, ...others])).toBe(hashOf([...others, ...some].reverse()))
    }),
  )
})

test('what is taken out leaves no trace', () => {
  fc.assert(
    fc.property(fc.array(record), fc.array(record), (stay, go) => {
      const hash = new StateHash()
      for (const [id, value] of go) hash.add(id, value)
      for (const [id, value] of stay) hash.add(id, value)
      for (const [id, value] of go) hash.remove(id, value)
      expect(hash.hex()).toBe(hashOf(stay))
    }),
  )
})

test('the hash of a union is the sum', () => {
  fc.assert(
    fc.property(fc.array(record), fc.array(record), (some, others) => {
      const [sum, part] = [new StateHash(), new StateHash()]
      for (const [id, value] of some) sum.add(id, value)
      for (const [id, value] of others) part.add(id, value)
      sum.addAll(part)
      expect(sum.hex()).toBe(hashOf([...some, ...others]))
    }),
  )
})

test('records that are nearly the same have different hashes', () => {
  const records: [string, string][] = [
    ['', ''],
    ['a', ''],
    ['', 'a'],
    ['ab', ''],
    ['a', 'b'],
    ['a\0', ''],
    ['a', '\0'],
    ['a', '\0\0'],
    ['a', 'b\0'],
  ]
  for (let length = 1; length < 40; length++) {
    records.push(['k', 'x'.repeat(length)], ['k', `${'x'.repeat(length - 1)}y`])
    records.push(['k', `y${'x'.repeat(length)}`])
  }
  for (let i = 0; i < 20_000; i++) records.push([`key${i}`, '0'], ['0', `key${i}`], ['n', `${i}`])
  const distinct = new Set(records.map(each => each.join('\u0001/')))
  expect(new Set(records.map(each => hashOf([each]))).size).toBe(distinct.size)
})

test('every bit of the result depends on every character', () => {
  const bits = (hex: string): string =>
    [...hex].map(digit => Number.parseInt(digit, 16).toString(2).padStart(4, '0')).join('')
  const base = 'abcdefghijklmnopqrstuvwxyz'
  const before = bits(hashOf([['id', base]]))
  for (let i = 0; i < base.length; i++) {
    const changed = `${base.slice(0, i)}B${base.slice(i + 1)}`
    const after = bits(hashOf([['id', changed]]))
    const flipped = [...before].filter((bit, j) => bit !== after[j]).length
    expect(flipped).toBeGreaterThan(35)
    expect(flipped).toBeLessThan(93)
  }
})

test('the hash is part of what replicas of different builds must agree on', () => {
  expect(hashOf([])).toBe('00000000000000000000000000000000')
  expect(hashOf([['kv/a', '1;1;1;1;0;5']])).toMatchInlineSnapshot(
    `"66519b9e28b38dd4f65b98c281e89c26"`,
  )
})
