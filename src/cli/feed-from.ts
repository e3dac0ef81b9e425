/** `--from start|end|last|-10|@TIME|123`: where in a feed to begin. */
import type { Json } from '../base/json.ts'
import { parseDuration } from '../daemon/units.ts'
import type { Given } from './given.ts'
import { UsageError } from './usage-error.ts'

export function feedFrom(given: Given, otherwise: Json, name = 'from'): Json {
  const text = given.text(name)
  if (text === undefined) return otherwise
  if (text === 'start' || text === 'first') return 'first'
  if (text === 'end' || text === 'now') return 'now'
  if (text === 'last') return 'last'
  if (text.startsWith('@')) return { timeMs: timeOf(text.slice(1), given.where(name)) }
  if (/^-?\d{1,15}$/.test(text)) return Number(text)
  if (/^[^=\s]*=?\d+:\d+/.test(text)) return text
  throw new UsageError(
    `${given.where(name)} must be start, end, last, -10, @TIME or an offset, not '${text}'`,
  )
}

/** Milliseconds since 1970, a date as in 2026-11-26T03:00:00Z, or -5m: so long ago. */
function timeOf(text: string, where: string): number {
  if (/^\d{9,15}$/.test(text)) return Number(text)
  const ago = text.startsWith('-') ? parseDuration(text.slice(1)) : undefined
  const timeMs = ago === undefined ? Date.parse(text) : Date.now() - ago
  if (Number.isFinite(timeMs) && timeMs >= 0) return timeMs
  throw new UsageError(
    `${where} @${text} is no time: give milliseconds since 1970, a date as 2026-11-26T03:00:00Z, or -5m`,
  )
}
