/**
 * `--filter 'value.total>10'`: which records are shown. A path into the record, an operator, and a value:
 * what parses as JSON is JSON, anything else is text. `~` looks for text within text, or an element of a list.
 */
import { isObject, type Json, type JsonObject } from '../base/json.ts'
import { UsageError } from './usage-error.ts'

export type Filter = (record: JsonObject) => boolean

type Operator = '=' | '!=' | '<' | '>' | '<=' | '>=' | '~'
const CONDITION = /^([A-Za-z_$][\w$-]*(?:\.[\w$-]+)*)\s*(!=|<=|>=|=|<|>|~)\s*(.*)$/s

/** All of them must hold. */
export function filterOf(conditions: readonly string[]): Filter {
  const each = conditions.map(parseCondition)
  return record => each.every(holds => holds(record))
}

function parseCondition(text: string): Filter {
  const [, path, operator, wanted] = CONDITION.exec(text) ?? []
  if (path === undefined || operator === undefined || wanted === undefined || wanted === '') {
    throw new UsageError(
      `--filter '${text}' is no condition: write a path, one of = != < > <= >= ~, and a value, as in value.total>10`,
    )
  }
  const names = path.split('.')
  const value = jsonOr(wanted)
  return record => compare(operator as Operator, valueAt(record, names), value)
}

function jsonOr(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}

function valueAt(record: JsonObject, names: readonly string[]): Json | undefined {
  let value: Json | undefined = record
  for (const name of names) {
    if (Array.isArray(value)) value = (value as readonly Json[])[Number(name)]
    else if (isObject(value) && Object.hasOwn(value, name)) value = value[name] as Json
    else return undefined
  }
  return value
}

function compare(operator: Operator, found: Json | undefined, wanted: Json): boolean {
  if (operator === '=' || operator === '!=') return isSame(found, wanted) === (operator === '=')
  if (operator === '~') return includes(found, wanted)
  const isOrdered =
    (typeof found === 'number' && typeof wanted === 'number') ||
    (typeof found === 'string' && typeof wanted === 'string')
  if (!isOrdered) return false
  const [a, b] = [found, wanted] as [number, number]
  if (operator === '<') return a < b
  if (operator === '>') return a > b
  return operator === '<=' ? a <= b : a >= b
}

/** A key that looks like a number is text all the same. */
function isSame(found: Json | undefined, wanted: Json): boolean {
  if (found === undefined) return false
  if (typeof found === 'string' && typeof wanted !== 'string') return found === String(wanted)
  return JSON.stringify(found) === JSON.stringify(wanted)
}

function includes(found: Json | undefined, wanted: Json): boolean {
  if (Array.isArray(found)) return (found as Json[]).some(each => isSame(each, wanted))
  return typeof found === 'string' && found.includes(String(wanted))
}
