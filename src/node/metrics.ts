/** The node's figures in Prometheus' words (docs/rpc.md lists them). Gauges are read when asked for. */
import type { Registry } from 'prom-client'
import { isPrimary, isStandby } from '../vr/state.ts'
import type { NodeContext } from './context.ts'
import type { Shard } from './shard.ts'
import type { Writer } from './writer.ts'

export interface NodeMetrics {
  readonly fsync: (seconds: number) => void
  readonly viewChange: (shard: string, reason: string) => void
  readonly viewStarted: (shard: string, seconds: number) => void
}

export const NO_METRICS: NodeMetrics = { fsync() {}, viewChange() {}, viewStarted() {} }

type Labels = Record<string, string>
type Set = (labels: Labels, value: number) => void

interface GaugeSpec {
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  readonly collect: (context: NodeContext, set: Set, writer: Writer | undefined) => void
}

const BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const perShard = (name: string, help: string, value: (shard: Shard) => number): GaugeSpec => ({
  name,
  help,
  labels: ['shard'],
  collect: ({ shards }, set) => {
    for (const shard of shards) set({ shard: shard.name }, value(shard))
  },
})

const sum = (shards: readonly Shard[], of: (shard: Shard) => number): number =>
  shards.reduce((total, shard) => total + of(shard), 0)

const GAUGES: readonly GaugeSpec[] = [
  perShard('view', 'view-number', s => s.replica.viewNumber),
  perShard('is_primary', '1 when this node is the primary', s => (isPrimary(s.replica) ? 1 : 0)),
  perShard('op_number', 'op-number: head of the log', s => s.opNumber),
  perShard('commit_number', 'commit-number: executed here', s => s.replica.commitNumber),
  perShard('client_sessions', 'sessions known', s => s.replica.clientTable.sessions.size),
  {
    name: 'standby_lag_ops',
    help: 'at a standby: ops known to be committed and not executed here',
    labels: ['shard'],
    collect: ({ shards }, set) => {
      for (const { name: shard, replica } of shards) {
        if (isStandby(replica)) set({ shard }, replica.knownCommit - replica.commitNumber)
      }
    },
  },
  {
    name: 'standby_lag_seconds',
    help: 'at a standby: for how long it has not known that it had all',
    labels: ['shard'],
    collect: ({ shards }, set) => {
      for (const { name: shard, replica, lagMs } of shards) {
        if (isStandby(replica)) set({ shard }, (lagMs ?? replica.clockMs) / 1000)
      }
    },
  },
  {
    name: 'replica_status',
    help: '1 for the status that the replica is in',
    labels: ['shard', 'status'],
    collect: ({ shards }, set) => {
      for (const { name: shard, replica } of shards) {
        for (const status of ['normal', 'view-change', 'recovering', 'repairing']) {
          set({ shard, status }, replica.status === status ? 1 : 0)
        }
      }
    },
  },
  {
    name: 'queue_depth',
    help: 'what waits',
    labels: ['queue'],
    collect: ({ shards }, set, writer) => {
      set({ queue: 'writer' }, writer?.queued ?? 0)
      set(
        { queue: 'calls' },
        sum(shards, s => s.callers.size),
      )
      set(
        { queue: 'reads' },
        sum(shards, s => s.reads.size),
      )
      set(
        { queue: 'prepare' },
        sum(shards, s => s.replica.primary.queue.length),
      )
    },
  },
  {
    name: 'peer_connected',
    help: '1 when there is a connection to the peer',
    labels: ['peer'],
    collect: ({ network }, set) => {
      for (const { peerId: peer, connected } of network.peers()) set({ peer }, connected ? 1 : 0)
    },
  },
  {
    name: 'peer_bytes_total',
    help: 'bytes exchanged',
    labels: ['peer', 'direction'],
    collect: ({ network }, set) => {
      for (const { peerId: peer, bytesIn, bytesOut } of network.peers()) {
        set({ peer, direction: 'in' }, bytesIn)
        set({ peer, direction: 'out' }, bytesOut)
      }
    },
  },
  {
    name: 'disk_free_bytes',
    help: 'free space where the data lives',
    labels: [],
    collect: ({ freeBytes }, set) => {
      if (freeBytes !== undefined) set({}, freeBytes)
    },
  },
  {
    name: 'scrubbed_bytes_total',
    help: 'read again in the background, to find damage',
    labels: [],
    collect: ({ scrub }, set) => {
      if (scrub !== undefined) set({}, scrub.bytes)
    },
  },
  {
    name: 'scrub_last_pass_timestamp_seconds',
    help: 'when all of the log and the checkpoint had last been read again',
    labels: [],
    collect: ({ scrub }, set) => {
      if (scrub?.lastPassMs !== undefined) set({}, scrub.lastPassMs / 1000)
    },
  },
  {
    name: 'entries_put_back_total',
    help: 'damaged entries of the log that were written again from memory',
    labels: [],
    collect: ({ entriesPutBack }, set) => set({}, entriesPutBack),
  },
  {
    name: 'mended_total',
    help: 'times that damage was met and the data opened again without ending the process',
    labels: [],
    collect: ({ options }, set) => set({}, options.mended?.()?.times ?? 0),
  },
  {
    name: 'alarms',
    help: '1 for every alarm raised',
    labels: ['alarm'],
    collect: ({ alarms }, set) => {
      for (const alarm of alarms.keys()) set({ alarm }, 1)
    },
  },
]

/** `prom` is the library, loaded by who wants metrics: it costs start-up time. */
export function nodeMetrics(
  prom: typeof import('prom-client'),
  register: Registry,
  context: () => NodeContext | undefined,
  writer: () => Writer | undefined,
): NodeMetrics {
  const registers = [register]
  for (const { name, help, labels, collect } of GAUGES) {
    new prom.Gauge({
      name: `viewstamp_${name}`,
      help,
      labelNames: [...labels],
      registers,
      collect() {
        const now = context()
        this.reset()
        if (now) collect(now, (of, value) => this.set(of, value), writer())
      },
    })
  }
  const histogram = (name: string, help: string, labelNames: string[]) =>
    new prom.Histogram({ name: `viewstamp_${name}`, help, labelNames, buckets: BUCKETS, registers })
  const fsync = histogram('fsync_seconds', 'one synced batch', [])
  const duration = histogram('view_change_duration_seconds', 'from view to view', ['shard'])
  const changes = new prom.Counter({
    name: 'viewstamp_view_changes_total',
    help: 'view changes that this replica took part in',
    labelNames: ['shard', 'reason'],
    registers,
  })
  return {
    fsync: seconds => fsync.observe(seconds),
    viewChange: (shard, reason) => changes.inc({ shard, reason }),
    viewStarted: (shard, seconds) => duration.observe({ shard }, seconds),
  }
}
