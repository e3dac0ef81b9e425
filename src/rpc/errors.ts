/** From anything thrown to the error object of an answer. JSON-RPC 2.0 §5.1 */
import { ViewstampError } from '../base/errors.ts'

export interface ErrorObject {
  readonly code: number
  readonly message: string
  readonly data: Readonly<Record<string, unknown>>
}

export type CallKind =
  /** Through the log; the writes of a batch execute in order. */
  | 'write'
  /** Sees the writes before it in its batch. */
  | 'read'
  /** Its place in a batch does not matter. */
  | 'free'

/** What the RPC layer tells the operator. pino fits. */
export interface RpcLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export const SILENT: RpcLog = { info: () => {}, warn: () => {}, error: () => {} }

export function errorObject(error: ViewstampError, kind: CallKind | undefined): ErrorObject {
  const data = error.data
  // A read changes nothing, so nothing is unknown about it, however it ended.
  if (kind === 'read') data['outcome'] = 'none'
  return { code: error.code, message: error.message, data }
}

/**
 * What is not a ViewstampError is a bug here: the operator gets all of it, the caller gets no stack and
 * no text of it, and for a write the truth, that nobody knows what became of it.
 */
export function known(error: unknown, method: string, kind: CallKind, log: RpcLog): ViewstampError {
  if (error instanceof ViewstampError) return error
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  log.error({ method, error: text }, 'a call failed for an unknown reason: please report it')
  return new ViewstampError('INTERNAL', 'the call failed for a reason that only the log tells', {
    outcome: kind === 'write' ? 'unknown' : 'none',
  })
}

export function invalidParams(path: string, sentence: string): ViewstampError {
  return new ViewstampError('INVALID_PARAMS', sentence, { path })
}
