/** Arithmetic on values: finite numbers up to 2^53, on every replica the same (IEEE 754 double). */
import { Rejected } from '../machine.ts'
import type { KvRecord } from './record.ts'
import { valueIn } from './record.ts'

/** The number stored under the key. */
export function numberAt(key: string, record: KvRecord): number {
  // A number's text is short: a long value is not parsed to learn that it is none.
  const value = record.text.length > 32 ? undefined : valueIn(record)
  if (typeof value === 'number') return value
  throw new Rejected('NOT_A_NUMBER', `the value of ${nameOf(key)} is not a number`, { key })
}

/** The result of an operation that is to be stored under the key. */
export function checkedNumber(value: number, key: string): number {
  if (Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER) {
    // JSON has one zero.
    return value === 0 ? 0 : value
  }
  throw new Rejected(
    'OUT_OF_RANGE',
    `the result for ${nameOf(key)} is ${value}: numbers go up to 2^53 - 1`,
    { key },
  )
}

/** A key within a sentence. */
export function nameOf(key: string): string {
  return key.length > 64 ? `${key.slice(0, 64).toWellFormed()}…` : key
}
