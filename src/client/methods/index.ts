// Written by scripts/client-types.mjs from src/rpc/methods. Do not edit.
import type { ClusterMethods } from './cluster.ts'
import type { FeedMethods } from './feed.ts'
import type { GroupMethods } from './group.ts'
import type { KvMethods } from './kv.ts'
import type { LogMethods } from './log.ts'
import type { RpcMethods } from './rpc.ts'
import type { SessionMethods } from './session.ts'
import type { SmMethods } from './sm.ts'
import type { SnapshotMethods } from './snapshot.ts'
import type { SubMethods } from './sub.ts'
import type { SystemMethods } from './system.ts'
import type { TraceMethods } from './trace.ts'

export * from './components.ts'

export interface Methods
  extends ClusterMethods,
    FeedMethods,
    GroupMethods,
    KvMethods,
    LogMethods,
    RpcMethods,
    SessionMethods,
    SmMethods,
    SnapshotMethods,
    SubMethods,
    SystemMethods,
    TraceMethods {}

/** Members of `meta`. */
export const META: ReadonlySet<string> = new Set([
  'timeoutMs',
  'consistency',
  'minRev',
  'session',
  'seq',
  'correlationId',
  'causationId',
  'traceparent',
  'lamport',
  'shard',
  'forward',
])

/** They change nothing: may be sent again whatever happened. */
export const READS: ReadonlySet<string> = new Set([
  'rpc.discover',
  'system.ping',
  'system.version',
  'kv.get',
  'kv.getMany',
  'kv.range',
  'kv.history',
  'kv.hash',
  'kv.watch',
  'kv.poll',
  'feed.list',
  'feed.info',
  'feed.read',
  'feed.subscribe',
  'group.list',
  'group.info',
  'group.offsets',
  'sm.list',
  'sm.query',
  'log.info',
  'log.read',
  'log.get',
  'log.verify',
  'trace.get',
  'cluster.status',
  'cluster.health',
  'cluster.members',
  'cluster.watch',
  'snapshot.list',
  'sub.list',
])

/** They go through the log. */
export const WRITES: ReadonlySet<string> = new Set([
  'session.open',
  'session.keepAlive',
  'session.close',
  'kv.put',
  'kv.del',
  'kv.cas',
  'kv.incr',
  'kv.apply',
  'kv.txn',
  'kv.import',
  'feed.create',
  'feed.update',
  'feed.delete',
  'feed.publish',
  'feed.publishBatch',
  'feed.truncate',
  'group.create',
  'group.delete',
  'group.commit',
  'group.seek',
  'group.fetch',
  'group.ack',
  'group.nack',
  'sm.submit',
])
