/** What a replica reports, as cluster events and figures. */
import type { ReplicaEvent } from '../vr/effect.ts'
import { currentPrimary } from '../vr/state.ts'
import type { NodeContext } from './context.ts'
import { emit } from './context.ts'
import type { NodeMetrics } from './metrics.ts'
import type { Shard } from './shard.ts'

const leftAt = new WeakMap<Shard, number>()

export function followEvents(
  context: NodeContext,
  metrics: NodeMetrics,
  shard: Shard,
  event: ReplicaEvent,
): void {
  const of = { shard: shard.name, view: shard.replica.viewNumber as number }
  const nameOf = (i: number) => context.cluster.members[i]?.name ?? `replica ${i}`
  switch (event.type) {
    case 'status':
      return emit(context, {
        kind: 'status_changed',
        ...of,
        status: event.status,
        reason: event.reason,
      })
    case 'view-change-started': {
      if (!leftAt.has(shard)) leftAt.set(shard, performance.now())
      metrics.viewChange(shard.name, event.reason)
      const next = nameOf(currentPrimary(shard.replica))
      return emit(context, { kind: 'view_change_started', ...of, reason: event.reason, next })
    }
    case 'view-started': {
      const left = leftAt.get(shard)
      leftAt.delete(shard)
      const durationMs = left === undefined ? undefined : performance.now() - left
      if (durationMs !== undefined) metrics.viewStarted(shard.name, durationMs / 1000)
      const took = durationMs === undefined ? {} : { durationMs: Math.round(durationMs) }
      return emit(context, { kind: 'view_started', ...of, primary: nameOf(event.primary), ...took })
    }
    case 'checkpoint':
      return emit(context, { kind: 'checkpoint', ...of, op: event.opNumber })
    case 'sync-started':
      return emit(context, { kind: 'sync_started', ...of, op: event.opNumber })
    case 'sync-finished':
      return emit(context, { kind: 'sync_finished', ...of, op: event.opNumber })
    case 'repaired':
      return emit(context, { kind: 'log_repaired', ...of, op: event.opNumber })
    case 'not-repairable':
      return emit(context, { kind: 'alarm_raised', ...of, alarm: 'corrupt', op: event.opNumber })
    case 'diverged':
      return emit(context, { kind: 'alarm_raised', ...of, alarm: 'diverged', op: event.opNumber })
  }
}
