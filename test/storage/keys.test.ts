import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seal, unseal } from '../../src/storage/envelope.ts'
import * as keys from '../../src/storage/keys.ts'
import { decodeId, encodeId } from '../../src/storage/record-id.ts'
import { Damage, UnknownFormat } from '../../src/storage/refusal.ts'
import { decodeText, encodeText } from '../../src/storage/values.ts'

const number = fc.oneof(fc.nat(300), fc.maxSafeNat())
/** Code units, so that lone surrogates and zeros are met. */
const id = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc
    .array(fc.constantFrom(0, 1, 0x41, 0x7f, 0x80, 0x7ff, 0x800, 0xd800, 0xdfff, 0xe000, 0xffff), {
      maxLength: 6,
    })
    .map(units => String.fromCharCode(...units)),
)
const kind = fc.constantFrom('value' as const, 'gone' as const)
const version = fc.record({ generation: fc.nat(0xffff_ffff), id, opNumber: number, kind })

const sign = (n: number): number => Math.sign(n)
const compare = (a: number | string, b: number | string): number => (a < b ? -1 : a > b ? 1 : 0)

describe('keys', () => {
  test('log keys sort by shard, op, view and give them back', () => {
    fc.assert(
      fc.property(number, number, number, number, (op1, view1, op2, view2) => {
        const a = keys.logKey(3, op1, view1)
        const b = keys.logKey(3, op2, view2)
        expect(sign(a.compare(b))).toBe(compare(op1, op2) || compare(view1, view2))
        expect(keys.decodeLogKey(a)).toEqual({ opNumber: op1, viewNumber: view1 })
        expect(a.compare(keys.logKey(4, 0, 0))).toBe(-1)
      }),
    )
  })

  test('ids survive, and sort as strings compare', () => {
    fc.assert(
      fc.property(id, id, (a, b) => {
        expect(decodeId(encodeId(a))).toBe(a)
        expect(sign(encodeId(a).compare(encodeId(b)))).toBe(compare(a, b))
      }),
      { numRuns: 1_000 },
    )
  })

  test('versions of one record stand together, in order of op, and are told from any other', () => {
    fc.assert(
      fc.property(version, version, (a, b) => {
        const keyA = keys.recordKey(1, a)
        const keyB = keys.recordKey(1, b)
        const order =
          compare(a.generation, b.generation) ||
          compare(a.id, b.id) ||
          compare(a.opNumber, b.opNumber)
        if (order !== 0) expect(sign(keyA.compare(keyB))).toBe(order)
        const isSame = a.generation === b.generation && a.id === b.id
        expect(keys.isSameRecord(keyA, keyB)).toBe(isSame)
        expect({
          generation: keys.generationOf(keyA),
          id: keys.idOf(keyA),
          opNumber: keys.versionOf(keyA),
          kind: keys.isGone(keyA) ? 'gone' : 'value',
        }).toEqual(a)
      }),
      { numRuns: 1_000 },
    )
  })

  test('a range holds the keys of its table, shard and generation, and no others', () => {
    fc.assert(
      fc.property(version, number, (v, sequence) => {
        const isIn = (key: Buffer, range: keys.KeyRange): boolean =>
          key.compare(range.gte) >= 0 && key.compare(range.lte) <= 0
        const key = keys.recordKey(1, v)
        expect(isIn(key, keys.recordsOf(1, v.generation))).toBe(true)
        expect(isIn(key, keys.recordsFrom(1, v.generation))).toBe(true)
        expect(isIn(key, keys.recordsFrom(0, 0)) || isIn(key, keys.recordsFrom(2, 0))).toBe(false)
        if (v.generation > 0) expect(isIn(key, keys.recordsOf(1, v.generation - 1))).toBe(false)
        expect(isIn(keys.vsrKey(1, sequence), keys.vsrsOf(1))).toBe(true)
        expect(isIn(keys.vsrKey(1, sequence), keys.vsrsOf(0))).toBe(false)
        expect(isIn(keys.manifestKey(1, sequence), keys.manifestsOf(1))).toBe(true)
        expect(isIn(keys.underWayKey(65_535, sequence), keys.underWayOf(65_535))).toBe(true)
      }),
    )
  })
})

describe('envelope', () => {
  const key = keys.logKey(0, 7, 1)
  const value = seal(key, Buffer.from('ab'), Buffer.from('cd'))

  test('gives back what was put in', () => {
    expect(unseal(key, value).toString()).toBe('abcd')
    expect(unseal(key, seal(key, Buffer.alloc(0)))).toHaveLength(0)
  })

  test('any flipped bit, any cut and any other key is damage', () => {
    for (let bit = 0; bit < value.length * 8; bit++) {
      const flipped = Buffer.from(value)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(() => unseal(key, flipped)).toThrow(Damage)
    }
    for (let length = 0; length < value.length; length++) {
      expect(() => unseal(key, value.subarray(0, length))).toThrow(Damage)
    }
    expect(() => unseal(keys.logKey(0, 8, 1), value)).toThrow(Damage)
    expect(() => unseal(key.subarray(1), value)).toThrow(Damage)
  })

  test('a whole value of a later format is not called damage', async () => {
    const { crc32 } = await import('node:zlib')
    const later = Buffer.from(value)
    later[4] = 2
    later.writeUInt32LE(crc32(later.subarray(4)), 0)
    expect(() => unseal(key, later)).toThrow(UnknownFormat)
  })

  test('texts survive, well-formed or not', () => {
    fc.assert(
      fc.property(id, text => {
        expect(decodeText(Buffer.concat(encodeText(text)))).toBe(text)
      }),
    )
    expect(() => decodeText(Buffer.alloc(0))).toThrow(Damage)
  })
})
