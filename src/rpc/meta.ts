/** The member `meta` that every call may carry. Contract §5. */
import type { Meta } from '../node/api.ts'
import { TIMEOUT_MS_MAX } from './limits.ts'
import { boolean, integer, may, object, oneOf, text } from './schema.ts'

const ID_BYTES_MAX = 256
/** A name, and an op of each of 256 shards. */
export const SESSION_BYTES_MAX = 4096

export const META_FIELDS = {
  timeoutMs: may(integer(1, TIMEOUT_MS_MAX), 'give up after this time'),
  consistency: may(
    oneOf('linearizable', 'session', 'local'),
    'of a read: linearizable (default), session (waits for minRev), local (this node as it is)',
  ),
  minRev: may(integer(0), 'of a session read: wait until this node has applied this rev'),
  session: may(
    text(SESSION_BYTES_MAX),
    'from session.open: with seq, the write is executed at most once',
  ),
  seq: may(integer(1), 'number of the write in its session: 1, 2, 3 …, one for each write'),
  correlationId: may(text(ID_BYTES_MAX), 'what this call belongs to: trace.get finds all of it'),
  causationId: may(text(ID_BYTES_MAX), 'what caused this call: the id of an event, or any name'),
  traceparent: may(
    text(ID_BYTES_MAX),
    'of W3C Trace Context: stands for both of them where there is no correlationId',
  ),
  lamport: may(
    integer(0),
    'the latest Lamport time that the caller has seen: a write gets a later one',
  ),
  shard: may(text(64), 'shard to ask, where no key decides it'),
  forward: may(boolean, 'false: answer NOT_PRIMARY instead of forwarding'),
}

export const META = object(META_FIELDS)

/** As it comes in. */
export interface GivenMeta extends Meta {
  readonly traceparent?: string | undefined
}
