/**
 * What is known of a key. As a state record it is the text `1;rev;createRev;version;expiresMs;value`,
 * 1 being the version of this form and value the rest, JSON as it was stored.
 */
import { FormatError } from '../../base/bytes.ts'
import type { Json, JsonObject } from '../../base/json.ts'

/** Immutable: frozen views share it. */
export interface KvRecord {
  /** The value's JSON text, made once. */
  readonly text: string
  /** Of the operation that changed the key last. */
  readonly rev: number
  /** Of the operation that created it. */
  readonly createRev: number
  /** 1 when created, one more with every operation that changed it. */
  readonly version: number
  /** The log time at which it is gone; 0: stays. */
  readonly expiresMs: number
}

export function encodeRecord(r: KvRecord): string {
  return `1;${r.rev};${r.createRev};${r.version};${r.expiresMs};${r.text}`
}

/** Throws FormatError. Loading a million of them is a restart: no splitting, no array. */
export function decodeRecord(record: string): KvRecord {
  const format = record.indexOf(';')
  if (record.slice(0, format) !== '1') {
    throw new FormatError(`kv record format ${record.slice(0, 8)} is not known here`)
  }
  const rev = record.indexOf(';', format + 1)
  const createRev = record.indexOf(';', rev + 1)
  const version = record.indexOf(';', createRev + 1)
  const expiresMs = record.indexOf(';', version + 1)
  return {
    text: record.slice(expiresMs + 1),
    rev: integerIn(record, format + 1, rev),
    createRev: integerIn(record, rev + 1, createRev),
    version: integerIn(record, createRev + 1, version),
    expiresMs: integerIn(record, version + 1, expiresMs),
  }
}

function integerIn(record: string, start: number, end: number): number {
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = record.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) throw new FormatError('a number in a kv record is malformed')
    value = value * 10 + digit
  }
  if (end <= start || !Number.isSafeInteger(value)) {
    throw new FormatError('a number in a kv record is missing or out of range')
  }
  return value
}

export function valueIn(record: KvRecord): Json {
  const value: Json = JSON.parse(record.text)
  return value
}

/** As `kv.get` shows it. `expiresMs` is there for keys with a time to live. */
export function kvOf(key: string, record: KvRecord): JsonObject {
  return { key, value: valueIn(record), ...headOf(record) }
}

/** As kvOf, without the value. */
export function keyOnlyOf(key: string, record: KvRecord): JsonObject {
  return { key, ...headOf(record) }
}

function headOf({ rev, createRev, version, expiresMs }: KvRecord): JsonObject {
  const head = { rev, createRev, version }
  return expiresMs === 0 ? head : { ...head, expiresMs }
}
