/**
 * Every value in LevelDB wears an envelope, because LevelDB does not check what it reads: it returns
 * wrong values from damaged tables, and may return the value of another key.
 *
 *   u32 crc32 of all that follows · u8 format · u32-prefixed key · u32-prefixed payload
 */
import { crc32 } from 'node:zlib'
import { Damage, UnknownFormat } from './refusal.ts'

export const ENVELOPE_FORMAT = 1
const FIXED = 4 + 1 + 4 + 4

/** The payload is `first` and `second` behind each other; both are copied once. */
export function seal(key: Buffer, first: Uint8Array, second?: Uint8Array): Buffer {
  const length = first.length + (second?.length ?? 0)
  const value = Buffer.allocUnsafe(FIXED + key.length + length)
  value[4] = ENVELOPE_FORMAT
  value.writeUInt32LE(key.length, 5)
  value.set(key, 9)
  const at = FIXED + key.length
  value.writeUInt32LE(length, at - 4)
  value.set(first, at)
  if (second !== undefined) value.set(second, at + first.length)
  value.writeUInt32LE(crc32(value.subarray(4)), 0)
  return value
}

/** The payload, a view; throws Damage, or UnknownFormat when it is whole but not ours to read. */
export function unseal(key: Buffer, value: Buffer): Buffer {
  if (value.length < FIXED) throw new Damage('a value is cut short')
  if (value.readUInt32LE(0) !== crc32(value.subarray(4))) {
    throw new Damage('a value does not match its checksum')
  }
  const format = value[4] ?? 0
  if (format !== ENVELOPE_FORMAT) throw new UnknownFormat(format)
  const keyLength = value.readUInt32LE(5)
  const at = FIXED + keyLength
  if (at > value.length || value.readUInt32LE(at - 4) !== value.length - at) {
    throw new Damage('a value does not have the length it should have')
  }
  if (key.compare(value, 9, 9 + keyLength) !== 0) {
    throw new Damage('a value belongs to another key')
  }
  return value.subarray(at)
}

/** What stands under the key checks, whatever the reason if it does not. */
export function isSound(key: Buffer, value: Buffer): boolean {
  try {
    unseal(key, value)
    return true
  } catch {
    return false
  }
}
