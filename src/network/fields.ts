/** Reads JSON that a peer sent: every field checked, every text, number and list bounded. */
import { FormatError, text } from '../base/bytes.ts'
import { isObject } from '../base/json.ts'
import { ADDRESS_LENGTH_MAX, ADDRESSES_MAX, cleanAddresses, isPeerId } from './address.ts'

export type Fields = Record<string, unknown>

export function parseFields(bytes: Uint8Array, type: string): Fields {
  let value: unknown
  try {
    value = JSON.parse(text(bytes))
  } catch {
    throw new FormatError('not JSON')
  }
  const fields = fieldsOf(value, 'message')
  if (fields['type'] !== type) throw new FormatError(`not a message of type ${type}`)
  return fields
}

export function fieldsOf(value: unknown, what: string): Fields {
  if (!isObject(value)) throw new FormatError(`${what} is not an object`)
  return value
}

export function textOf(value: unknown, what: string, max = 128): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > max) {
    throw new FormatError(`${what} is not a text of 1 to ${max} characters`)
  }
  return value
}

export function countOf(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new FormatError(`${what} is not a count`)
  }
  // JSON has a zero with a sign, which equals the other and is another key and another text.
  return value === 0 ? 0 : value
}

export function listOf<T>(
  value: unknown,
  what: string,
  options: { readonly max: number; readonly item: (value: unknown) => T },
): T[] {
  if (!Array.isArray(value) || value.length > options.max) {
    throw new FormatError(`${what} is not a list of at most ${options.max}`)
  }
  return value.map(item => options.item(item))
}

export function peerIdOf(value: unknown): string {
  if (typeof value !== 'string' || !isPeerId(value)) throw new FormatError('not a peer id')
  return value
}

/** What is not a TCP address is left out: addresses are hints. */
export function addressesOf(value: unknown): string[] {
  const item = (address: unknown): string => textOf(address, 'address', 2 * ADDRESS_LENGTH_MAX)
  return cleanAddresses(listOf(value, 'addresses', { max: 4 * ADDRESSES_MAX, item }))
}
