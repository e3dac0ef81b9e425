/**
 * What RPC methods may ask of a node. The only door between src/rpc and src/node: nothing above
 * touches a replica's state.
 */
import type { Readable } from 'node:stream'
import type { ViewstampError } from '../base/errors.ts'
import type { Json } from '../base/json.ts'
import type { Change } from '../machine/machine.ts'
import type { FeedApi } from './feed-api.ts'

export type * from './feed-api.ts'

export type Consistency = 'linearizable' | 'session' | 'local'

/** The optional member `meta` of every call. */
export interface Meta {
  readonly timeoutMs?: number | undefined
  readonly consistency?: Consistency | undefined
  /** For `session` reads: wait until this node has applied this rev. */
  readonly minRev?: number | undefined
  readonly session?: string | undefined
  readonly seq?: number | undefined
  readonly correlationId?: string | undefined
  readonly causationId?: string | undefined
  /** The latest that the caller has seen: what it writes gets a later one. */
  readonly lamport?: number | undefined
  readonly shard?: string | undefined
  /** False: answer NOT_PRIMARY instead of forwarding. */
  readonly forward?: boolean | undefined
}

/** Goes with every result. For a write, `view` and `op` are its viewstamp. */
export interface Header {
  readonly cluster: string
  readonly node: string
  readonly shard: string
  readonly epoch: number
  readonly view: number
  readonly op: number
  readonly commit: number
  /** Name of the primary, or null while none is known. */
  readonly primary: string | null
  readonly timeMs: number
}

export interface Answer {
  readonly result: Json
  /** The same as JSON, where that is what there is: `result` is then parsed from it each time. */
  readonly resultText?: string
  /** Of a write: its rev, where the machine's result does not say it. */
  readonly rev?: number | undefined
  /** Of a write: its Lamport time. */
  readonly lamport?: number | undefined
  readonly header: Header
}

/** The keys a call touches decide its shard; all must lie in one. None: shard `main` (or `meta.shard`). */
export interface Call {
  readonly machine: string
  readonly keys: readonly string[]
  readonly body: Json
  readonly meta: Meta
}

export interface ClusterEvent {
  readonly kind: string
  readonly node: string
  readonly shard?: string
  readonly view?: number
  readonly timeMs: number
  readonly [member: string]: unknown
}

/** All changes of one committed operation. */
export interface CommitEvent {
  readonly shard: string
  readonly rev: number
  readonly view: number
  readonly op: number
  readonly timeMs: number
  readonly lamport: number
  readonly correlationId?: string | undefined
  readonly changes: readonly Change[]
  /** Of a watch over several shards: where to go on behind this event. */
  readonly cursor?: string | undefined
}

export interface LogEntry {
  readonly op: number
  readonly view: number
  readonly timeMs: number
  /** Its commands have those that follow. */
  readonly lamport: number
  readonly checksum: string
  readonly parent: string
  /** Revs in the log before this entry. */
  readonly revBefore: number
  readonly commands?: readonly Json[]
  readonly changes?: readonly Json[]
}

export interface LogOptions {
  readonly from: number
  readonly limit: number
  readonly as: 'commands' | 'changes' | 'both'
  /** Among the changes are records that were published, as far as they are still kept. */
  readonly records?: boolean | undefined
}

/** A record that a command published. `partition` and `offset` are absent when it is not kept any longer. */
export interface TraceRecord {
  readonly feed: string
  readonly partition?: number | undefined
  readonly offset?: number | undefined
  readonly key?: string | undefined
  readonly id?: string | undefined
  /** Its own, where it has one. */
  readonly correlationId?: string | undefined
  readonly causationId?: string | undefined
}

/** A command that belongs to a correlation. */
export interface TraceEvent {
  /** `shard@lamport`, for good. */
  readonly id: string
  readonly shard: string
  readonly op: number
  readonly view: number
  readonly rev: number
  readonly lamport: number
  readonly timeMs: number
  /** The primary of the view, which made the entry. */
  readonly node: string
  readonly machine: string
  /** As a caller names it: `kv.put`. */
  readonly method: string
  /** At most eight of each. */
  readonly keys: readonly string[]
  readonly records: readonly TraceRecord[]
  readonly session: string
  readonly correlationId?: string | undefined
  readonly causationId?: string | undefined
}

/** cause: what `to` names as its cause · order: the one before it in its shard. */
export interface TraceEdge {
  readonly from: string
  readonly to: string
  readonly why: 'cause' | 'order'
}

export interface Trace {
  readonly correlationId: string
  /** No event is behind one that it led to. */
  readonly events: readonly TraceEvent[]
  readonly edges: readonly TraceEdge[]
  /** By shard: the op from which on all is known. */
  readonly since: Readonly<Record<string, number>>
  /** Members that may know of earlier ones, and did not answer. */
  readonly missing: readonly string[]
  /** There are more. */
  readonly more: boolean
}

/** A station that an op passed. Times are by the clock of `node`. */
export interface LogMoment {
  readonly node: string
  readonly event: 'received' | 'prepared' | 'durable' | 'acknowledged' | 'executed'
  /** Whose acknowledgement came. */
  readonly by?: string
  readonly atMs: number
}

/** What a node found of its own log. */
export interface ReplicaVerdict {
  readonly node: string
  readonly ok: boolean
  readonly first: number
  readonly head: number
  /** Checksum of the entry at `head`. */
  readonly hash: string
  readonly firstBad?: number
  readonly why?: string
  /** Hashes of the state now and at the checkpoint. */
  readonly states: readonly { readonly op: number; readonly hash: string }[]
}

export interface LogVerdict extends Omit<ReplicaVerdict, 'states'> {
  /** Asked of all: what each found. */
  readonly replicas?: readonly Omit<ReplicaVerdict, 'states'>[]
  /** Members that did not answer. */
  readonly missing?: readonly string[]
  /** Who differs from most, in what. */
  readonly odd?: readonly string[]
  readonly what?: 'log' | 'state'
}

export interface NodeStatus {
  readonly name: string
  readonly peerId: string
  readonly role: 'replica' | 'standby'
  /** Where it answers RPC, as it would tell others. */
  readonly rpc: string | null
  readonly shards: readonly ShardStatus[]
  readonly peers: readonly {
    readonly name: string
    readonly peerId: string
    readonly role: 'replica' | 'standby'
    readonly connected: boolean
    readonly addresses: readonly string[]
    /** RPC address that the peer told us; null: not yet. */
    readonly rpc: string | null
  }[]
  readonly uptimeMs: number
  readonly alarms: readonly string[]
  /** What is read again in the background: since the start, and when all of it was last. */
  readonly scrub?: {
    readonly bytes: number
    readonly passes: number
    readonly lastPassMs: number | null
  }
  /** Damage that was met while running, and mended; absent: none. */
  readonly mended?: Mended
}

/** Since the process was started; `why`: the last time. */
export interface Mended {
  /** The data was opened again so often. */
  readonly times: number
  readonly lastMs: number
  readonly why: string
}

export interface ShardStatus {
  readonly shard: string
  readonly status: string
  readonly epoch: number
  readonly view: number
  readonly primary: string | null
  readonly isPrimary: boolean
  readonly op: number
  readonly commit: number
  readonly applied: number
  readonly checkpoint: number
  /** Entries known to be committed and not yet executed here. */
  readonly lag: number
  /** At a standby: for how long it has not known that it had all; null: not since its start. */
  readonly lagMs?: number | null
  /** At a standby: whom it follows. */
  readonly follows?: string | null
}

export interface Health {
  readonly nodes: readonly {
    readonly name: string
    readonly peerId: string
    readonly role: 'replica' | 'standby'
    readonly up: boolean
    readonly self: boolean
    readonly primaryOf: readonly string[]
  }[]
  readonly quorum: boolean
  readonly faultsTolerated: number
  readonly advice: readonly string[]
}

export interface Member {
  readonly name: string
  readonly peerId: string
  readonly role: string
  readonly addresses: readonly string[]
}

/** One file that holds the whole state of the cluster, every shard at one op. */
export interface SnapshotInfo {
  readonly snapshot: string
  /** Of shard main. */
  readonly op: number
  readonly bytes: number
  readonly hash: string
  readonly createdMs: number
}

/** Where a watch goes on: a rev of its shard, or a cursor where it follows several. */
export type Position = number | string

/** Where a watch starts: a position, the next change («now»), or the oldest that is retained («first»). */
export type WatchFrom = Position

export interface KeyRange {
  readonly key?: string | undefined
  readonly prefix?: string | undefined
  readonly start?: string | undefined
  readonly end?: string | undefined
}

export interface HistoryOptions {
  readonly limit: number
  /** From the answer before. */
  readonly cursor?: string | undefined
}

export interface KeyWatch {
  /** Of one shard: where it starts; and that shard's name, where it matters. */
  readonly startRev?: number
  readonly shard?: string
  /** Of several: where it starts. */
  readonly cursor?: string
  /** Everything up to this rev (before this cursor) has been delivered; undefined: still on the way there. */
  reached?(): Position | undefined
  cancel(): void
}

export interface NodeApi {
  readonly cluster: string
  readonly name: string
  readonly version: string
  readonly startedAtMs: number

  /** A caller has seen this Lamport time: commands from now on are later. Throws ViewstampError. */
  hear(lamport: number): void
  /** Through the log, executed exactly once; forwarded to the primary if that is another node. Throws ViewstampError. */
  write(call: Call): Promise<Answer>
  /** A read at the asked consistency. Throws ViewstampError. */
  read(call: Call): Promise<Answer>
  /** Header of this node's state now, for calls that are neither (`shard` undefined: main). */
  header(shard?: string): Header

  openSession(ttlMs: number | undefined, meta: Meta): Promise<Answer>
  keepAliveSession(session: string, meta: Meta): Promise<Answer>
  closeSession(session: string, meta: Meta): Promise<Answer>

  readonly feeds: FeedApi

  stateHash(meta: Meta): Promise<Answer>
  machines(): readonly { readonly name: string; readonly version: number }[]

  status(): NodeStatus
  health(): Health
  members(): {
    readonly clusterId: string
    /** Tells clusters of one name apart. */
    readonly foundingId: string
    readonly shards: number
    readonly epoch: number
    readonly members: readonly Member[]
  }
  /** Ask the primary (this node or another) to hand over; resolves when a newer view has started. */
  stepDown(
    shard: string | undefined,
    to: string | undefined,
    meta: Meta,
  ): Promise<{ view: number; primary: string | null }>

  logInfo(shard?: string): { first: number; op: number; commit: number; checkpoint: number }
  /** Of one of the last thousand ops; empty when it is older, or was never here. */
  logTimeline(op: number, shard?: string): readonly LogMoment[]
  logRead(options: LogOptions, shard?: string): Promise<readonly LogEntry[]>
  logVerify(allReplicas: boolean, shard?: string): Promise<LogVerdict>
  /** All commands of a correlation, over all shards, as far back as a log is kept that can be asked. */
  trace(correlationId: string, limit: number, meta: Meta): Promise<Trace>

  /**
   * Committed changes of keys in range, in order of rev, from a retained rev on; of all shards that may
   * hold such keys, or of the named one. `deliver` is called synchronously, first for what is retained, then live; never before `watchKeys` has returned.
   * Throws REV_COMPACTED (details: first) when `from` is no longer retained. `ended`: the next changes
   * cannot be delivered (this node got a checkpoint instead of them); nothing more will come.
   */
  watchKeys(
    range: KeyRange,
    from: WatchFrom,
    deliver: (event: CommitEvent) => void,
    ended?: (error: ViewstampError) => void,
    shard?: string,
  ): KeyWatch
  /** Long poll over the same events: waits up to `waitMs` for the first. */
  pollKeys(
    range: KeyRange,
    from: WatchFrom,
    options: { waitMs: number; limit: number },
    shard?: string,
  ): Promise<{ events: readonly CommitEvent[]; next: Position; shard?: string }>
  /** The last versions of a key, newest first, as far as the log is kept. Throws ViewstampError. */
  keyHistory(key: string, options: HistoryOptions, meta: Meta): Promise<Answer>
  watchCluster(deliver: (event: ClusterEvent) => void): { cancel(): void }

  /** Of what this node has executed, at the asked consistency; writes go on meanwhile. */
  createSnapshot(meta: Meta): Promise<SnapshotInfo>
  /** Those kept here, the newest first. */
  snapshots(): Promise<readonly SnapshotInfo[]>
  /** Undefined: no such snapshot here. The caller ends or destroys the stream. */
  openSnapshot(
    id: string,
  ): Promise<{ readonly bytes: number; readonly content: Readable } | undefined>

  /** This node serves what it claims: it may answer reads and take writes. */
  readiness(): { ready: boolean; checks: readonly { name: string; ok: boolean; detail: string }[] }
  /** Refreshes gauges and gives Prometheus text; undefined when metrics are off. */
  metrics(): Promise<string | undefined>
}
