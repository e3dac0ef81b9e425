/** Names of feeds, and patterns of names: parts between dots, `*` for one part, `>` for all that follow. */
import type { Json } from '../../base/json.ts'
import { invalid } from '../member.ts'
import { NAME_CHARS_MAX } from './limits.ts'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._:-]*$/
const PATTERN = /^(?:[A-Za-z0-9_:-]+|\*)(?:\.(?:[A-Za-z0-9_:-]+|\*))*(?:\.>)?$|^>$/

export const NAME_RULE = `a feed's name has 1 to ${NAME_CHARS_MAX} letters, digits, and . _ : - of which the first is a letter or digit`

/** Where reading may begin. */
export const FROM_RULE =
  'from must be an offset, "first", "last", "now", {timeMs}, or offsets by partition as {"0":12} or "0:12,1:7"'

export function isFeedName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= NAME_CHARS_MAX && NAME.test(value)
}

export function feedName(value: Json | undefined, path = 'feed'): string {
  if (isFeedName(value)) return value
  throw invalid(path, value === undefined ? `${path} is missing: ${NAME_RULE}` : NAME_RULE)
}

/** It stands for names, and is none itself. */
export function isPattern(text: string): boolean {
  return text.length <= NAME_CHARS_MAX && /[*>]/.test(text) && PATTERN.test(text)
}

export function matches(pattern: string, name: string): boolean {
  const wanted = pattern.split('.')
  const parts = name.split('.')
  for (const [i, want] of wanted.entries()) {
    if (want === '>') return parts.length > i
    if (parts[i] === undefined || (want !== '*' && want !== parts[i])) return false
  }
  return parts.length === wanted.length
}
