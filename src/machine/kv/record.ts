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

export function decodeRecord(record: string): KvRecord {
  const starts: number[] = [0]
  for (let i = 0; i < 5; i++) {
    const at = record.indexOf(';', starts[i])
    if (at < 0) throw new FormatError('a kv record is cut short')
    starts.push(at + 1)
  }
  const field = (i: number): number => {
    const value = Number(record.slice(starts[i], (starts[i + 1] ?? 0) - 1))
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new FormatError('a number in a kv record is out of range')
    }
    return value
  }
  if (field(0) !== 1) throw new FormatError(`kv record format ${field(0)} is not known here`)
  return {
    text: record.slice(starts[5]),
    rev: field(1),
    createRev: field(2),
    version: field(3),
    expiresMs: field(4),
  }
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
