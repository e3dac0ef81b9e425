import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FormatError, Writer } from '../../src/base/bytes.ts'
import { COMMANDS_MAX } from '../../src/vr/entry.ts'
import type { Message } from '../../src/vr/message.ts'
import { decodeMessage, encodeMessage, WIRE_VERSION } from '../../src/wire/codec.ts'
import { anyMessage, messages } from './arbitrary.ts'

/** Result of decoding: the message, or undefined for a FormatError; any other throw goes on. */
function decoded(bytes: Uint8Array): Message | undefined {
  try {
    return decodeMessage(bytes).message
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

const frame = (type: number): Writer => new Writer().u8(WIRE_VERSION).u8(type).u32(7)

describe('every message survives the wire', () => {
  for (const [type, arbitrary] of Object.entries(messages)) {
    test(type, () => {
      fc.assert(
        fc.property(arbitrary, fc.nat(0xffffffff), (message, shard) => {
          const framed = decodeMessage(encodeMessage(shard, message))
          expect(framed).toEqual({ shard, message })
        }),
      )
    })
  }
})

test('one message has one encoding', () => {
  fc.assert(
    fc.property(anyMessage, message => {
      const bytes = encodeMessage(3, message)
      expect(encodeMessage(3, decodeMessage(bytes).message)).toEqual(bytes)
    }),
  )
})

test('a frame cut at any byte is refused', () => {
  fc.assert(
    fc.property(anyMessage, message => {
      const bytes = encodeMessage(0, message)
      for (let cut = 0; cut < bytes.length; cut++) {
        expect(() => decodeMessage(bytes.subarray(0, cut))).toThrow(FormatError)
      }
    }),
    { numRuns: 60 },
  )
})

test('a byte too many is refused', () => {
  fc.assert(
    fc.property(anyMessage, message => {
      const bytes = encodeMessage(0, message)
      const longer = new Uint8Array(bytes.length + 1)
      longer.set(bytes)
      expect(() => decodeMessage(longer)).toThrow(FormatError)
    }),
    { numRuns: 60 },
  )
})

test('flipped bits give a FormatError or a message that encodes again, never another error', () => {
  fc.assert(
    fc.property(
      anyMessage,
      fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
      (message, flips) => {
        const bytes = encodeMessage(0, message)
        for (const flip of flips) {
          const at = (flip >> 3) % bytes.length
          bytes[at] = (bytes[at] ?? 0) ^ (1 << (flip & 7))
        }
        const read = decoded(bytes)
        if (read !== undefined) expect(encodeMessage(0, read).length).toBe(bytes.length)
      },
    ),
    { numRuns: 2000 },
  )
})

test('arbitrary bytes never give anything but FormatError or a message', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(15), (tail, type) => {
      const bytes = new Uint8Array(6 + tail.length)
      bytes.set([WIRE_VERSION, type, 0, 0, 0, 0])
      bytes.set(tail, 6)
      decoded(tail)
      decoded(bytes)
    }),
    { numRuns: 2000 },
  )
})

describe('huge counts and lengths are refused before anything is allocated', () => {
  test('commands, over the limit and within it', () => {
    expect(() => decodeMessage(frame(0).u32(0xffffffff).finish())).toThrow(FormatError)
    expect(() => decodeMessage(frame(0).u32(COMMANDS_MAX).finish())).toThrow(FormatError)
  })

  test('entries of a DOVIEWCHANGE', () => {
    const head = frame(7).f64(1).f64(0).f64(9).f64(8).raw(new Uint8Array(16))
    expect(() => decodeMessage(head.u32(60_000).finish())).toThrow(FormatError)
  })

  test('the length of an entry', () => {
    const head = frame(8).f64(1).f64(9).f64(8).raw(new Uint8Array(16)).u32(1)
    expect(() => decodeMessage(head.u32(0xfffffff0).u8(1).finish())).toThrow(FormatError)
  })

  test('records of a NEWCHECKPOINT', () => {
    const head = frame(12).f64(1).f64(9).u8(0)
    expect(() => decodeMessage(head.u32(1_000_000).finish())).toThrow(FormatError)
  })
})

test('another version and an unknown type are refused with a sentence', () => {
  expect(() => decodeMessage(Uint8Array.of(9, 0, 0, 0, 0, 0))).toThrow('wire version 9')
  expect(() => decodeMessage(Uint8Array.of(WIRE_VERSION, 99, 0, 0, 0, 0))).toThrow('unknown type')
})

test('numbers that are not whole, negative or too large are refused', () => {
  const bytes = frame(6).finish()
  for (const value of [1.5, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    const w = new Writer().raw(bytes).f64(value)
    expect(() => decodeMessage(w.finish())).toThrow(FormatError)
  }
})
