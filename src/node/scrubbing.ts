/** The scrubber on this node: when it may read, and what happens when it finds something. */
import { setTimeout as pause } from 'node:timers/promises'
import { Scrub, type ScrubOptions } from '../storage/scrub.ts'
import type { NodeContext } from './context.ts'
import { isDamage } from './damage.ts'
import type { Writer } from './writer.ts'

/** With more waiting than this, callers would feel what is read. */
const CALLS_BUSY = 8
const WRITES_BUSY = 4

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
      // Of damage the node knows by then.
      failed: error => {
        if (!isDamage(error)) fail(error)
      },
    },
    options,
  )
  scrub.start()
  return scrub
}
