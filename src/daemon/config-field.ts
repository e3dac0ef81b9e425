/**
 * What a configuration is made of: fields (one value), groups (named members) and lists of groups.
 * One description gives the type, the default, the check, the JSON Schema and the documentation.
 */
import type { Json, JsonObject } from '../base/json.ts'
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts'

/** A value that does not fit its field; the message completes «node.name …». */
export class Misfit extends Error {}

/** Turns one written value into T. `directory` is what relative paths are relative to. */
export interface Field<T> {
  readonly kind: 'field'
  readonly doc: string
  /** The default as it would be written in the file; undefined: the value must be given. */
  readonly written: Json | undefined
  readonly schema: JsonObject
  read(value: Json, directory: string): T
  write(value: T): Json
}
export interface Group<M extends Members> {
  readonly kind: 'group'
  readonly doc: string
  readonly members: M
}
export interface ListOf<M extends Members> {
  readonly kind: 'list'
  readonly doc: string
  readonly item: Group<M>
}
/** The parameter is bivariant by being a method's, so a Field<number> is a Node. */
export type Node = Field<unknown> | Group<Members> | ListOf<Members>
export interface Members {
  readonly [name: string]: Node
}

/** The type of the value that a description describes. */
export type ValueOf<N> =
  N extends Field<infer T>
    ? T
    : N extends Group<infer M>
      ? { readonly [K in keyof M]: ValueOf<M[K]> }
      : N extends ListOf<infer M>
        ? readonly { readonly [K in keyof M]: ValueOf<M[K]> }[]
        : never

/** How it may be written: any member may be left out, and a field is any JSON until it is read. */
export type WrittenOf<N> =
  N extends Group<infer M>
    ? { readonly [K in keyof M]?: WrittenOf<M[K]> }
    : N extends ListOf<infer M>
      ? readonly { readonly [K in keyof M]?: WrittenOf<M[K]> }[]
      : Json

export function group<M extends Members>(doc: string, members: M): Group<M> {
  return { kind: 'group', doc, members }
}

export function listOf<M extends Members>(doc: string, members: M): ListOf<M> {
  return { kind: 'list', doc, item: group(doc, members) }
}

/** Text without line breaks. */
export function text(doc: string, written?: string, pattern?: RegExp, rule = ''): Field<string> {
  return {
    kind: 'field',
    doc,
    written,
    schema: { type: 'string', ...(pattern && { pattern: pattern.source }) },
    read(value) {
      if (typeof value !== 'string') throw new Misfit('must be text: put it in quotes')
      if (value === '') throw new Misfit('is empty')
      if (pattern && !pattern.test(value)) throw new Misfit(`must be ${rule}, not '${value}'`)
      return value
    },
    write: value => value,
  }
}

/** A file or directory; relative ones are resolved against the file (or shell) that names them. */
export function path(doc: string, resolve: (directory: string, path: string) => string) {
  const plain = text(doc)
  return {
    ...plain,
    read: (value: Json, directory: string) => resolve(directory, plain.read(value, directory)),
  }
}

export function integer(doc: string, written: number, min: number, max: number): Field<number> {
  return {
    kind: 'field',
    doc,
    written,
    schema: { type: 'integer', minimum: min, maximum: max },
    read(value) {
      const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value
      if (typeof number !== 'number' || !Number.isSafeInteger(number)) {
        throw new Misfit(`must be a whole number, not ${show(value)}`)
      }
      if (number < min || number > max) {
        throw new Misfit(`must be between ${min} and ${max}, not ${number}`)
      }
      return number
    },
    write: value => value,
  }
}

export function flag(doc: string, written: boolean): Field<boolean> {
  return {
    kind: 'field',
    doc,
    written,
    schema: { type: 'boolean' },
    read(value) {
      if (value === true || value === 'true') return true
      if (value === false || value === 'false') return false
      throw new Misfit(`must be true or false, not ${show(value)}`)
    },
    write: value => value,
  }
}

export function choice<const T extends string>(
  doc: string,
  written: T,
  choices: readonly T[],
): Field<T> {
  return {
    kind: 'field',
    doc,
    written,
    schema: { enum: choices },
    read(value) {
      const found = choices.find(each => each === value)
      if (found === undefined) {
        throw new Misfit(`must be ${choices.join(' or ')}, not ${show(value)}`)
      }
      return found
    },
    write: value => value,
  }
}

/** Milliseconds in the program, `250ms` in the file. */
export function duration(doc: string, written: string, min: string, max: string): Field<number> {
  const [least = 0, most = 0] = [parseDuration(min), parseDuration(max)]
  return {
    kind: 'field',
    doc,
    written,
    schema: { type: 'string', pattern: '^\\d+(\\.\\d+)? ?(ms|s|m|h|d)$' },
    read(value) {
      const ms = typeof value === 'string' ? parseDuration(value) : undefined
      if (ms === undefined) {
        throw new Misfit(`must be a duration such as 250ms, 5s, 1h or 7d, not ${show(value)}`)
      }
      if (ms < least || ms > most) throw new Misfit(`must be between ${min} and ${max}`)
      return ms
    },
    write: formatDuration,
  }
}

/** Bytes in the program, `4MiB` in the file. */
export function size(doc: string, written: string, min: string, max: string): Field<number> {
  const [least = 0, most = 0] = [parseSize(min), parseSize(max)]
  return {
    kind: 'field',
    doc,
    written,
    schema: { type: ['string', 'integer'] },
    read(value) {
      const bytes =
        typeof value === 'string' || typeof value === 'number' ? parseSize(`${value}`) : undefined
      if (bytes === undefined) {
        throw new Misfit(`must be a size such as 512KiB or 4MiB, not ${show(value)}`)
      }
      if (bytes < least || bytes > most) throw new Misfit(`must be between ${min} and ${max}`)
      return bytes
    },
    write: formatSize,
  }
}

/** May be left out: `null` in the file, undefined in the program. */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  return {
    ...field,
    written: null,
    schema: { anyOf: [field.schema, { type: 'null' }] },
    read: (value, directory) => (value === null ? undefined : field.read(value, directory)),
    write: value => (value === undefined ? null : field.write(value)),
  }
}

/** A list of plain values. One value stands for a list of one, as in `--peer A`. */
export function list<T>(
  item: Field<T>,
  written: readonly Json[],
  max: number,
): Field<readonly T[]> {
  return {
    kind: 'field',
    doc: item.doc,
    written,
    schema: { type: 'array', items: item.schema, maxItems: max },
    read(value, directory) {
      const items: readonly Json[] = Array.isArray(value) ? value : [value as Json]
      if (items.length > max) throw new Misfit(`has ${items.length} items; the limit is ${max}`)
      return items.map(each => item.read(each, directory))
    },
    write: values => values.map(value => item.write(value)),
  }
}

function show(value: Json): string {
  const shown = JSON.stringify(value)
  return shown.length > 60 ? `${shown.slice(0, 57)}…` : shown
}
