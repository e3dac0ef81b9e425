/** put, del, cas and incr. */
import type { Json, JsonObject } from '../../base/json.ts'
import { Rejected } from '../machine.ts'
import { integerOf, invalid, isSet, numberOf, objectOf } from '../member.ts'
import { checkConditions, expiresOf, keyMember, spanOf } from './command.ts'
import { CHANGES_MAX } from './limits.ts'
import { checkedNumber, numberAt } from './number.ts'
import { shown } from './read.ts'
import type { KvRecord } from './record.ts'
import { valueIn } from './record.ts'
import { equalJson, textOfValue } from './value.ts'
import type { Work } from './work.ts'

export function put(work: Work, command: JsonObject): Json {
  const key = keyMember(command)
  const value = command['value']
  if (value === undefined) throw invalid('value', 'value is missing')
  const text = textOfValue(value)
  const before = work.get(key)
  checkConditions(command, key, before)
  const expiresMs = expiresOf(command, work.timeMs)
  const { rev } = work
  const result = isSet(command, 'prev')
    ? { rev, prev: before ? shown(work, key, before) : null }
    : { rev }
  work.put(key, { value, text, expiresMs })
  return result
}

export function del(work: Work, command: JsonObject): Json {
  const found = command['key'] === undefined ? findSpan(work, command) : findKey(work, command)
  const { rev } = work
  const deleted = found.length
  const result = isSet(command, 'prev')
    ? { deleted, rev, prev: found.map(([key, record]) => shown(work, key, record)) }
    : { deleted, rev }
  for (const [key] of found) work.remove(key)
  return result
}

function findKey(work: Work, command: JsonObject): [string, KvRecord][] {
  const key = keyMember(command)
  if (spanOf(command)) throw invalid('key', 'give either key, or prefix, or start and end')
  const record = work.get(key)
  checkConditions(command, key, record)
  return record ? [[key, record]] : []
}

/** Everything is `prefix: ""`, said in so many words. */
function findSpan(work: Work, command: JsonObject): [string, KvRecord][] {
  const span = spanOf(command)
  if (!span) throw invalid('key', 'give key, or prefix, or start and end')
  if (command['ifRev'] !== undefined)
    throw invalid('ifRev', 'ifRev goes with key, not with a range')
  const found: [string, KvRecord][] = []
  for (const pair of work.scan(span, 'forward')) {
    if (found.length === CHANGES_MAX) {
      throw new Rejected(
        'TXN_TOO_LARGE',
        `the range holds more than ${CHANGES_MAX} keys: delete it in smaller ranges`,
        { limit: CHANGES_MAX },
      )
    }
    found.push(pair)
  }
  return found
}

/** A failed comparison is an answer, not an error. Without `value` the key is deleted. */
export function cas(work: Work, command: JsonObject): Json {
  const key = keyMember(command)
  const expect = objectOf(command['expect'], 'expect')
  const value = command['value']
  const text = value === undefined ? undefined : textOfValue(value)
  const now = work.get(key)
  const { rev } = work
  if (!isAsExpected(expect, now)) {
    return { succeeded: false, rev, current: now ? shown(work, key, now) : null }
  }
  if (value === undefined || text === undefined) work.remove(key)
  else work.put(key, { value, text, expiresMs: 0 })
  return { succeeded: true, rev }
}

/** `{rev}` (0: absent), `{value}` or `{absent: true}`. */
function isAsExpected(expect: JsonObject, now: KvRecord | undefined): boolean {
  const { value, absent } = expect
  const rev = integerOf(expect, 'rev', { min: 0, max: Number.MAX_SAFE_INTEGER })
  if ([rev, value, absent].filter(member => member !== undefined).length !== 1) {
    throw invalid('expect', 'expect has one of rev, value, absent')
  }
  if (rev !== undefined) return rev === (now?.rev ?? 0)
  if (value !== undefined) return now !== undefined && equalJson(valueIn(now), value)
  return isSet(expect, 'absent') === (now === undefined)
}

/** Keeps the key's time to live. */
export function incr(work: Work, command: JsonObject): Json {
  const key = keyMember(command)
  const by = numberOf(command, 'by') ?? 1
  const min = numberOf(command, 'min') ?? Number.NEGATIVE_INFINITY
  const max = numberOf(command, 'max') ?? Number.POSITIVE_INFINITY
  const init = numberOf(command, 'init') ?? 0
  const before = work.get(key)
  const current = before ? numberAt(key, before) : init
  const value = checkedNumber(current + by, key)
  if (value < min || value > max) {
    throw new Rejected(
      'OUT_OF_RANGE',
      `${current} + ${by} is ${value}, which is ${value < min ? 'below min' : 'above max'}`,
      { key, current },
    )
  }
  work.put(key, { value, text: JSON.stringify(value), expiresMs: before?.expiresMs ?? 0 })
  return { value, rev: work.rev }
}
