/** session.*: writes that are executed at most once, however often they are sent. Contract, "Exactly once". */
import { SESSION_BYTES_MAX } from '../meta.ts'
import { method } from '../method.ts'
import { integer, may, must, text } from '../schema.ts'
import { INTEGER, result, STRING, withHeader } from './result.ts'

const TTL_MS_MAX = 7 * 86_400_000
const SESSION = must(text(SESSION_BYTES_MAX), 'the id that session.open gave')

export const SESSIONS = [
  method('session.open', {
    kind: 'write',
    doc: 'Opens a session, good for keys of any shard. Number its writes 1, 2, 3 … in meta.seq and send them with meta.session.',
    params: { ttlMs: may(integer(1_000, TTL_MS_MAX), 'kept for this long without a sign of life') },
    positions: ['ttlMs'],
    result: result({ session: STRING, nextSeq: INTEGER }),
    run: ({ ttlMs }, meta, { node }) => withHeader(node.openSession(ttlMs, meta)),
  }),
  method('session.keepAlive', {
    kind: 'write',
    doc: 'Keeps a session that has nothing to write.',
    params: { session: SESSION },
    positions: ['session'],
    result: result({}),
    run: ({ session }, meta, { node }) => withHeader(node.keepAliveSession(session, meta)),
  }),
  method('session.close', {
    kind: 'write',
    doc: 'Ends a session.',
    params: { session: SESSION },
    positions: ['session'],
    result: result({}),
    run: ({ session }, meta, { node }) => withHeader(node.closeSession(session, meta)),
  }),
]
