/**
 * A record that is to be published: checked, and its text made but for the offset. Members that are not
 * known here are kept as they are; those that the log itself says are not taken from the publisher, so
 * that what was read can be published again as it is.
 */
import type { Json, JsonObject } from '../../base/json.ts'
import { keyOf, utf8Length } from '../kv/key.ts'
import { textOfValue } from '../kv/value.ts'
import type { ApplyContext } from '../machine.ts'
import { Rejected } from '../machine.ts'
import { integerOf, invalid, objectOf } from '../member.ts'
import {
  HEADERS_BYTES_MAX,
  HEADERS_MAX,
  ID_BYTES_MAX,
  PARTITIONS_MAX,
  RECORD_BYTES_MAX,
  TRACE_BYTES_MAX,
} from './limits.ts'
import { feedName } from './name.ts'

export interface Draft {
  readonly feed: string
  readonly key: string | undefined
  readonly id: string | undefined
  readonly partition: number | undefined
  readonly expectOffset: number | undefined
  /** The value is null: in a compacted feed the key is deleted. */
  readonly isNull: boolean
  /** Its text behind the offset (line.ts). */
  readonly rest: string
}

/** Named in the text by us, or not part of it. */
const KNOWN: ReadonlySet<string> = new Set([
  ...['feed', 'partition', 'offset', 'expectOffset', 'timeMs', 'rev', 'lamport', 'viewstamp'],
  ...['key', 'value', 'headers', 'id', 'correlationId', 'causationId', 'duplicate'],
])

const OFFSETS = { min: 0, max: Number.MAX_SAFE_INTEGER }
const PARTITIONS = { min: 0, max: PARTITIONS_MAX - 1 }
const TRACES = ['correlationId', 'causationId'] as const

export function draftOf(json: Json, context: ApplyContext): Draft {
  const given = objectOf(json, 'record')
  const feed = feedName(given['feed'])
  const { value } = given
  if (value === undefined) throw invalid('value', 'value is missing: give any JSON, null included')
  const key = given['key'] === undefined ? undefined : keyOf(given['key'], 'key')
  const id = textOf(given, 'id', ID_BYTES_MAX)
  const expectOffset = integerOf(given, 'expectOffset', OFFSETS)
  const partition = integerOf(given, 'partition', PARTITIONS)
  const headers = headersOf(given['headers'])
  const rest = restOf(given, { key, id, value: textOfValue(value), headers }, context)
  return { feed, key, id, partition, expectOffset, isNull: value === null, rest }
}

const NO_HEADERS: JsonObject = {}

interface Checked {
  readonly key: string | undefined
  readonly id: string | undefined
  readonly value: string
  readonly headers: JsonObject
}

function restOf(given: JsonObject, checked: Checked, context: ApplyContext): string {
  const { timeMs, rev, opNumber, viewNumber = 0, lamport } = context
  const { key, id, value, headers } = checked
  let text = `"timeMs":${timeMs},"rev":${rev}`
  if (key !== undefined) text += `,"key":${JSON.stringify(key)}`
  text += `,"value":${value},"headers":${headers === NO_HEADERS ? '{}' : JSON.stringify(headers)}`
  if (lamport !== undefined) text += `,"lamport":${lamport}`
  for (const name of TRACES) {
    const trace = traceOf(given, headers, name) ?? context[name]
    if (trace !== undefined) text += `,"${name}":${JSON.stringify(trace)}`
  }
  text += `,"viewstamp":{"view":${viewNumber},"op":${opNumber}}`
  if (id !== undefined) text += `,"id":${JSON.stringify(id)}`
  for (const name in given) {
    if (KNOWN.has(name)) continue
    const member = given[name]
    if (member === undefined) continue
    text += `,${JSON.stringify(name)}:${JSON.stringify(member)}`
  }
  if (text.length * 3 > RECORD_BYTES_MAX && utf8Length(text) > RECORD_BYTES_MAX) {
    throw new Rejected(
      'TOO_LARGE',
      `the record's JSON is longer than the limit of ${RECORD_BYTES_MAX} bytes`,
      { limit: RECORD_BYTES_MAX, path: '' },
    )
  }
  return `${text}}`
}

function headersOf(json: Json | undefined): JsonObject {
  if (json === undefined || json === null) return NO_HEADERS
  const headers = objectOf(json, 'headers')
  const names = Object.keys(headers)
  if (names.length > HEADERS_MAX) throw tooManyHeaders(`${HEADERS_MAX} headers`, HEADERS_MAX)
  for (const name of names) {
    if (typeof headers[name] === 'object') {
      throw invalid(`headers.${name}`, `headers.${name} must be a string, a number or a boolean`)
    }
  }
  const text = JSON.stringify(headers)
  if (text.length * 3 > HEADERS_BYTES_MAX && utf8Length(text) > HEADERS_BYTES_MAX) {
    throw tooManyHeaders(`${HEADERS_BYTES_MAX} bytes of headers`, HEADERS_BYTES_MAX)
  }
  return headers
}

function tooManyHeaders(what: string, limit: number): Rejected {
  return new Rejected('TOO_LARGE', `a record has ${what} at most`, { limit, path: 'headers' })
}

/** The record's own member, or its header; whoever called with a `meta` comes last. */
function traceOf(
  given: JsonObject,
  headers: JsonObject,
  name: (typeof TRACES)[number],
): string | undefined {
  const own = textOf(given, name, TRACE_BYTES_MAX)
  if (own !== undefined) return own
  return typeof headers[name] === 'string' ? textOf(headers, name, TRACE_BYTES_MAX) : undefined
}

function textOf(given: JsonObject, name: string, bytesMax: number): string | undefined {
  const value = given[name]
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value === '' || !value.isWellFormed()) {
    throw invalid(name, `${name} must be a string of 1 to ${bytesMax} bytes of UTF-8`)
  }
  if (value.length * 3 > bytesMax && utf8Length(value) > bytesMax) {
    throw new Rejected('TOO_LARGE', `${name} is longer than the limit of ${bytesMax} bytes`, {
      limit: bytesMax,
      path: name,
    })
  }
  return value
}
