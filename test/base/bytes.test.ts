import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  equalBytes,
  FormatError,
  fromHex,
  Reader,
  text,
  toHex,
  utf8,
  Writer,
} from '../../src/base/bytes.ts'

describe('text', () => {
  test('comes back as it was: a byte order mark at its beginning is text', () => {
    expect(text(utf8('\ufeffx'))).toBe('\ufeffx')
    const wellFormed = fc.string({ unit: 'binary' })
    fc.assert(fc.property(wellFormed, each => text(utf8(each)) === each))
    const read = new Reader(new Writer().text('\ufeff').finish())
    expect(read.text()).toBe('\ufeff')
  })

  test('that is not UTF-8 is refused', () => {
    for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
      expect(() => text(Uint8Array.from(bytes))).toThrow(TypeError)
      const framed = new Writer().bytes(Uint8Array.from(bytes)).finish()
      expect(() => new Reader(framed).text()).toThrow(FormatError)
    }
  })
})

test('a number has one encoding: zero has no sign', () => {
  expect(() => new Reader(new Writer().f64(-0).finish()).f64()).toThrow(FormatError)
  expect(new Reader(new Writer().f64(0).finish()).f64()).toBe(0)
})

test('hex comes back as it was', () => {
  fc.assert(fc.property(fc.uint8Array(), bytes => equalBytes(fromHex(toHex(bytes)), bytes)))
})
