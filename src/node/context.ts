/** What the parts of a node share. */
import { ViewstampError } from '../base/errors.ts'
import type { Network } from '../network/port.ts'
import type { ClusterRecord, Store } from '../storage/port.ts'
import type { ScrubFigures, ScrubOptions } from '../storage/scrub.ts'
import type { SnapshotShelf } from '../storage/snapshot-shelf.ts'
import { currentPrimary } from '../vr/state.ts'
import type { ClusterEvent, Mended } from './api.ts'
import type { Asks } from './ask.ts'
import type { FeedDefaults } from './feeds.ts'
import type { Promises } from './promises.ts'
import type { Shard } from './shard.ts'

export type Role = 'replica' | 'standby'
export type NodeRecord = ClusterRecord['members'][number]

export interface NodeOptions {
  readonly version: string
  /** Who follows and does not count: no members of the cluster, but let in. */
  readonly standbys?: readonly NodeRecord[] | undefined
  /** Below this much free disk, client writes are refused. */
  readonly minFreeBytes: number
  readonly rpcUrl: () => string | undefined
  /** What a feed is that nobody has set up; undefined: made when it is first published to, without bounds. */
  readonly feeds?: FeedDefaults | undefined
  /** Where snapshots are kept; undefined: nowhere, and none are made. */
  readonly snapshots?: SnapshotShelf | undefined
  /** Undefined: nothing is read again in the background. */
  readonly scrub?: ScrubOptions | undefined
  /** For what does not end the process. */
  readonly warn?: ((message: string) => void) | undefined
  /** What was mended in this process so far. */
  readonly mended?: (() => Mended | undefined) | undefined
}

export interface NodeContext {
  readonly options: NodeOptions
  readonly cluster: ClusterRecord
  /** Replicas, then standbys: by replica-number. */
  readonly nodes: readonly NodeRecord[]
  readonly store: Store
  readonly network: Network
  readonly shards: readonly Shard[]
  readonly asks: Asks
  readonly promises: Promises
  readonly startedAtMs: number
  /** Peer id → RPC URL that it told us. */
  readonly rpcUrls: Map<string, string>
  readonly followers: Set<(event: ClusterEvent) => void>
  readonly alarms: Map<string, string>
  /** The latest Lamport time that callers said they had seen. */
  lamport: number
  /** Entries that the disk did not give back, and that were written again from memory: in all lives. */
  entriesPutBack: number
  /** Of the scrubber, while it runs. */
  scrub: ScrubFigures | undefined
  /** Resolves when everything this node wants written is on disk. */
  flush(): Promise<void>
  /** Free space, when last looked at. */
  freeBytes: number | undefined
  /** Set: it takes no calls any more. */
  closing: Closing | undefined
}

/** A node that ends; or one whose disk gave something else than was written, which opens its data again. */
export type Closing = 'stopping' | 'mending'

/** Nothing of the call was done. */
export function closedError({ cluster, closing }: NodeContext): ViewstampError {
  if (closing !== 'mending') {
    return new ViewstampError('SHUTTING_DOWN', 'this node is shutting down: ask another')
  }
  const message = `${cluster.name} found its data damaged and is mending it: ask another node, or this one in a moment`
  return new ViewstampError('NOT_READY', message, { retryAfterMs: MENDING_RETRY_MS })
}

const MENDING_RETRY_MS = 200

export function assertOpen(context: NodeContext): void {
  if (context.closing !== undefined) throw closedError(context)
}

export const roleOf = ({ cluster }: Pick<NodeContext, 'cluster'>, peerId: string): Role =>
  cluster.members.some(member => member.peerId === peerId) ? 'replica' : 'standby'

/** Name of the shard's primary, as far as it is known. */
export function primaryName(context: NodeContext, shard: Shard): string | null {
  const { replica } = shard
  if (replica.status !== 'normal' || context.closing === 'mending') return null
  return context.cluster.members[currentPrimary(replica)]?.name ?? null
}

export function emit(context: NodeContext, event: Omit<ClusterEvent, 'node' | 'timeMs'>): void {
  const { kind } = event
  const full: ClusterEvent = {
    ...event,
    kind: String(kind),
    node: context.cluster.name,
    timeMs: Date.now(),
  }
  for (const deliver of context.followers) deliver(full)
}
