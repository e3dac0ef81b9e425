/**
 * Keys: UTF-8 strings of 1–1024 bytes in the order of their bytes, which is the order of code
 * points. JavaScript orders strings by UTF-16 code units; the two differ only where a surrogate
 * (a character above U+FFFF) meets a unit from U+E000 on.
 */
import type { Json } from '../../base/json.ts'
import { Rejected } from '../machine.ts'
import { invalid } from '../member.ts'
import { KEY_BYTES_MAX } from './limits.ts'

/** Order of UTF-8 bytes, for well-formed strings. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return byteRank(x) - byteRank(y)
  }
  return a.length - b.length
}

/** Surrogates stand for characters above all other units. */
function byteRank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000
}

/**
 * An order for the keys of one tree: native comparison, three times as fast, until `admit` has seen
 * the first key for which it could be wrong. Keys below U+D800 stand in the same order either way, so
 * nothing needs to be sorted again.
 */
export class KeyOrder {
  #native = true

  readonly compare = (a: string, b: string): number => {
    if (!this.#native) return compareKeys(a, b)
    return a < b ? -1 : a === b ? 0 : 1
  }

  /** In place. Without a function to call, sorting is several times as fast. */
  sort(keys: string[]): string[] {
    return this.#native ? keys.sort() : keys.sort(compareKeys)
  }

  /** Call before a key is stored. */
  admit(key: string): void {
    if (this.#native && BEYOND.test(key)) this.#native = false
  }
}

const BEYOND = /[\ud800-\uffff]/

export function utf8Length(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    // A pair of surrogates has two units and four bytes.
    length += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2
  }
  return length
}

export function keyOf(value: Json | undefined, path: string): string {
  const key = boundOf(value, path)
  if (key === '') throw invalid(path, `${path} must not be empty: a key has 1 to 1024 bytes`)
  return key
}

/** The end of a range: as a key, but may be empty. */
export function boundOf(value: Json | undefined, path: string): string {
  if (typeof value !== 'string') throw invalid(path, `${path} must be a string`)
  // A code unit has at most three bytes.
  if (value.length * 3 > KEY_BYTES_MAX && utf8Length(value) > KEY_BYTES_MAX) {
    throw new Rejected(
      'TOO_LARGE',
      `${path} is longer than the limit of ${KEY_BYTES_MAX} bytes of UTF-8`,
      { limit: KEY_BYTES_MAX, path },
    )
  }
  if (!value.isWellFormed()) throw invalid(path, `${path} holds half a surrogate pair: not UTF-8`)
  return value
}

/** The smallest string above all that begin with `prefix`; `undefined`: there is none. */
export function prefixEnd(prefix: string): string | undefined {
  const points = Array.from(prefix, c => c.codePointAt(0) ?? 0)
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10ffff) continue
    const next = last === 0xd7ff ? 0xe000 : last + 1
    return points.map(p => String.fromCodePoint(p)).join('') + String.fromCodePoint(next)
  }
  return undefined
}
