/** VALUE arguments: what parses as JSON is JSON, anything else is a string. */
import type { Json } from '../base/json.ts'
import { UsageError } from './usage-error.ts'

export function parseValue(text: string): Json {
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    return text
  }
  if (typeof value === 'object') refuseInexact(text)
  if (typeof value !== 'number') return value
  // JSON.parse rounds what does not fit; storing another number than was typed would be a lie.
  if (!Number.isFinite(value)) return text
  if (/^-?\d+$/.test(text) && !Number.isSafeInteger(value)) {
    throw new UsageError(`${text} is beyond 2^53; write '"${text}"' to store it as text`)
  }
  return value
}

/** Strings, so that what is in them is passed over, and numbers. */
const TOKENS = /"(?:[^"\\]+|\\.)*"|-?\d[\d.eE+-]*/g

/** The same within JSON: a number that would be stored as another one is refused. */
function refuseInexact(json: string): void {
  for (const [token] of json.matchAll(TOKENS)) {
    if (token.startsWith('"')) continue
    const value = Number(token)
    if (Number.isSafeInteger(value) || String(value) === token) continue
    if (Number.isFinite(value) && /[.eE]/.test(token)) continue
    throw new UsageError(
      `${token} is beyond what a number holds; write '"${token}"' to store it as text`,
    )
  }
}

/** An argument that must be JSON. */
export function parseJson(text: string, what: string): Json {
  try {
    JSON.parse(text)
  } catch (error) {
    throw new UsageError(`${what} is not JSON: ${error instanceof Error ? error.message : error}`)
  }
  refuseInexact(text)
  return JSON.parse(text) as Json
}

/** A value as one line of text that could be typed again. */
export function showValue(value: Json | undefined): string {
  return typeof value === 'string' && isPlain(value) ? value : JSON.stringify(value ?? null)
}

/** A string that `parseValue` gives back unchanged and that fits a line. */
function isPlain(text: string): boolean {
  if (text === '' || printable(text) !== text || text.includes('\n')) return false
  try {
    JSON.parse(text)
    return false
  } catch {
    return true
  }
}

/** Text that cannot take over the terminal: control characters but newline and tab are written out. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, character => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
