/**
 * Every error a user may see, by name: code, what happened to the write, whether a repeat makes
 * sense. The table is the public contract (docs/rpc.md); machines, node, RPC, CLI and client share it.
 */

/** What happened to the write: not done · perhaps done · done. */
export type Outcome = 'none' | 'unknown' | 'applied'

interface Row {
  readonly code: number
  readonly outcome: Outcome
  readonly retryable: boolean
}

const row = (code: number, outcome: Outcome, retryable = false): Row => ({
  code,
  outcome,
  retryable,
})

export const ERRORS = {
  PARSE_ERROR: row(-32700, 'none'),
  INVALID_REQUEST: row(-32600, 'none'),
  METHOD_NOT_FOUND: row(-32601, 'none'),
  INVALID_PARAMS: row(-32602, 'none'),
  INTERNAL: row(-32603, 'unknown'),
  NO_QUORUM: row(-32001, 'unknown', true),
  VIEW_CHANGE: row(-32002, 'none', true),
  TIMEOUT: row(-32003, 'unknown', true),
  NOT_PRIMARY: row(-32004, 'none', true),
  OVERLOADED: row(-32005, 'none', true),
  TOO_LARGE: row(-32006, 'none'),
  BATCH_TOO_LARGE: row(-32007, 'none'),
  UNAUTHENTICATED: row(-32008, 'none'),
  FORBIDDEN: row(-32009, 'none'),
  SHUTTING_DOWN: row(-32010, 'none', true),
  READ_ONLY: row(-32011, 'none'),
  SESSION_EVICTED: row(-32012, 'unknown'),
  NEEDS_SOCKET: row(-32014, 'none'),
  SLOW_CONSUMER: row(-32015, 'none'),
  NOT_READY: row(-32018, 'none', true),
  CHAOS_DISABLED: row(-32020, 'none'),
  COMPARE_FAILED: row(1001, 'none'),
  REV_COMPACTED: row(1002, 'none'),
  BAD_CURSOR: row(1004, 'none'),
  SEQ_REUSED: row(1005, 'none'),
  NOT_A_NUMBER: row(1007, 'none'),
  OUT_OF_RANGE: row(1008, 'none'),
  BAD_PROGRAM: row(1009, 'none'),
  TXN_TOO_LARGE: row(1010, 'none'),
  FEED_NOT_FOUND: row(1011, 'none'),
  FEED_EXISTS: row(1012, 'none'),
  WRONG_OFFSET: row(1014, 'none'),
  OFFSET_OUT_OF_RANGE: row(1015, 'none'),
  GROUP_NOT_FOUND: row(1016, 'none'),
  GROUP_EXISTS: row(1017, 'none'),
  NOT_OWNER: row(1018, 'none'),
  CROSS_SHARD: row(1026, 'none'),
  APP_REJECTED: row(1100, 'none'),
} as const satisfies Record<string, Row>

export type ErrorName = keyof typeof ERRORS

export interface ErrorDetails {
  readonly outcome?: Outcome
  readonly retryable?: boolean
  readonly retryAfterMs?: number
  readonly primary?: string
  readonly limit?: number
  readonly path?: string
  readonly [member: string]: unknown
}

/** An error with a stable name; `message` is a sentence for people, `data` is for programs. */
export class ViewstampError extends Error {
  override readonly name = 'ViewstampError'
  readonly errorName: ErrorName
  readonly code: number
  readonly outcome: Outcome
  readonly details: ErrorDetails

  constructor(name: ErrorName, message: string, details: ErrorDetails = {}) {
    super(message)
    this.errorName = name
    this.code = ERRORS[name].code
    this.outcome = details.outcome ?? ERRORS[name].outcome
    this.details = details
  }

  /** The `data` member of the JSON-RPC error object. */
  get data(): Record<string, unknown> {
    return {
      ...this.details,
      name: this.errorName,
      retryable: this.details.retryable ?? ERRORS[this.errorName].retryable,
      outcome: this.outcome,
    }
  }
}
