/** The history of a feed as JSON lines: a fact each, in any order (docs/check.md). */
import { isObject } from '../base/json.ts'
import type { FeedFact } from './feed-history.ts'
import { parseLines } from './lines.ts'

export const formatFact = (fact: FeedFact): string => JSON.stringify(fact)

/** Its first line tells a history of a feed from one of keys. */
export function isFeedHistory(text: string): boolean {
  const line = text.split('\n').find(each => each.trim() !== '') ?? ''
  try {
    const value: unknown = JSON.parse(line)
    return isObject(value) && 'type' in value && !('workload' in value)
  } catch {
    return false
  }
}

/** Throws an Error that names the line. Empty lines are none. */
export const parseFacts = (text: string): FeedFact[] => parseLines<FeedFact>(text, problemOf)

const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value)
const isWhole = (value: unknown): boolean => Number.isSafeInteger(value)
const isText = (value: unknown): boolean => typeof value === 'string'
const isSeen = (value: unknown): boolean =>
  isObject(value) && isWhole(value['offset']) && isText(value['id']) && isText(value['bytes'])
const oneOf =
  (...words: readonly string[]) =>
  (value: unknown): boolean =>
    words.includes(String(value))

type Rules = Readonly<Record<string, (value: unknown) => boolean>>

const ASKED: Rules = {
  client: isText,
  called: isNumber,
  returned: value => value === null || isNumber(value),
}
const STATUS: Rules = { status: oneOf('ok', 'fail', 'info') }
const PLACE: Rules = { partition: isWhole, offset: isWhole }
const CURSOR: Rules = { ...ASKED, ...STATUS, ...PLACE, group: isText }
const LEASE: Rules = { ...CURSOR, attempt: isWhole }

const RULES: Readonly<Record<FeedFact['type'], Rules>> = {
  publish: { ...ASKED, ...STATUS, id: isText },
  page: {
    ...ASKED,
    ...{ kind: oneOf('stream', 'look', 'whole'), partition: isWhole, from: isWhole, next: isWhole },
    records: value => Array.isArray(value) && value.every(isSeen),
  },
  found: CURSOR,
  commit: CURSOR,
  queue: { group: isText, ackWaitMs: isNumber, slackMs: isNumber },
  lease: LEASE,
  ack: LEASE,
  nack: LEASE,
}

function problemOf(value: unknown): string | undefined {
  if (!isObject(value)) return 'must be an object'
  const types = Object.keys(RULES)
  const { type, status, called, returned } = value
  if (!types.includes(String(type))) return `type must be one of ${types.join(', ')}`
  const rules = RULES[type as FeedFact['type']]
  const wrong = Object.keys(rules).find(name => rules[name]?.(value[name]) !== true)
  if (wrong !== undefined) return `${wrong} is missing, or is not what a ${type} has there`
  if (isNumber(returned) && Number(returned) < Number(called)) return 'returned before called'
  if (type !== 'publish' || status !== 'ok') return undefined
  const isPlaced = isWhole(value['partition']) && isWhole(value['offset'])
  return isPlaced ? undefined : 'what was published has a partition and an offset'
}
