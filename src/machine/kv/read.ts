/** get, getMany and range: in queries, in transactions, and through the log. */
import type { Json, JsonObject } from '../../base/json.ts'
import { Rejected } from '../machine.ts'
import { integerOf, invalid, isSet, listOf } from '../member.ts'
import { keyMember, spanOf } from './command.ts'
import { compareKeys, keyOf } from './key.ts'
import { KEYS_MAX, RANGE_LIMIT, RANGE_LIMIT_MAX, READ_BYTES_MAX } from './limits.ts'
import type { KvRecord } from './record.ts'
import { keyOnlyOf, kvOf } from './record.ts'
import type { Span } from './store.ts'
import type { View } from './view.ts'

const WHOLE: Span = { start: '', end: undefined }

export function get(view: View, command: JsonObject): Json {
  const key = keyMember(command)
  const record = view.get(key)
  return { kv: record ? shown(view, key, record) : null }
}

export function getMany(view: View, command: JsonObject): Json {
  const keys = listOf(command, 'keys')
  if (keys.length > KEYS_MAX) {
    throw new Rejected(
      'TOO_LARGE',
      `keys has more than ${KEYS_MAX} members: ask in several calls`,
      {
        limit: KEYS_MAX,
        path: 'keys',
      },
    )
  }
  const kvs: Json[] = []
  const missing: Json[] = []
  for (const each of keys) {
    const key = keyOf(each, 'keys')
    const record = view.get(key)
    if (record) kvs.push(shown(view, key, record))
    else missing.push(key)
  }
  return { kvs, missing }
}

export function range(view: View, command: JsonObject): Json {
  const span = spanOf(command) ?? WHOLE
  const bounds = { min: 1, max: RANGE_LIMIT_MAX }
  const limit = integerOf(command, 'limit', bounds) ?? RANGE_LIMIT
  const direction = isSet(command, 'reverse') ? 'back' : 'forward'
  const keysOnly = isSet(command, 'keysOnly')
  if (isSet(command, 'countOnly')) {
    return { kvs: [], more: false, count: view.store.count(span, view.timeMs) }
  }
  const rest = resume(span, direction, command['cursor'])
  const kvs: Json[] = []
  let last = ''
  for (const [key, record] of view.scan(rest, direction)) {
    if (key === rest.skip) continue
    if (kvs.length === limit || !(keysOnly || view.spend(record))) {
      if (kvs.length === 0) throw tooMuch()
      return { kvs, more: true, cursor: cursorOf(direction, last) }
    }
    kvs.push(keysOnly ? keyOnlyOf(key, record) : kvOf(key, record))
    last = key
  }
  return { kvs, more: false }
}

/** What to do for the value of a record that the caller gets: it counts against the bound. */
export function shown(view: View, key: string, record: KvRecord): JsonObject {
  if (!view.spend(record)) throw tooMuch()
  return kvOf(key, record)
}

function tooMuch(): Rejected {
  return new Rejected(
    'TOO_LARGE',
    `one call reads ${READ_BYTES_MAX} bytes of values at most: read in several calls, or keysOnly`,
    { limit: READ_BYTES_MAX },
  )
}

type Direction = 'forward' | 'back'

/** A cursor names the direction and the last key that was given. It stays good when keys change. */
function cursorOf(direction: Direction, last: string): string {
  return `${direction === 'forward' ? 'f' : 'b'}1:${last}`
}

/** The part of the span behind the cursor; `skip` is its first key, which was given already. */
function resume(
  span: Span,
  direction: Direction,
  cursor: Json | undefined,
): Span & { readonly skip: string | undefined } {
  if (cursor === undefined) return { ...span, skip: undefined }
  if (typeof cursor !== 'string') throw invalid('cursor', 'cursor must be a string')
  const last = cursor.slice(3)
  const inside = compareKeys(last, span.start) >= 0 && isBefore(last, span.end)
  if (cursor !== cursorOf(direction, last) || last === '' || !last.isWellFormed() || !inside) {
    throw new Rejected('BAD_CURSOR', 'the cursor is not one that this range gave: start without it')
  }
  return direction === 'forward'
    ? { start: last, end: span.end, skip: last }
    : { start: span.start, end: last, skip: undefined }
}

function isBefore(key: string, end: string | undefined): boolean {
  return end === undefined || compareKeys(key, end) < 0
}
