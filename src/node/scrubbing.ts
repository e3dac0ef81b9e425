/** The scrubber on this node: when it may read, and what happens when it finds something. */
import { setTimeout as pause } from 'node:timers/promises'
import { StorageError } from '../storage/port.ts'
import { Scrub, type ScrubOptions } from '../storage/scrub.ts'
import type { NodeContext } from './context.ts'
import { emit } from './context.ts'
import type { Writer } from './writer.ts'

/** With more waiting than this, callers would feel what is read. */
const CALLS_BUSY = 8
const WRITES_BUSY = 4
/** In a smaller cluster nobody could bring this node back (docs/storage.md): better it goes on. */
const MEMBERS_MIN = 3

export function startScrub(
  context: NodeContext,
  writer: Writer,
  options: ScrubOptions,
  fail: (error: unknown) => void,
): Scrub {
  const { shards, store } = context
  const scrub = new Scrub(
    {
      store,
      logs: () =>
        shards.map(({ replica }) => ({
          shard: replica.shard,
          first: replica.firstOp as number,
          last: Math.min(replica.durableOp, replica.commitNumber),
        })),
      isBusy: () =>
        writer.queued > WRITES_BUSY || shards.some(shard => shard.callers.size > CALLS_BUSY),
      nowMs: () => Date.now(),
      wait: (ms, signal) => pause(ms, undefined, { signal, ref: false }).catch(() => undefined),
      failed: error => {
        if (error instanceof StorageError && error.reason === 'damaged') {
          onDamage(context, error, fail)
        } else fail(error)
      },
    },
    options,
  )
  scrub.start()
  return scrub
}

/** As damage met while running (docs/storage.md): the next start sets the data aside and fetches it anew. */
function onDamage(context: NodeContext, error: StorageError, fail: (error: unknown) => void): void {
  const { cluster, options } = context
  const isAlone = cluster.members.length < MEMBERS_MIN
  const message = isAlone
    ? `${error.message.split('. ', 1)[0]}. The state in memory is whole: run "viewstamp snapshot save" now, and found a new cluster from it`
    : error.message
  context.alarms.set('corrupt', message)
  emit(context, { kind: 'alarm_raised', alarm: 'corrupt' })
  if (isAlone) options.warn?.(message)
  else fail(error)
}
