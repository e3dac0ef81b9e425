/**
 * What a run is told: sizes, limits and faults. Everything is plain data, so that a failing run can be
 * tried again with one kind of fault less. swarm.ts draws it from a seed.
 */
import type { Retention } from '../machine/feed/config.ts'
import type { FeedBounds } from '../machine/feed/limits.ts'
import type { ReplicaOptions } from '../vr/options.ts'
import type { FaultKind, Link } from './nemesis.ts'

/** Low and high of a uniform draw, in ms. */
export type Range = readonly [low: number, high: number]

export interface NetworkOptions {
  readonly delayMinMs: number
  readonly delayMeanMs: number
  readonly loss: number
  readonly duplicate: number
  /** Chance that a message takes ten times as long: what follows overtakes it. */
  readonly reorder: number
  /** Links that are slow for the whole run, as a share of all. */
  readonly slowLinks: number
  /** Chance, for every message sent, that its stream breaks: all that is under way on it is lost. */
  readonly streamReset: number
  /** Chance that a frame is changed under way; only with `codec`. */
  readonly corrupt: number
  /** Messages pass through src/wire. */
  readonly codec: boolean
  /** Replicas learn when a peer's connection closes and opens. */
  readonly tellPeers: boolean
}

/** `OFF`: this kind does not happen. */
export interface Timing {
  /** Mean time between faults of a kind. */
  readonly everyMs: number
  readonly forMs: Range
}
export const OFF = 0

export interface NemesisOptions {
  readonly faults: Readonly<Record<FaultKind, Timing>>
  /** Share of the partitions that cut one direction only. */
  readonly oneWay: number
  readonly clockJumpMs: number
  /** More disks may be lost than the group survives: it may get stuck then, never be wrong. */
  readonly beyondRepair: boolean
}

export interface DiskOptions {
  readonly syncMs: Range
  /** Batches over which a checkpoint is spread. */
  readonly checkpointSlicesMax: number
  /** Chance that an unsynced write survives a crash, if all before it did. */
  readonly keepUnsynced: number
  /** Chance that a sync takes 1 to 10 seconds. */
  readonly stall: number
}

export interface ClockOptions {
  readonly skewMs: number
  readonly drift: number
}

export interface WorkloadOptions {
  readonly clients: number
  readonly requests: number
  readonly keys: number
  readonly inFlight: number
  readonly thinkMs: number
  /** Clients do not wait for answers before they ask for more, five times as fast. */
  readonly overload: boolean
  readonly timeoutMs: number
  readonly reads: number
  /** Share of the reads that any replica answers from what it has executed. */
  readonly stale: number
  /** Chance that a request is sent to two replicas at once. */
  readonly twice: number
  /** Chance that a timed-out client gives up and comes back with a new session. */
  readonly abandon: number
  /** Sessions end after this long without a sign of life, in log time; 0: never. */
  readonly sessionTtlMs: number
}

/**
 * When a replica hears what it sends to itself: before the daemon tells it that the write which released
 * the message is durable (as src/node does), or behind that.
 */
export type SelfDelivery = 'at-once' | 'later'

/** Every so many operations executed become a page, which is a cold record; the oldest go. */
export interface PageOptions {
  readonly lines: number
  readonly kept: number
}

/** The service keeps feeds besides (src/machine/feed), and so many of the requests are about them. */
export interface FeedsOptions {
  readonly share: number
  readonly bounds: FeedBounds
  readonly feeds: readonly FeedOptions[]
}

export interface FeedOptions {
  readonly name: string
  readonly partitions: number
  readonly retention: Retention
  readonly compact: 'none' | 'key'
  readonly dedupeMs: number
  /** Whether clients truncate it. */
  readonly isCut: boolean
  /** Of its group with mode queue. */
  readonly ackWaitMs: number
  readonly maxDeliver: number
}

/** lite: some 10 000 events, everything happens often · full: five virtual minutes, with pauses between faults. */
export type Tier = 'lite' | 'full'

export interface SimOptions {
  readonly seed: number
  readonly tier: Tier
  readonly replicas: number
  /** Somebody follows and does not count; absent: nobody. */
  readonly standby?: boolean | undefined
  readonly replica: ReplicaOptions
  /** Names of the limits that are drawn to be as small as they can be. */
  readonly buggify: readonly string[]
  readonly tickMs: number
  readonly selfDelivery: SelfDelivery
  /** What waits until messages have left is executed so much later; absent or 0: at once. */
  readonly executeMs?: number | undefined
  /** The service has cold records; absent: none. */
  readonly pages?: PageOptions | undefined
  /** Absent: none. */
  readonly feeds?: FeedsOptions | undefined
  readonly network: NetworkOptions
  readonly nemesis: NemesisOptions
  readonly disk: DiskOptions
  readonly clock: ClockOptions
  readonly workload: WorkloadOptions
  /** What is wrong from the first moment on, in both phases. */
  readonly permanent: { readonly cuts: readonly Link[]; readonly down: readonly number[] }
  /** The safety phase ends when all requests are answered, or here. */
  readonly safetyMs: number
  /** The core must converge and serve within this, once healed. */
  readonly livenessMs: number
}

/** Of those, what one node wants to know. */
export type HostOptions = Pick<
  SimOptions,
  'replica' | 'tickMs' | 'selfDelivery' | 'executeMs' | 'pages' | 'feeds'
>

export const CALM_NETWORK: NetworkOptions = {
  delayMinMs: 0,
  delayMeanMs: 2,
  loss: 0,
  duplicate: 0,
  reorder: 0,
  slowLinks: 0,
  streamReset: 0,
  corrupt: 0,
  codec: false,
  tellPeers: true,
}
