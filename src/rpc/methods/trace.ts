/** trace.*: what belongs together, whichever feeds, keys and shards it touched. */
import { method } from '../method.ts'
import { integer, may, must, text } from '../schema.ts'
import { BOOLEAN, headed, INTEGER, listOf, result, STRING, shape } from './result.ts'

const EVENTS_MAX = 1_000
const ID_BYTES_MAX = 256

const RECORD = shape({
  feed: STRING,
  'partition?': INTEGER,
  'offset?': INTEGER,
  'key?': STRING,
  'id?': STRING,
  'correlationId?': STRING,
  'causationId?': STRING,
})
const EVENT = shape({
  id: STRING,
  shard: STRING,
  op: INTEGER,
  view: INTEGER,
  rev: INTEGER,
  lamport: INTEGER,
  timeMs: INTEGER,
  node: STRING,
  machine: STRING,
  method: STRING,
  keys: listOf(STRING),
  records: listOf(RECORD),
  session: STRING,
  'correlationId?': STRING,
  'causationId?': STRING,
})
const EDGE = shape({
  from: STRING,
  to: STRING,
  why: { type: 'string', enum: ['cause', 'order'] },
})

export const TRACE = [
  method('trace.get', {
    kind: 'read',
    doc: 'All commands of a correlation, over all feeds, keys and shards, none before one that led to it (docs/tracing.md).',
    params: {
      correlationId: must(text(ID_BYTES_MAX), 'as calls gave it in meta, or records as their own'),
      limit: may(integer(1, EVENTS_MAX), `at most so many events (${EVENTS_MAX})`),
    },
    positions: ['correlationId'],
    result: result({
      correlationId: STRING,
      events: listOf(EVENT),
      edges: listOf(EDGE),
      since: { type: 'object', additionalProperties: INTEGER },
      missing: listOf(STRING),
      more: BOOLEAN,
    }),
    run: async ({ correlationId, limit = EVENTS_MAX }, meta, { node }) =>
      headed(await node.trace(correlationId, limit, meta), node.header()),
  }),
]
