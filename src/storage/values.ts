/**
 * Payloads of log entries, changes and state records.
 *
 *   entry            16 B checksum (SHA-256/128 of the bytes) · the entry's bytes as sent and hashed
 *   changes, record  u8 encoding (1 UTF-8, 2 UTF-16LE) · the text; nothing at all for a record that is gone
 */
import { digest } from '../base/hash.ts'
import type { Entry } from '../vr/entry.ts'
import { readEntry } from '../vr/entry.ts'
import type { Checksum } from '../vr/terms.ts'
import { checksumOf } from '../vr/terms.ts'
import { decodeLogKey } from './keys.ts'
import { Damage } from './refusal.ts'

const CHECKSUM_BYTES = 16
const UTF8 = Buffer.from([1])
const UTF16 = Buffer.from([2])

export const entryChecksumBytes = (entry: Entry): Buffer => Buffer.from(entry.checksum, 'hex')

/** Checksum of a stored entry, without reading the entry. */
export const storedChecksum = (payload: Buffer): Checksum =>
  checksumOf(payload.toString('hex', 0, CHECKSUM_BYTES))

/** The entry under this key, verified by its own checksum. Its bytes are a view of `payload`. */
export function decodeEntry(shard: number, key: Buffer, payload: Buffer): Entry {
  const entry = entryOf(payload)
  const { opNumber, viewNumber } = decodeLogKey(key)
  if (entry.checksum !== storedChecksum(payload)) {
    throw new Damage(`entry ${opNumber} does not match its checksum`)
  }
  if (entry.shard !== shard || entry.opNumber !== opNumber || entry.viewNumber !== viewNumber) {
    throw new Damage(`entry ${opNumber} is stored where another belongs`)
  }
  return entry
}

function entryOf(payload: Buffer): Entry {
  try {
    const { buffer, byteOffset, length } = payload.subarray(CHECKSUM_BYTES)
    return readEntry(new Uint8Array(buffer, byteOffset, length))
  } catch (error) {
    throw new Damage('an entry cannot be decoded', { cause: error })
  }
}

export interface EntryLink {
  readonly checksum: Checksum
  readonly parent: Checksum
}

/**
 * What the audit needs of an entry: everything is hashed, but the commands are not decoded (that is
 * most of the cost). Offsets are those of src/vr/entry.ts, format 2.
 */
export function auditEntry(shard: number, key: Buffer, payload: Buffer): EntryLink {
  const { opNumber, viewNumber } = decodeLogKey(key)
  const bytes = payload.subarray(CHECKSUM_BYTES)
  const checksum = storedChecksum(payload)
  if (bytes.length < 45 || digest(bytes) !== checksum) {
    throw new Damage(`entry ${opNumber} does not match its checksum`)
  }
  if (
    bytes.readUInt32LE(1) !== shard ||
    bytes.readDoubleLE(13) !== viewNumber ||
    bytes.readDoubleLE(21) !== opNumber
  ) {
    throw new Damage(`entry ${opNumber} is stored where another belongs`)
  }
  return { checksum, parent: checksumOf(bytes.toString('hex', 29, 45)) }
}

/** Text in two parts for `seal`. JSON text is well-formed; anything else survives as it is. */
export function encodeText(text: string): readonly [Buffer, Buffer] {
  return text.isWellFormed()
    ? [UTF8, Buffer.from(text, 'utf8')]
    : [UTF16, Buffer.from(text, 'utf16le')]
}

export function decodeText(payload: Buffer): string {
  if (payload[0] === UTF8[0]) return payload.toString('utf8', 1)
  if (payload[0] === UTF16[0]) return payload.toString('utf16le', 1)
  throw new Damage('a text has an unknown encoding')
}
