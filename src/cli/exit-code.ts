/** Exit codes of contract §3, and which error gives which. */
import { UNREACHABLE, ViewstampError } from '../client/error.ts'
import { UsageError } from './usage-error.ts'

export const EXIT = {
  ok: 0,
  other: 1,
  usage: 2,
  notFound: 3,
  compareFailed: 4,
  unreachable: 5,
  notReady: 6,
  unknown: 7,
  refused: 8,
  verification: 9,
  limit: 10,
} as const

const BY_NAME: Readonly<Record<string, number>> = {
  PARSE_ERROR: EXIT.usage,
  INVALID_REQUEST: EXIT.usage,
  METHOD_NOT_FOUND: EXIT.usage,
  INVALID_PARAMS: EXIT.usage,
  BAD_PROGRAM: EXIT.usage,
  BAD_CURSOR: EXIT.usage,
  NOT_FOUND: EXIT.notFound,
  FEED_NOT_FOUND: EXIT.notFound,
  OFFSET_OUT_OF_RANGE: EXIT.notFound,
  GROUP_NOT_FOUND: EXIT.notFound,
  MEMBER_UNKNOWN: EXIT.notFound,
  COMPARE_FAILED: EXIT.compareFailed,
  WRONG_OFFSET: EXIT.compareFailed,
  FEED_EXISTS: EXIT.compareFailed,
  GROUP_EXISTS: EXIT.compareFailed,
  [UNREACHABLE]: EXIT.unreachable,
  NO_QUORUM: EXIT.notReady,
  VIEW_CHANGE: EXIT.notReady,
  NOT_PRIMARY: EXIT.notReady,
  NOT_READY: EXIT.notReady,
  SHUTTING_DOWN: EXIT.notReady,
  READ_ONLY: EXIT.notReady,
  TIMEOUT: EXIT.notReady,
  UNAUTHENTICATED: EXIT.refused,
  FORBIDDEN: EXIT.refused,
  CHAOS_DISABLED: EXIT.refused,
  NOT_OWNER: EXIT.refused,
  DIVERGED: EXIT.verification,
  OVERLOADED: EXIT.limit,
  TOO_LARGE: EXIT.limit,
  BATCH_TOO_LARGE: EXIT.limit,
  TXN_TOO_LARGE: EXIT.limit,
  SLOW_CONSUMER: EXIT.limit,
}

/** Why a daemon refuses its data, or its peers do. */
const BY_REASON: Readonly<Record<string, number>> = {
  'StorageError damaged': EXIT.verification,
  'StorageError rolled-back': EXIT.verification,
  'StorageError missing': EXIT.verification,
  'NetworkError wiped': EXIT.verification,
  'NetworkError fenced': EXIT.verification,
  'NetworkError address': EXIT.usage,
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage
  if (error instanceof ViewstampError) {
    // Whether the write happened matters more than why nobody can say.
    if (error.outcome === 'unknown') return EXIT.unknown
    if (error.data['reason'] === 'NO_SPACE') return EXIT.limit
    return BY_NAME[error.name] ?? EXIT.other
  }
  if (!(error instanceof Error)) return EXIT.other
  // Told by name, so that this file does not load the configuration, the storage …
  if (error.name === 'ConfigError') return EXIT.usage
  return BY_REASON[`${error.name} ${(error as { reason?: unknown }).reason}`] ?? EXIT.other
}
