/**
 * Cold records: state that is written once, large, and kept on disk only. What the state holds of one, in
 * memory and in its hash, is a reference: how long the text is and what it hashes to. Whoever has the
 * references, agreed on like all state, can take the texts from anybody and see that they are right.
 *
 *   reference   bytes of the text as UTF-8, in decimal · : · its SHA-256/128 in hex
 */
import { assert } from '../base/assert.ts'
import { utf8 } from '../base/bytes.ts'
import { digest } from '../base/hash.ts'

/** As much as a message and a write can hold with room to spare. */
export const COLD_BYTES_MAX = 16 << 20

/** What stands for this text as the value of its record. */
export function coldReference(text: string): string {
  assert(text.isWellFormed(), 'a cold record is well-formed text')
  const bytes = utf8(text)
  assert(bytes.length <= COLD_BYTES_MAX, 'a cold record is at most 16 MiB')
  // Kept for as long as the record: joined it is one string, where a template would keep its parts.
  return [bytes.length, digest(bytes)].join(':')
}

/** Length of the text that it stands for. */
export const coldBytes = (reference: string): number => Number.parseInt(reference, 10) || 0

/** This is the text that the reference was made of. */
export function isColdText(reference: string, text: string): boolean {
  // The cheap part first: a text is never shorter in bytes than in UTF-16 units.
  if (text.length > coldBytes(reference) || !text.isWellFormed()) return false
  const bytes = utf8(text)
  return `${bytes.length}:${digest(bytes)}` === reference
}
