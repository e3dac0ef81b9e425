/** kv.import: operations of another cluster's log of state changes, each at the rev that it had there. */
import { present } from '../../base/assert.ts'
import type { JsonObject } from '../../base/json.ts'
import { CHANGES_MAX } from '../../machine/kv/limits.ts'
import { method } from '../method.ts'
import { integer, list, may, must, object } from '../schema.ts'
import { KEY, VALUE } from '../value.ts'
import { write } from './kv-write.ts'
import { INTEGER, result } from './result.ts'

const OPERATIONS_MAX = 256

const CHANGE = object({
  key: must(KEY, 'the key'),
  value: may(VALUE, 'its value; none: it goes'),
  createRev: may(integer(1), 'as log.read tells it; else as after a put'),
  version: may(integer(1), 'as log.read tells it; else as after a put'),
  expiresMs: may(integer(1), 'as log.read tells it: the time at which it goes'),
})

export const KV_IMPORT = [
  method('kv.import', {
    kind: 'write',
    doc: 'Takes over what operations of another cluster changed, as log.read gives it, each at the rev that it had there. COMPARE_FAILED: another write came between, and this cluster cannot become the same any more.',
    params: {
      rev: must(integer(1), 'of the first operation: one more than this cluster has reached'),
      operations: must(
        list(list(CHANGE, CHANGES_MAX), OPERATIONS_MAX, 1),
        'the changes of each operation; none for a rev that changed nothing',
      ),
    },
    positions: ['rev', 'operations'],
    result: result({ rev: INTEGER }),
    run: ({ rev, operations }, meta, caller) => {
      // Each is a write of its own, in the session of this node, which keeps their order.
      const plain = { ...meta, session: undefined, seq: undefined }
      const lists = operations as readonly (readonly JsonObject[])[]
      // All keys go with each: in one shard, or nothing is written.
      const keys = [...new Set(lists.flatMap(changes => changes.map(({ key }) => String(key))))]
      return last(
        lists.map((changes, i) => {
          const body = { op: 'import', rev: rev + i, changes }
          return write(caller, plain, keys, body as unknown as JsonObject)
        }),
      )
    },
  }),
]

/** The answer to the last, once all have one; the error of the first that failed. */
async function last(writes: readonly Promise<object>[]): Promise<object> {
  const settled = await Promise.allSettled(writes)
  const answers = settled.map(each => {
    if (each.status === 'rejected') throw each.reason
    return each.value
  })
  return present(answers.at(-1), 'there is at least one operation')
}
