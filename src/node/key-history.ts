/**
 * The last versions of a key, newest first: the newest from the state, the others from the log, read backwards
 * for as far as it is kept. A call reads a bounded part of it, and says where to go on.
 */
import { ViewstampError } from '../base/errors.ts'
import { isObject, type Json, type JsonObject } from '../base/json.ts'
import type { Entry } from '../vr/entry.ts'
import type { Answer, HistoryOptions, Meta } from './api.ts'
import { headerOf, serviceOf, waitFor } from './calls.ts'
import type { NodeContext } from './context.ts'
import { entryEvents, opOfRev } from './history.ts'
import { route } from './route.ts'
import type { Shard } from './shard.ts'

/** Ops looked at together, and bytes of entries read at a time and in one call. */
const OPS_A_PAGE = 64
const PAGE_BYTES = 1 << 20
const SCAN_BYTES = 16 << 20

/** Versions below this op, and of this op below this rev. */
interface Place {
  readonly op: number
  readonly rev: number
}

interface Version extends Place {
  readonly shown: JsonObject
}

export async function keyHistory(
  context: NodeContext,
  key: string,
  { limit, cursor }: HistoryOptions,
  meta: Meta,
): Promise<Answer> {
  const shard = route(context.shards, { machine: 'kv', keys: [key], body: null, meta })
  await waitFor(context, shard, meta)
  const header = headerOf(context, shard)
  const { replica } = shard
  const asked = cursor === undefined ? undefined : placeOf(cursor)
  if (asked && asked.op < replica.firstOp) throw compacted(shard)
  const current = asked ? undefined : currentOf(shard, key)
  const head = replica.commitNumber
  // What is executed may be on its way to our disk, the changes that it made later still.
  await context.flush()
  // Nothing behind the op that made the current version has touched the key.
  const op = current ? await opOfRev(context.store, replica, current.rev) : head
  const start = asked ?? { op, rev: Number.POSITIVE_INFINITY }
  const { versions, rest } = await scan(context, shard, key, start, limit)
  // The log may no longer reach down to the change that made what is there now.
  if (current && versions.length === 0 && rest === undefined) versions.push(current)
  const last = versions[limit - 1]
  const more = versions.length > limit && last ? last : rest
  const result = {
    versions: versions.slice(0, limit).map(version => version.shown),
    more: more !== undefined || replica.firstOp > 1,
    ...(more && { cursor: `${more.op}.${more.rev}` }),
    firstRev: (replica.marks[0]?.rev ?? 0) + 1,
  }
  return { result: result as unknown as Json, header }
}

/** The value now, as the state has it: when it was made only the log knows. */
function currentOf(shard: Shard, key: string): Version | undefined {
  const found = serviceOf(shard).query('kv', { op: 'get', key }, shard.timeMs)
  const kv = isObject(found) ? found['kv'] : null
  if (!isObject(kv)) return undefined
  const rev = Number(kv['rev'])
  return { op: 0, rev, shown: { rev, value: kv['value'] as Json, deleted: false } }
}

/** One version more than asked for, if there is one; `rest`: where a scan that was cut short goes on. */
async function scan(context: NodeContext, shard: Shard, key: string, from: Place, limit: number) {
  const { replica } = shard
  const versions: Version[] = []
  let bytes = 0
  for (let last = from.op; last >= replica.firstOp; last -= OPS_A_PAGE) {
    if (bytes >= SCAN_BYTES) return { versions, rest: { op: last, rev: Number.MAX_SAFE_INTEGER } }
    const first = Math.max(last - OPS_A_PAGE + 1, replica.firstOp)
    let found: Version[] = []
    for await (const { entry, kept } of entriesOf(context, shard, first, last)) {
      bytes += entry.bytes.length
      const before = entry.opNumber === from.op ? from.rev : Number.POSITIVE_INFINITY
      found.push(...versionsIn(shard, entry, kept, key).filter(({ rev }) => rev < before))
      found = found.slice(-limit - 1)
    }
    versions.push(...found.reverse())
    if (versions.length > limit) break
  }
  return { versions, rest: undefined }
}

async function* entriesOf({ store }: NodeContext, shard: Shard, first: number, last: number) {
  const { shard: index } = shard.replica
  const kept = new Map<number, string>()
  for (const { opNumber, text } of await store.readChanges(index, first, last)) {
    kept.set(opNumber, text)
  }
  for (let op = first; op <= last; ) {
    const entries = await store.readEntries(index, op, last, PAGE_BYTES)
    // Cut away meanwhile.
    if (entries.length === 0) return
    for (const entry of entries) yield { entry, kept: kept.get(entry.opNumber) }
    op += entries.length
  }
}

/** One for each operation that changed the key, as it was left. */
function versionsIn(shard: Shard, entry: Entry, kept: string | undefined, key: string): Version[] {
  const versions: Version[] = []
  for (const { rev, op, timeMs, lamport, correlationId, changes } of entryEvents(
    entry,
    kept,
    shard.name,
  )) {
    const change = changes.findLast(each => each.machine === 'kv' && each.key === key)
    if (change === undefined) continue
    const { value = null } = change
    const deleted = change.value === undefined
    const of = { timeMs, lamport, ...(correlationId !== undefined && { correlationId }) }
    versions.push({ op, rev, shown: { rev, value, deleted, ...of } })
  }
  return versions
}

function placeOf(cursor: string): Place {
  const [op, rev, ...more] = cursor.split('.').map(Number)
  if (Number.isSafeInteger(op) && Number.isSafeInteger(rev) && more.length === 0) {
    return { op: op as number, rev: rev as number }
  }
  const message = 'this is no cursor of kv.history: take it from the answer before'
  throw new ViewstampError('BAD_CURSOR', message, { path: 'cursor' })
}

function compacted({ replica }: Shard): ViewstampError {
  const first = (replica.marks[0]?.rev ?? 0) + 1
  const message = `the log from there on down is no longer kept: it begins at rev ${first}`
  return new ViewstampError('REV_COMPACTED', message, { first })
}
