/**
 * An entry that the disk does not give back is often still in memory: then it is written again where it was, by the
 * writer, in its turn, and read again. Nothing that was promised changes: the entry is the one that was made durable.
 */
import { StorageError, type Store } from '../storage/port.ts'
import { entryAt } from '../vr/log.ts'
import type { NodeContext } from './context.ts'
import { emit } from './context.ts'
import { shardName } from './shard.ts'
import type { Writer } from './writer.ts'

/** done: one is whole again · whole: each of them could be read · impossible: not in memory, or the disk will not have it. */
export type PutBack = 'done' | 'whole' | 'impossible'

export interface PutBackPorts {
  /** As it reads by itself. */
  readonly store: Store
  readonly writer: Writer
  readonly context: NodeContext
}

/** No reading takes more at once (src/storage/reader.ts): what could not be read is among so many. */
const ENTRIES_MAX = 10_000

/** The first entry of these that cannot be read. */
export async function putBack(
  { store, writer, context }: PutBackPorts,
  shard: number,
  first: number,
  last: number,
): Promise<PutBack> {
  const replica = context.shards[shard]?.replica
  if (replica === undefined || context.closing !== undefined) return 'impossible'
  const most = Math.min(last, first + ENTRIES_MAX)
  let op = first
  while (op <= most && (await isReadable(store, shard, op))) op++
  if (op > most) return 'whole'
  const entry = entryAt(replica.log, op)
  // What is cut off later is cut off behind this write; what was cut off is not in memory any more.
  if (entry === undefined || op > replica.durableOp || op < replica.firstOp) return 'impossible'
  await writer.written({ shard, repair: [entry] }, entry.bytes.length)
  if (!(await isReadable(store, shard, op))) return 'impossible'
  context.entriesPutBack++
  emit(context, { kind: 'entry_repaired', shard: shardName(shard), op })
  return 'done'
}

async function isReadable(store: Store, shard: number, op: number): Promise<boolean> {
  try {
    await store.readEntries(shard, op, op, 1)
    return true
  } catch (error) {
    if (error instanceof StorageError && error.reason === 'damaged') return false
    throw error
  }
}
