/** log.*: the log as this node has it. */
import { method } from '../method.ts'
import { boolean, integer, may, must, oneOf } from '../schema.ts'
import { ANY, BOOLEAN, headed, INTEGER, listOf, result, STRING, shape } from './result.ts'

const ENTRIES_MAX = 1_000
const ENTRIES_DEFAULT = 100

const ENTRY = shape({
  op: INTEGER,
  view: INTEGER,
  timeMs: INTEGER,
  lamport: INTEGER,
  checksum: STRING,
  parent: STRING,
  revBefore: INTEGER,
  'commands?': listOf(ANY),
  'changes?': listOf(ANY),
})
const MOMENT = shape({
  node: STRING,
  event: { type: 'string', enum: ['received', 'prepared', 'durable', 'acknowledged', 'executed'] },
  'by?': STRING,
  atMs: { type: 'number' },
})

export const LOG = [
  method('log.info', {
    kind: 'read',
    doc: 'Where the log begins and ends, and how far it is committed.',
    result: result({ first: INTEGER, op: INTEGER, commit: INTEGER, checkpoint: INTEGER }),
    run: (_, meta, { node }) => headed(node.logInfo(meta.shard), node.header(meta.shard)),
  }),
  method('log.read', {
    kind: 'read',
    doc: 'Committed entries in order of op. A change is `{rev, machine, key, value}`, without `value` where the key is gone; of the machine `feed` there are: `feed` with its configuration, `feed/partition/offset` with a record that was published, as far as the feed still has it, `feed/partition` with `{first, next}` where records went (retention, truncate; of one entry the last), and `feed/group/name` with what the group is and `offsets`, below which everything is done.',
    params: {
      from: may(integer(0), 'first op (default: the first kept)'),
      limit: may(integer(1, ENTRIES_MAX), 'at most so many (100)'),
      as: may(oneOf('commands', 'changes', 'both'), 'what was asked, what it changed, or both'),
    },
    result: result({ entries: listOf(ENTRY) }),
    run: async ({ from, limit = ENTRIES_DEFAULT, as = 'commands' }, meta, { node }) => {
      const first = Math.max(from ?? 0, node.logInfo(meta.shard).first)
      const entries = await node.logRead({ from: first, limit, as, records: true }, meta.shard)
      return headed({ entries }, node.header(meta.shard))
    },
  }),
  method('log.get', {
    kind: 'read',
    doc: 'One entry; null when it is not, or no longer, in the log. `timeline`: when one of the last thousand passed each station on this node, by its clock: received, prepared (handed to the disk), durable, acknowledged (by a peer), executed (committed as far as this node knows).',
    params: { op: must(integer(1), 'the op') },
    positions: ['op'],
    result: result({ entry: { anyOf: [ENTRY, { type: 'null' }] }, timeline: listOf(MOMENT) }),
    run: async ({ op }, meta, { node }) => {
      const [entry] = await node.logRead(
        { from: op, limit: 1, as: 'both', records: true },
        meta.shard,
      )
      const found = entry !== undefined && entry.op === op ? entry : null
      const timeline = node.logTimeline(op, meta.shard)
      return headed({ entry: found, timeline }, node.header(meta.shard))
    },
  }),
  method('log.verify', {
    kind: 'read',
    doc: 'Walks the hash chain on disk and computes every checksum again; with allReplicas every node does, and logs and states are compared: `odd` names who differs from most, `firstBad` the first op that does, `missing` who did not answer.',
    params: { allReplicas: may(boolean, 'compare all replicas') },
    result: result({
      ok: BOOLEAN,
      node: STRING,
      first: INTEGER,
      head: INTEGER,
      hash: STRING,
      'firstBad?': INTEGER,
      'why?': STRING,
      'replicas?': listOf(
        shape({
          node: STRING,
          ok: BOOLEAN,
          first: INTEGER,
          head: INTEGER,
          hash: STRING,
          'firstBad?': INTEGER,
          'why?': STRING,
        }),
      ),
      'missing?': listOf(STRING),
      'odd?': listOf(STRING),
      'what?': STRING,
    }),
    run: async ({ allReplicas }, meta, { node }) =>
      headed(await node.logVerify(allReplicas === true, meta.shard), node.header(meta.shard)),
  }),
]
