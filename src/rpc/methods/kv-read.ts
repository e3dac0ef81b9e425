/** kv.* that read keys, at the consistency of meta. */
import type { JsonObject } from '../../base/json.ts'
import { KEYS_MAX, RANGE_LIMIT_MAX } from '../../machine/kv/limits.ts'
import type { Meta } from '../../node/api.ts'
import { type Caller, method } from '../method.ts'
import { boolean, integer, list, may, must, text } from '../schema.ts'
import { KEY } from '../value.ts'
import { oneSpan, RANGE } from './kv-write.ts'
import { BOOLEAN, INTEGER, listOf, ref, result, STRING, withHeader } from './result.ts'

const CURSOR_BYTES_MAX = 8_192
const HISTORY_MAX = 1_000
const HISTORY_DEFAULT = 20

export const KV_READS = [
  method('kv.get', {
    kind: 'read',
    doc: 'One key; `kv` is null when it is not there.',
    params: { key: must(KEY, 'the key') },
    positions: ['key'],
    result: result({ kv: { anyOf: [ref('KeyValue'), { type: 'null' }] } }),
    run: ({ key }, meta, caller) => read(caller, meta, [key], { op: 'get', key }),
  }),
  method('kv.getMany', {
    kind: 'read',
    doc: 'Several keys, as of one moment.',
    params: { keys: must(list(KEY, KEYS_MAX), 'the keys') },
    positions: ['keys'],
    result: result({ kvs: listOf(ref('KeyValue')), missing: listOf(STRING) }),
    run: ({ keys }, meta, caller) => read(caller, meta, keys, { op: 'getMany', keys }),
  }),
  method('kv.range', {
    kind: 'read',
    doc: 'Keys in the order of their bytes; go on with `cursor` while there is `more`.',
    params: {
      ...RANGE,
      limit: may(integer(1, RANGE_LIMIT_MAX), 'at most so many (100)'),
      reverse: may(boolean, 'from the end'),
      keysOnly: may(boolean, 'without values'),
      countOnly: may(boolean, 'only how many'),
      cursor: may(text(CURSOR_BYTES_MAX), 'from the answer before'),
    },
    result: result({
      kvs: listOf(ref('KeyValue')),
      more: BOOLEAN,
      'cursor?': STRING,
      'count?': INTEGER,
    }),
    run: (params, meta, caller) => {
      const { prefix, start, end, limit, reverse, keysOnly, countOnly, cursor } = params
      oneSpan({ key: undefined, prefix, start, end })
      const how = { limit, reverse, keysOnly, countOnly, cursor }
      return read(caller, meta, [], { op: 'range', prefix, start, end, ...how })
    },
  }),
  method('kv.history', {
    kind: 'read',
    doc: 'The last versions of a key, newest first, from the log as far as it is kept. More: there are older ones; go on with `cursor`, or, without one, they are not kept any longer.',
    params: {
      key: must(KEY, 'the key'),
      limit: may(integer(1, HISTORY_MAX), 'at most so many (20)'),
      cursor: may(text(CURSOR_BYTES_MAX), 'from the answer before'),
    },
    positions: ['key'],
    result: result({
      versions: listOf(ref('Version')),
      more: BOOLEAN,
      'cursor?': STRING,
      firstRev: INTEGER,
    }),
    run: ({ key, limit = HISTORY_DEFAULT, cursor }, meta, { node }) =>
      withHeader(node.keyHistory(key, { limit, cursor }, meta)),
  }),
  method('kv.hash', {
    kind: 'read',
    doc: 'Hash of the whole state: the same on every replica that has applied the same op. `machines`: of each machine alone; that of `kv` is the same in a cluster that imported the log, where that of `feed` is not: records have other times there.',
    result: result({
      hash: STRING,
      op: INTEGER,
      rev: INTEGER,
      machines: { type: 'object', additionalProperties: STRING },
    }),
    run: (_, meta, { node }) => withHeader(node.stateHash(meta)),
  }),
]

function read(
  { node }: Caller,
  meta: Meta,
  keys: readonly string[],
  body: JsonObject,
): Promise<object> {
  return withHeader(node.read({ machine: 'kv', keys, body, meta }))
}
