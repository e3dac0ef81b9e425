/**
 * Values: any JSON, kept as its text. Bytes travel as `{"$bytes":"<base64>"}`, which is checked and
 * otherwise a value like any other.
 */

import type { Json } from '../../base/json.ts'
import { Rejected } from '../machine.ts'
import { invalid, isJsonObject } from '../member.ts'
import { compareKeys, utf8Length } from './key.ts'
import { VALUE_BYTES_MAX, VALUE_DEPTH_MAX } from './limits.ts'

/** The text that is stored. Rejects what is too large, too deep or claims to be bytes and is not. */
export function textOfValue(value: Json): string {
  // Depth is checked before anything recursive runs: where a stack overflows differs by replica.
  if (typeof value === 'object' && value !== null) checkDepth(value, VALUE_DEPTH_MAX)
  const text = JSON.stringify(value)
  const bytesMax = text.length * 3
  if (bytesMax > VALUE_BYTES_MAX && utf8Length(text) > VALUE_BYTES_MAX) {
    throw new Rejected(
      'TOO_LARGE',
      `the value's JSON is longer than the limit of ${VALUE_BYTES_MAX} bytes: split it over several keys`,
      { limit: VALUE_BYTES_MAX, path: 'value' },
    )
  }
  if (text.includes('"$bytes"')) checkBytes(value)
  return text
}

function checkDepth(value: Json, left: number): void {
  if (typeof value !== 'object' || value === null) return
  if (left === 0) {
    throw new Rejected('TOO_LARGE', `the value is nested deeper than ${VALUE_DEPTH_MAX} levels`, {
      limit: VALUE_DEPTH_MAX,
      path: 'value',
    })
  }
  for (const inner of Object.values(value)) if (inner !== undefined) checkDepth(inner, left - 1)
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

function checkBytes(value: Json): void {
  if (typeof value !== 'object' || value === null) return
  if (isJsonObject(value) && Object.hasOwn(value, '$bytes')) {
    const base64 = value['$bytes']
    const alone = Object.keys(value).length === 1
    if (!alone || typeof base64 !== 'string' || base64.length % 4 !== 0 || !BASE64.test(base64)) {
      throw invalid('value', 'bytes are written {"$bytes":"<base64 with padding>"}, nothing beside')
    }
    return
  }
  for (const inner of Object.values(value)) if (inner !== undefined) checkBytes(inner)
}

/** Equality of JSON: the order of members does not count. Both are at most VALUE_DEPTH_MAX deep. */
export function equalJson(a: Json, b: Json): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const left = Object.entries(a)
  if (left.length !== Object.keys(b).length) return false
  const right = new Map<string, Json | undefined>(Object.entries(b))
  return left.every(([name, value]) => {
    const other = right.get(name)
    return value !== undefined && other !== undefined && equalJson(value, other)
  })
}

/** Numbers by size, strings by bytes; `undefined`: these two have no order. */
export function compareJson(a: Json, b: Json): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') return compareKeys(a, b)
  return undefined
}
