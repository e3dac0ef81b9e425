/** snapshot.*: the whole state in one file, made and kept by this node; GET /snapshots/<id> gives it. */
import { method } from '../method.ts'
import { headed, INTEGER, listOf, result, STRING, shape } from './result.ts'

const SNAPSHOT = {
  snapshot: STRING,
  op: INTEGER,
  bytes: INTEGER,
  hash: STRING,
  createdMs: INTEGER,
} as const

export const SNAPSHOTS = [
  method('snapshot.create', {
    kind: 'read',
    doc: 'Writes the state of every shard, each at one op, to a file that this node keeps; GET /snapshots/<snapshot> gives it. Writes go on meanwhile. The newest three are kept.',
    result: result(SNAPSHOT),
    run: async (_, meta, { node }) => {
      const made = await node.createSnapshot(meta)
      return headed(made, node.header(meta.shard))
    },
  }),
  method('snapshot.list', {
    kind: 'read',
    doc: 'The snapshots that this node keeps, the newest first.',
    result: result({ snapshots: listOf(shape(SNAPSHOT)) }),
    run: async (_, meta, { node }) =>
      headed({ snapshots: await node.snapshots() }, node.header(meta.shard)),
  }),
]
