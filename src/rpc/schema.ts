/**
 * Schemas of parameters: each checks a parsed value and says the same as JSON Schema, for OpenRPC and
 * docs/rpc.md. A check that passes allocates nothing; paths are put together only on the way out.
 */
import type { Json, JsonObject } from '../base/json.ts'
import { isObject } from '../base/json.ts'

export interface Problem {
  /** Where, from the value checked: `[2].key`, or empty for the value itself. */
  readonly path: string
  /** What is wrong and what to do, to follow the path: `must be a string`. */
  readonly say: string
  /** The bound that was passed: TOO_LARGE rather than a wrong argument. */
  readonly limit?: number
}

export interface Schema<T> {
  readonly json: JsonObject
  readonly check: (value: unknown) => Problem | undefined
  /** Never there: carries the type. */
  readonly type?: T
}

export interface Field<T, Need extends 'must' | 'may'> {
  readonly schema: Schema<T>
  readonly need: Need
  readonly doc: string
}

export type AnyField = Field<unknown, 'must' | 'may'>
export type Fields = Readonly<Record<string, AnyField>>

export type Values<F extends Fields> = {
  readonly [K in keyof F as F[K] extends Field<unknown, 'must'> ? K : never]: TypeOf<F[K]>
} & {
  readonly [K in keyof F as F[K] extends Field<unknown, 'may'> ? K : never]?:
    | TypeOf<F[K]>
    | undefined
}
type TypeOf<F> = F extends Field<infer T, 'must' | 'may'> ? T : never

export const must = <T>(schema: Schema<T>, doc: string): Field<T, 'must'> => ({
  schema,
  need: 'must',
  doc,
})
export const may = <T>(schema: Schema<T>, doc: string): Field<T, 'may'> => ({
  schema,
  need: 'may',
  doc,
})

const problem = (say: string): Problem => ({ path: '', say })

export const boolean: Schema<boolean> = {
  json: { type: 'boolean' },
  check: value => (typeof value === 'boolean' ? undefined : problem('must be true or false')),
}

export function integer(min: number, max = Number.MAX_SAFE_INTEGER): Schema<number> {
  const wrong = problem(
    max === Number.MAX_SAFE_INTEGER
      ? `must be an integer from ${min} on, below 2^53`
      : `must be an integer of ${min} to ${max}`,
  )
  return {
    json: { type: 'integer', minimum: min, maximum: max },
    check: value =>
      typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
        ? undefined
        : wrong,
  }
}

export const number: Schema<number> = {
  json: { type: 'number' },
  check: value =>
    typeof value === 'number' && Number.isFinite(value)
      ? undefined
      : problem('must be a finite number'),
}

/** Text that is not empty unless said. Bounded in UTF-8 bytes; a code unit has at most three. */
export function text(bytesMax: number, empty: 'empty' | 'not-empty' = 'not-empty'): Schema<string> {
  const wrong = problem('must be a string')
  const nothing = problem(`must not be empty: give 1 to ${bytesMax} bytes of UTF-8`)
  return {
    json: { type: 'string', maxLength: bytesMax, ...(empty === 'empty' ? {} : { minLength: 1 }) },
    check: value => {
      if (typeof value !== 'string') return wrong
      if (value.length === 0) return empty === 'empty' ? undefined : nothing
      if (value.length * 3 > bytesMax && Buffer.byteLength(value) > bytesMax) {
        return {
          path: '',
          say: `has ${Buffer.byteLength(value)} bytes: the limit is ${bytesMax} bytes of UTF-8`,
          limit: bytesMax,
        }
      }
      return value.isWellFormed() ? undefined : problem('holds half a surrogate pair: not UTF-8')
    },
  }
}

export function oneOf<const T extends string>(...options: readonly T[]): Schema<T> {
  const wrong = problem(`must be one of ${options.map(o => JSON.stringify(o)).join(', ')}`)
  const known: readonly string[] = options
  return {
    json: { type: 'string', enum: options },
    check: value => (typeof value === 'string' && known.includes(value) ? undefined : wrong),
  }
}

export function list<T>(item: Schema<T>, max: number, min = 0): Schema<readonly T[]> {
  return {
    json: { type: 'array', items: item.json, maxItems: max, ...(min > 0 ? { minItems: min } : {}) },
    check: value => {
      if (!Array.isArray(value)) return problem('must be an array')
      if (value.length < min) return problem(`must have at least ${min} items`)
      if (value.length > max) {
        return { path: '', say: `has ${value.length} items: the limit is ${max}`, limit: max }
      }
      for (let i = 0; i < value.length; i++) {
        const inner = item.check(value[i])
        if (inner !== undefined) return within(`[${i}]`, inner)
      }
      return undefined
    },
  }
}

/** Members beyond the fields are ignored. */
export function object<const F extends Fields>(fields: F): Schema<Values<F>> {
  const names = Object.keys(fields)
  const rows = Object.entries(fields)
  return {
    json: {
      type: 'object',
      properties: Object.fromEntries(rows.map(([name, field]) => [name, described(field)])),
      required: names.filter(name => fields[name]?.need === 'must'),
    },
    check: value => {
      if (!isObject(value)) return problem('must be an object')
      return checkFields(rows, value)
    },
  }
}

export function checkFields(
  rows: readonly (readonly [string, AnyField])[],
  values: Readonly<Record<string, unknown>>,
): Problem | undefined {
  for (const [name, field] of rows) {
    const value = values[name]
    if (value === undefined) {
      if (field.need === 'must') return { path: name, say: `is missing: ${field.doc}` }
      continue
    }
    const inner = field.schema.check(value)
    if (inner !== undefined) return within(name, inner)
  }
  return undefined
}

export function either<A, B>(a: Schema<A>, b: Schema<B>, say: string): Schema<A | B> {
  const wrong = problem(say)
  return {
    json: { anyOf: [a.json, b.json] },
    check: value => {
      const first = a.check(value)
      if (first === undefined) return undefined
      const second = b.check(value)
      if (second === undefined) return undefined
      // A bound that was passed says more than that no alternative fits.
      return first.limit !== undefined ? first : second.limit !== undefined ? second : wrong
    },
  }
}

/** A schema with one more condition, which JSON Schema cannot say. */
export function refined<T>(
  schema: Schema<T>,
  more: (value: unknown) => Problem | undefined,
): Schema<T> {
  return { json: schema.json, check: value => schema.check(value) ?? more(value) }
}

export const anything: Schema<Json> = { json: {}, check: () => undefined }

export function described(field: AnyField): JsonObject {
  return { ...field.schema.json, description: field.doc }
}

/** The same problem, seen from one level further out. */
export function within(place: string, inner: Problem): Problem {
  const dot = inner.path === '' || inner.path.startsWith('[') ? '' : '.'
  return { ...inner, path: place + dot + inner.path }
}
