/** The member `meta` that every call may carry. Contract §5. */
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
  correlationId: may(text(ID_BYTES_MAX), 'kept with the record, for tracing'),
  causationId: may(text(ID_BYTES_MAX), 'what caused this call'),
  lamport: may(integer(0), "the caller's Lamport timestamp"),
  shard: may(text(64), 'shard to ask, where no key decides it'),
  forward: may(boolean, 'false: answer NOT_PRIMARY instead of forwarding'),
}

export const META = object(META_FIELDS)
