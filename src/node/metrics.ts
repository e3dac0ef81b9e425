/** The node's figures in Prometheus' words (docs/rpc.md lists them). Values are read when asked for. */
import type { Registry } from 'prom-client'
import { isPrimary } from '../vr/state.ts'
import type { NodeContext } from './context.ts'
import type { Writer } from './writer.ts'

export interface NodeMetrics {
  readonly fsync: (seconds: number) => void
  readonly commitLatency: (seconds: number) => void
  readonly viewChange: (shard: string, reason: string) => void
  readonly viewStarted: (shard: string, seconds: number) => void
}

export const NO_METRICS: NodeMetrics = {
  fsync() {},
  commitLatency() {},
  viewChange() {},
  viewStarted() {},
}

const BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** `prom` is the library, loaded by who wants metrics: it costs start-up time. */
export function nodeMetrics(
  prom: typeof import('prom-client'),
  register: Registry,
  context: () => NodeContext | undefined,
  writer: () => Writer | undefined,
): NodeMetrics {
  const registers = [register]
  const gauge = (
    name: string,
    help: string,
    labels: string[],
    collect: (c: NodeContext, set: (labels: Record<string, string>, v: number) => void) => void,
  ) => {
    new prom.Gauge({
      name: `viewstamp_${name}`,
      help,
      labelNames: labels,
      registers,
      collect() {
        const c = context()
        if (c) collect(c, (of, value) => this.set(of, value))
      },
    })
  }
  const perShard = (
    name: string,
    help: string,
    value: (s: NodeContext['shards'][number]) => number,
  ) =>
    gauge(name, help, ['shard'], (c, set) => {
      for (const shard of c.shards) set({ shard: shard.name }, value(shard))
    })
  perShard('view', 'view-number', s => s.replica.viewNumber)
  perShard('is_primary', '1 when this node is the primary', s => (isPrimary(s.replica) ? 1 : 0))
  perShard('op_number', 'op-number: head of the log', s => s.opNumber)
  perShard('commit_number', 'commit-number: executed here', s => s.replica.commitNumber)
  perShard(
    'client_sessions',
    'sessions in the client-table',
    s => s.replica.clientTable.sessions.size,
  )
  gauge(
    'replica_status',
    '1 for the status that the replica is in',
    ['shard', 'status'],
    (c, set) => {
      for (const { name, replica } of c.shards) {
        for (const status of ['normal', 'view-change']) {
          set({ shard: name, status }, replica.status === status ? 1 : 0)
        }
      }
    },
  )
  gauge('queue_depth', 'what waits', ['queue'], (c, set) => {
    set({ queue: 'writer' }, writer()?.queued ?? 0)
    set(
      { queue: 'calls' },
      c.shards.reduce((sum, s) => sum + s.callers.size, 0),
    )
    set(
      { queue: 'reads' },
      c.shards.reduce((sum, s) => sum + s.reads.size, 0),
    )
    set(
      { queue: 'prepare' },
      c.shards.reduce((sum, s) => sum + s.replica.primary.queue.length, 0),
    )
  })
  gauge('peer_connected', '1 when there is a connection to the peer', ['peer'], (c, set) => {
    for (const peer of c.network.peers()) set({ peer: peer.peerId }, peer.connected ? 1 : 0)
  })
  gauge('peer_bytes_total', 'bytes exchanged', ['peer', 'direction'], (c, set) => {
    for (const peer of c.network.peers()) {
      set({ peer: peer.peerId, direction: 'in' }, peer.bytesIn)
      set({ peer: peer.peerId, direction: 'out' }, peer.bytesOut)
    }
  })
  gauge('alarms', 'alarms raised', ['alarm'], (c, set) => {
    for (const alarm of c.alarms.keys()) set({ alarm }, 1)
  })
  const fsync = new prom.Histogram({
    name: 'viewstamp_fsync_seconds',
    help: 'one synced batch',
    buckets: BUCKETS,
    registers,
  })
  const commit = new prom.Histogram({
    name: 'viewstamp_commit_latency_seconds',
    help: 'from taking a write to its execution here',
    buckets: BUCKETS,
    registers,
  })
  const changes = new prom.Counter({
    name: 'viewstamp_view_changes_total',
    help: 'view changes that this replica took part in',
    labelNames: ['shard', 'reason'],
    registers,
  })
  const duration = new prom.Histogram({
    name: 'viewstamp_view_change_duration_seconds',
    help: 'from leaving a view to the start of the next',
    labelNames: ['shard'],
    buckets: BUCKETS,
    registers,
  })
  return {
    fsync: seconds => fsync.observe(seconds),
    commitLatency: seconds => commit.observe(seconds),
    viewChange: (shard, reason) => changes.inc({ shard, reason }),
    viewStarted: (shard, seconds) => duration.observe({ shard }, seconds),
  }
}
