/** What a feed is set up to do: how many partitions, how long records live, whether keys are compacted. */
import type { Json, JsonObject } from '../../base/json.ts'
import { integerOf, invalid, objectOf } from '../member.ts'
import { DEDUPE_MS, DEDUPE_MS_MAX, PARTITIONS_MAX, RETENTION_MS_MAX } from './limits.ts'

/** Whatever is absent has no bound. Bytes and records are of each partition. */
export interface Retention {
  readonly ageMs?: number
  readonly bytes?: number
  readonly records?: number
}

export interface FeedConfig {
  readonly partitions: number
  readonly retention: Retention
  /** `key`: only the last record of each key is kept. */
  readonly compact: 'none' | 'key'
  /** Time for which a record's id is remembered; 0: ids are not looked at. */
  readonly dedupeMs: number
}

export const PLAIN: FeedConfig = {
  partitions: 1,
  retention: {},
  compact: 'none',
  dedupeMs: DEDUPE_MS,
}

export function newConfig(command: JsonObject): FeedConfig {
  const partitions = integerOf(command, 'partitions', { min: 1, max: PARTITIONS_MAX }) ?? 1
  const { compact = 'none' } = command
  if (compact !== 'none' && compact !== 'key') {
    throw invalid('compact', 'compact must be none or key')
  }
  return changedConfig({ ...PLAIN, partitions, compact }, command)
}

/** Number of partitions and compaction are for good: where a key's records are follows from them. */
export function changedConfig(now: FeedConfig, command: JsonObject): FeedConfig {
  const { compact = now.compact, partitions = now.partitions } = command
  if (partitions !== now.partitions || compact !== now.compact) {
    const path = compact === now.compact ? 'partitions' : 'compact'
    throw invalid(path, `${path} is for good: make another feed, and publish what is in this one`)
  }
  const dedupeMs = integerOf(command, 'dedupeMs', { min: 0, max: DEDUPE_MS_MAX }) ?? now.dedupeMs
  return { ...now, dedupeMs, retention: retentionOf(now.retention, command['retention']) }
}

/** A bound that is given replaces the one there was; null takes it away. */
function retentionOf(now: Retention, given: Json | undefined): Retention {
  if (given === undefined) return now
  if (given === null) return {}
  const asked = objectOf(given, 'retention')
  const known = ['ageMs', 'bytes', 'records'] as const
  const unknown = Object.keys(asked).find(name => !known.some(each => each === name))
  if (unknown !== undefined) {
    throw invalid(`retention.${unknown}`, `retention has ${known.join(', ')}: not ${unknown}`)
  }
  const result: { -readonly [K in keyof Retention]: Retention[K] } = {}
  for (const name of known) {
    const value = asked[name] === undefined ? now[name] : boundOf(asked, name)
    if (value !== undefined) result[name] = value
  }
  return result
}

function boundOf(asked: JsonObject, name: keyof Retention): number | undefined {
  if (asked[name] === null) return undefined
  const max = name === 'ageMs' ? RETENTION_MS_MAX : Number.MAX_SAFE_INTEGER
  try {
    return integerOf(asked, name, { min: 1, max })
  } catch {
    throw invalid(`retention.${name}`, `retention.${name} must be an integer from 1, or null`)
  }
}

export function shownConfig({ partitions, retention, compact, dedupeMs }: FeedConfig): JsonObject {
  return { partitions, retention: { ...retention }, compact, dedupeMs }
}
