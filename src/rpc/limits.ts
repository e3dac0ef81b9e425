/** Bounds of the RPC layer. The configuration gives the first six (contract, `rpc.limits`). */
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from '../machine/kv/limits.ts'

export { KEY_BYTES_MAX, VALUE_BYTES_MAX }

export interface RpcLimits {
  /** Bytes of one HTTP body or WebSocket message. */
  readonly bodyBytes: number
  /** Calls of one batch. */
  readonly batch: number
  /** Nesting of one call, its own object included. */
  readonly depth: number
  /** Subscriptions of one connection. */
  readonly subscriptions: number
  /** Events that wait for one slow subscriber. */
  readonly buffer: number
  /** Calls of the whole server that are being answered. */
  readonly inFlight: number
  readonly connections: number
  /** Time to receive the headers of a request. */
  readonly headersTimeoutMs: number
  /** Time to receive a whole request. */
  readonly requestTimeoutMs: number
  /** Time that an idle connection is kept. */
  readonly idleTimeoutMs: number
  /** Time that requests under way get when the server stops. */
  readonly stopTimeoutMs: number
  /** Between two bookmarks of a subscription, and two pings of a connection. */
  readonly bookmarkMs: number
}

export const LIMITS: RpcLimits = {
  bodyBytes: 4 * 1024 * 1024,
  batch: 1_000,
  depth: 32,
  subscriptions: 64,
  buffer: 1_000,
  inFlight: 4_096,
  connections: 1_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 60_000,
  stopTimeoutMs: 5_000,
  bookmarkMs: 10_000,
}

/** Header bytes of one request: the default of Node, said here so that it does not drift. */
export const HEADER_BYTES_MAX = 16 * 1024
/** Unsent bytes of one WebSocket from which on events queue and no further calls are read. */
export const SEND_BUFFER_BYTES_MAX = 1024 * 1024
/** Bytes of queued events of one subscription. */
export const QUEUE_BYTES_MAX = 8 * 1024 * 1024
export const POLL_WAIT_MS_MAX = 60_000
export const TIMEOUT_MS_MAX = 600_000
export const PAGE_MAX = 10_000
