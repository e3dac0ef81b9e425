import { expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { fingerprint } from '../../src/base/fingerprint.ts'

/** Published values of MurmurHash3_x86_32 with seed 0. */
test.each([
  ['', 0],
  ['a', 0x3c2569b2],
  ['abc', 0xb3dd93fa],
  ['hello, world', 0x149bbb7f],
  ['The quick brown fox jumps over the lazy dog', 0x2e4ff723],
])('the fingerprint of «%s»', (line, expected) => {
  expect(fingerprint(utf8(line))).toBe(expected)
})

test('a byte, and a length, make a difference', () => {
  const all = new Set<number>()
  for (let length = 0; length < 9; length++) {
    all.add(fingerprint(new Uint8Array(length)))
    for (let i = 0; i < length; i++) {
      const bytes = new Uint8Array(length)
      bytes[i] = 1
      all.add(fingerprint(bytes))
    }
  }
  expect(all.size).toBe(9 + 36)
})
