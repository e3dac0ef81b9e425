/** Keys and values as the contract bounds them (§1), checked before a command costs a place in the log. */
import type { Json } from '../base/json.ts'
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from './limits.ts'
import type { Problem, Schema } from './schema.ts'
import { text, within } from './schema.ts'

export const KEY: Schema<string> = text(KEY_BYTES_MAX)
/** The end of a range or a prefix: may be empty. */
export const BOUND: Schema<string> = text(KEY_BYTES_MAX, 'empty')

/** Any JSON of up to 1 MiB; `{"$bytes":"…"}` must be base64. */
export const VALUE: Schema<Json> = {
  json: { description: 'any JSON of up to 1 MiB; bytes are {"$bytes":"<base64>"}' },
  check: value => {
    const size = measure(value, VALUE_BYTES_MAX)
    if (typeof size !== 'number') return size
    if (size <= VALUE_BYTES_MAX) return undefined
    return {
      path: '',
      say: `is larger than the limit of ${VALUE_BYTES_MAX} bytes of JSON: split it over several keys`,
      limit: VALUE_BYTES_MAX,
    }
  },
}

/**
 * About the bytes of the value's JSON text; counting stops beyond `max`. Short strings are taken as ASCII:
 * the machine, which is exact, refuses the few that pass here. The decoder has bounded the depth.
 */
function measure(value: unknown, max: number): number | Problem {
  switch (typeof value) {
    case 'string':
      return value.length * 6 < 1024 ? value.length + 2 : Buffer.byteLength(JSON.stringify(value))
    case 'number':
      if (!Number.isFinite(value)) return { path: '', say: 'holds a number that is too large' }
      return Number.isSafeInteger(value) && value >= 0 && value < 1e6 ? 6 : String(value).length
    case 'object':
      if (value === null) return 4
      return Array.isArray(value) ? measureList(value, max) : measureMembers(value, max)
    default:
      return 5
  }
}

function measureList(values: readonly unknown[], max: number): number | Problem {
  let bytes = 2
  for (let i = 0; i < values.length && bytes <= max; i++) {
    const inner = measure(values[i], max)
    if (typeof inner !== 'number') return within(`[${i}]`, inner)
    bytes += inner + 1
  }
  return bytes
}

function measureMembers(value: object, max: number): number | Problem {
  const entries = Object.entries(value)
  if (Object.hasOwn(value, '$bytes')) {
    const bad = checkBytes(entries)
    if (bad !== undefined) return bad
  }
  let bytes = 2
  for (const [name, member] of entries) {
    if (bytes > max) break
    const inner = measure(member, max)
    if (typeof inner !== 'number') return within(name, inner)
    bytes += inner + Buffer.byteLength(name) + 4
  }
  return bytes
}

function checkBytes(entries: readonly (readonly [string, unknown])[]): Problem | undefined {
  const base64 = entries[0]?.[1]
  const good =
    entries.length === 1 &&
    typeof base64 === 'string' &&
    Buffer.from(base64, 'base64').toString('base64') === base64
  if (good) return undefined
  return { path: '$bytes', say: 'must be base64 with padding, and the only member of its object' }
}
