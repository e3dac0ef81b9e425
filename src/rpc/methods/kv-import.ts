/** kv.import: operations of another cluster's log of state changes, feeds included, each at the rev that it had there. */
import { present } from '../../base/assert.ts'
import { ViewstampError } from '../../base/errors.ts'
import type { JsonObject } from '../../base/json.ts'
import { BATCH_MAX } from '../../machine/feed/limits.ts'
import { CHANGES_MAX } from '../../machine/kv/limits.ts'
import type { Meta, NodeApi } from '../../node/api.ts'
import { method } from '../method.ts'
import { anything, integer, list, may, must, object, oneOf, refined, within } from '../schema.ts'
import { KEY, VALUE } from '../value.ts'
import { write } from './kv-write.ts'
import { INTEGER, result } from './result.ts'

const OPERATIONS_MAX = 256
/** Records of one publishBatch, and what else became of feeds with it. */
const FEED_CHANGES_MAX = 2 * BATCH_MAX

const ANY_CHANGE = object({
  machine: may(oneOf('kv', 'feed'), 'kv, unless said; feed: what became of a feed'),
  key: must(KEY, 'the key; of the machine feed as log.read tells it'),
  value: may(anything, 'its value; none: it goes'),
  createRev: may(integer(1), 'as log.read tells it; else as after a put'),
  version: may(integer(1), 'as log.read tells it; else as after a put'),
  expiresMs: may(integer(1), 'as log.read tells it: the time at which it goes'),
})

/** A record of a feed may be larger than a value. */
const CHANGE = refined(ANY_CHANGE, given => {
  const { machine, value } = given as JsonObject
  if (machine === 'feed' || value === undefined) return undefined
  const problem = VALUE.check(value)
  return problem && within('value', problem)
})

export const KV_IMPORT = [
  method('kv.import', {
    kind: 'write',
    doc: 'Takes over what operations of another cluster changed, as log.read gives it, each at the rev that it had there. Records of feeds get the offset that they had, and time, viewstamp and lamport of this log. One call at a time; meta.session and meta.seq do not count: never repeat it without a look at the rev. COMPARE_FAILED: this cluster is at another rev; if another write came between, it cannot become the same any more. Outcome unknown: some of them may be done.',
    params: {
      rev: must(integer(1), 'of the first operation: one more than this cluster has reached'),
      operations: must(
        list(list(CHANGE, CHANGES_MAX + FEED_CHANGES_MAX), OPERATIONS_MAX, 1),
        'the changes of each operation; none for a rev that changed nothing',
      ),
    },
    positions: ['rev', 'operations'],
    result: result({ rev: INTEGER }),
    run: async ({ rev, operations }, meta, caller) => {
      const lists = operations as readonly (readonly JsonObject[])[]
      // All keys go with each: in one shard, or nothing is written.
      const keys = [...new Set(lists.flatMap(changes => changes.map(placeOf)))]
      // Each is a write of its own, in the session of this node, which keeps their order.
      const plain = { ...meta, session: undefined, seq: undefined }
      await refuseOther(caller.node, keys[0], plain, rev)
      return last(
        lists.map((changes, i) => {
          return write(caller, plain, keys, { op: 'import', rev: rev + i, ...byMachine(changes) })
        }),
      )
    },
  }),
]

/** By which the shard is found: a feed is in that of the key of its name. */
const placeOf = ({ machine, key }: JsonObject): string =>
  machine === 'feed' ? (String(key).split('/')[0] ?? '') : String(key)

function byMachine(given: readonly JsonObject[]): JsonObject {
  const feeds = given.filter(({ machine }) => machine === 'feed')
  const changes = given.filter(({ machine }) => machine !== 'feed')
  return { changes, ...(feeds.length > 0 && { feeds }) } as unknown as JsonObject
}

/**
 * Not at the rev before: nothing is handed in, for what the machine refuses takes a rev, too. A write that comes
 * between this look and the operations is still refused by the machine, and then so are all behind it.
 */
async function refuseOther(
  node: NodeApi,
  key: string | undefined,
  meta: Meta,
  rev: number,
): Promise<void> {
  const { reached, shard } = await reachedRev(node, key, meta).catch((error: unknown) => {
    if (!(error instanceof ViewstampError)) throw error
    throw new ViewstampError(error.errorName, error.message, { ...error.details, outcome: 'none' })
  })
  if (reached === rev - 1) return
  const message = `shard ${shard} is at rev ${reached}, and the first operation would need it at rev ${rev - 1}: nothing was imported`
  throw new ViewstampError('COMPARE_FAILED', message, { rev: reached })
}

async function reachedRev(node: NodeApi, key: string | undefined, meta: Meta) {
  let { shard } = meta
  if (shard === undefined && key !== undefined) {
    // Whatever the key is: the answer says which shard it is in.
    const look = { ...meta, consistency: 'local' } as const
    const { header } = await node.read({
      machine: 'kv',
      keys: [key],
      body: { op: 'get', key },
      meta: look,
    })
    shard = header.shard
  }
  const { result, header } = await node.stateHash({ ...meta, shard, consistency: 'linearizable' })
  return { reached: Number((result as JsonObject)['rev']), shard: header.shard }
}

/** The answer to the last, once all have one; or one error for all of them. */
async function last(writes: readonly Promise<object>[]): Promise<object> {
  const settled = await Promise.allSettled(writes)
  const failed = settled.flatMap(each => (each.status === 'rejected' ? [each.reason] : []))
  const answers = settled.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []))
  if (failed.length > 0) throw failure(failed, answers.length)
  return present(answers.at(-1), 'there is at least one operation')
}

/** What the machine refused has no effect, but a rev: a repeat of the whole call is right for nothing of it. */
function failure(failed: readonly unknown[], done: number): unknown {
  const known = failed.filter(each => each instanceof ViewstampError)
  if (known.length < failed.length) return failed.find(each => !(each instanceof ViewstampError))
  const refused = known.find(({ errorName }) => errorName === 'COMPARE_FAILED')
  const error = present(refused ?? known[0], 'one has failed')
  const isNone = done === 0 && known.every(({ outcome }) => outcome === 'none')
  if (isNone && known.every(({ code }) => code < 0)) return error
  const message = `${error.message} (${done} of ${done + failed.length} operations were imported)`
  const outcome = isNone ? 'none' : 'unknown'
  const details = { ...error.details, outcome, retryable: false, imported: done } as const
  return new ViewstampError(error.errorName, message, details)
}
