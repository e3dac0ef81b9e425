/** Bends inputs: bytes, numbers in them, JSON trees, words of a grammar. The same prng bends alike. */
import type { Prng } from '../../src/base/prng.ts'

const U32 = [
  0, 1, 0xff, 0x100, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff,
]
const F64 = [
  0,
  -0,
  1,
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 53 - 1,
  2 ** 53,
  5e-324,
  1.7e308,
]
const BYTES_MAX = 1 << 16

export const randomBytes = (prng: Prng, length: number): Uint8Array =>
  Uint8Array.from({ length }, () => prng.u32() & 0xff)

export function mutateBytes(input: Uint8Array, others: readonly Uint8Array[], prng: Prng) {
  let bytes: Buffer = Buffer.from(input)
  for (let rounds = prng.int(1, 4); rounds > 0; rounds--) bytes = once(bytes, others, prng)
  return bytes.subarray(0, BYTES_MAX)
}

function once(bytes: Buffer, others: readonly Uint8Array[], prng: Prng): Buffer {
  const at = prng.int(0, Math.max(0, bytes.length - 1))
  const to = Math.min(bytes.length, at + prng.int(1, 24))
  switch (prng.int(0, 8)) {
    case 0:
      return flipped(bytes, prng)
    case 1:
      return bytes.subarray(0, at)
    case 2:
      return Buffer.concat([bytes, randomBytes(prng, prng.int(1, 16))])
    case 3:
      return withU32(bytes, at, prng.pick([...U32, bytes.length, bytes.length + 1]))
    case 4:
      return withF64(bytes, at, prng.pick(F64))
    case 5:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)])
    case 6:
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)])
    case 7: {
      const other = prng.pick(others)
      const from = prng.int(0, Math.max(0, other.length - 1))
      return Buffer.concat([bytes.subarray(0, at), other.subarray(from)])
    }
    default:
      return Buffer.concat([bytes.subarray(0, at), randomBytes(prng, to - at), bytes.subarray(to)])
  }
}

function flipped(bytes: Buffer, prng: Prng): Buffer {
  const out = Buffer.from(bytes)
  for (let flips = prng.int(1, 4); flips > 0 && out.length > 0; flips--) {
    const at = prng.int(0, out.length - 1)
    out[at] = (out[at] ?? 0) ^ (1 << prng.int(0, 7))
  }
  return out
}

function withU32(bytes: Buffer, at: number, value: number): Buffer {
  const out = Buffer.from(bytes)
  if (at + 4 <= out.length) out.writeUInt32LE(value, at)
  return out
}

function withF64(bytes: Buffer, at: number, value: number): Buffer {
  const out = Buffer.from(bytes)
  if (at + 8 <= out.length) out.writeDoubleLE(value, at)
  return out
}

const LONG = 'x'.repeat(5_000)
const STRANGE: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  1.5,
  1e308,
  2 ** 53 - 1,
  2 ** 53 + 2,
  '',
  'a',
  LONG,
  '\ufeff',
  '\ud800',
  'ключ 🔑',
  '\0',
  '__proto__',
  'constructor',
  [],
  {},
  [[[[]]]],
  nested(40),
  nested(70),
  nested(110),
  { $bytes: 'AA==' },
  { $bytes: 'A' },
  JSON.parse('{"__proto__":{"polluted":true}}'),
  Array.from({ length: 70 }, (_, i) => i),
]

/** Beyond every limit of size; seldom, for it takes a millisecond. */
const HUGE: readonly unknown[] = ['v'.repeat(1_100_000), 'é'.repeat(6_000), Array(10_001).fill('k')]

function nested(depth: number): unknown {
  let value: unknown = 0
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value }
  return value
}

/** Another value somewhere in the tree: a strange one, a missing, repeated or additional member. */
export function mutateJson(value: unknown, prng: Prng): unknown {
  if (typeof value !== 'object' || value === null || prng.chance(0.15)) {
    return prng.pick(prng.chance(0.01) ? HUGE : STRANGE)
  }
  if (Array.isArray(value)) return mutateList(value, prng)
  const entries = Object.entries(value)
  const at = prng.int(0, entries.length)
  const entry = entries[at]
  if (entry === undefined || prng.chance(0.05)) {
    entries.push([prng.pick(['__proto__', 'constructor', 'extra', '']), prng.pick(STRANGE)])
  } else if (prng.chance(0.15)) entries.splice(at, 1)
  else entries[at] = [entry[0], mutateJson(entry[1], prng)]
  return Object.fromEntries(entries)
}

function mutateList(list: readonly unknown[], prng: Prng): unknown[] {
  const out = [...list]
  const at = prng.int(0, Math.max(0, out.length - 1))
  const how = prng.float()
  if (out.length === 0 || how < 0.15) out.splice(at, 0, prng.pick(STRANGE))
  else if (how < 0.3) out.splice(at, 1)
  else if (how < 0.35) out.push(...Array.from({ length: 80 }, () => out[at]))
  else if (how < 0.45) out.reverse()
  else out[at] = mutateJson(out[at], prng)
  return out
}

/** JSON text in which some members are bent; what is no JSON stays as it is. */
export function bendJson(input: Uint8Array, prng: Prng): Uint8Array {
  try {
    let value: unknown = JSON.parse(Buffer.from(input).toString())
    for (let rounds = prng.int(1, 3); rounds > 0; rounds--) value = mutateJson(value, prng)
    return Buffer.from(respelled(JSON.stringify(value), prng))
  } catch {
    return input
  }
}

/** Numbers that JSON.stringify never writes, half a pair that is written out, a member twice. */
function respelled(json: string, prng: Prng): string {
  if (prng.chance(0.7)) return json
  const number = prng.pick([
    '1e309',
    '-0',
    '1E2',
    '1.0',
    '9007199254740993',
    '"\\ud800"',
    '-1e-400',
  ])
  if (prng.chance(0.8)) return json.replace(/(?<=[:[,])-?\d+(?=[\],}])/, number)
  return json.replace(/"(\w+)":/, '"$1":{},"$1":')
}

/** A text of words that a grammar knows, in any order. */
export function someWords(words: readonly string[], prng: Prng): Uint8Array {
  const length = prng.int(1, 24)
  return Buffer.from(Array.from({ length }, () => prng.pick(words)).join(''))
}
