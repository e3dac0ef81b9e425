/**
 * One seed → everything a run does: sizes, limits and faults. Swarm testing: in each seed every kind
 * of fault is on with probability ½, so that rare ones are not drowned by common ones. Ranges are those
 * of docs/simulator.md; limits are tiny, so that every edge is met within seconds of virtual time.
 */
import { Prng } from '../base/prng.ts'
import { DEFAULTS, type ReplicaOptions } from '../vr/options.ts'

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
  /** Messages pass through src/wire. */
  readonly codec: boolean
  /** Replicas learn when a peer's connection closes and opens. */
  readonly tellPeers: boolean
}

/** Mean time between faults of a kind; 0: that kind is off. */
export interface NemesisOptions {
  readonly crashEveryMs: number
  readonly crashAllEveryMs: number
  readonly downMs: Range
  readonly partitionEveryMs: number
  readonly partitionMs: Range
  /** Share of the partitions that cut one direction only. */
  readonly oneWay: number
  readonly clogEveryMs: number
  readonly clogMs: Range
  readonly pauseEveryMs: number
  readonly pauseMs: Range
  readonly clockJumpEveryMs: number
  readonly clockJumpMs: number
  readonly hangEveryMs: number
  readonly hangMs: Range
  readonly stepDownEveryMs: number
  readonly resetEveryMs: number
  /** A disk is lost, one at a time: the next not before that replica has recovered. */
  readonly wipeEveryMs: number
}

export interface DiskOptions {
  readonly syncMs: Range
  /** Batches over which a checkpoint is spread. */
  readonly checkpointSlicesMax: number
  /** Chance that an unsynced write survives a crash, if all before it did. */
  readonly keepUnsynced: number
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
  readonly timeoutMs: number
  readonly reads: number
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

export interface SimOptions {
  readonly seed: number
  readonly replicas: number
  readonly replica: ReplicaOptions
  readonly tickMs: number
  readonly selfDelivery: SelfDelivery
  readonly network: NetworkOptions
  readonly nemesis: NemesisOptions
  readonly disk: DiskOptions
  readonly clock: ClockOptions
  readonly workload: WorkloadOptions
  /** The safety phase ends when all requests are answered, or here. */
  readonly safetyMs: number
  /** The core must converge and serve within this, once healed. */
  readonly livenessMs: number
}

const REPLICAS = [1, 3, 3, 3, 3, 3, 3, 5, 5, 5, 5, 7] as const

export function optionsOf(seed: number, given: { replicas?: number } = {}): SimOptions {
  const root = new Prng(seed)
  const prng = root.fork('options')
  const drawn = prng.pick(REPLICAS)
  return {
    seed,
    replicas: given.replicas ?? drawn,
    replica: replicaOptions(root.fork('options/replica')),
    tickMs: prng.pick([5, 10, 10, 25]),
    selfDelivery: prng.pick(['at-once', 'at-once', 'at-once', 'later'] as const),
    network: networkOptions(root.fork('options/network')),
    nemesis: nemesisOptions(root.fork('options/nemesis')),
    disk: diskOptions(root.fork('options/disk')),
    clock: clockOptions(root.fork('options/clock')),
    workload: workloadOptions(root.fork('options/workload')),
    safetyMs: prng.int(8_000, 25_000),
    livenessMs: 60_000,
  }
}

function replicaOptions(prng: Prng): ReplicaOptions {
  return {
    ...DEFAULTS,
    pipelineMax: prng.pick([1, 4, 4, 4, 8]),
    appendsInFlightMax: prng.pick([1, 1, 2, 4]),
    batchCommandsMax: prng.pick([1, 3, 8]),
    logTailMax: prng.pick([1, 8, 8, 32]),
    logTailBytesMax: prng.pick([1024, 8192]),
    transferBytesMax: prng.pick([400, 1500, 8192]),
    queueCommandsMax: prng.pick([4, 64]),
    checkpointEvery: prng.int(4, 16),
    checkpointIntervalMs: prng.pick([0, 0, 100]),
    keepLogOperations: prng.pick([4, 16, 32]),
    clientsMax: prng.chance(0.1) ? 3 : 1024,
    suffixBytesMax: prng.pick([0, 0, 400, 4096]),
    pipelineCommandsMin: prng.pick([1, 1, 3, 64]),
  }
}

function networkOptions(prng: Prng): NetworkOptions {
  const on = (): boolean => prng.chance(0.5)
  return {
    delayMinMs: on() ? prng.int(0, 30) : 0,
    delayMeanMs: on() ? prng.int(1, 60) : 2,
    loss: on() ? prng.float() * 0.3 : 0,
    duplicate: on() ? prng.float() * 0.5 : 0,
    reorder: on() ? prng.float() * 0.2 : 0,
    slowLinks: on() ? 0.1 : 0,
    codec: prng.chance(0.25),
    tellPeers: on(),
  }
}

function nemesisOptions(prng: Prng): NemesisOptions {
  const every = (low: number, high: number): number => (prng.chance(0.5) ? prng.int(low, high) : 0)
  return {
    crashEveryMs: every(300, 4000),
    crashAllEveryMs: prng.chance(0.2) ? prng.int(3000, 10_000) : 0,
    downMs: [0, prng.pick([300, 2000, 8000])],
    partitionEveryMs: every(500, 4000),
    partitionMs: [200, prng.pick([1000, 6000])],
    oneWay: prng.pick([0, 0.3, 1]),
    clogEveryMs: every(500, 4000),
    clogMs: [50, 3000],
    pauseEveryMs: every(500, 4000),
    pauseMs: [50, prng.pick([500, 5000])],
    clockJumpEveryMs: every(2000, 8000),
    clockJumpMs: prng.pick([1000, 3_600_000]),
    hangEveryMs: every(2000, 8000),
    hangMs: [200, 4000],
    stepDownEveryMs: prng.chance(0.2) ? prng.int(1000, 8000) : 0,
    resetEveryMs: every(500, 5000),
    wipeEveryMs: prng.chance(0.2) ? prng.int(1000, 8000) : 0,
  }
}

function diskOptions(prng: Prng): DiskOptions {
  return {
    syncMs: prng.pick([
      [0, 1],
      [1, 6],
      [1, 6],
      [5, 40],
    ] as const),
    checkpointSlicesMax: prng.pick([1, 4]),
    keepUnsynced: prng.pick([0, 0.5, 0.9]),
  }
}

function clockOptions(prng: Prng): ClockOptions {
  return {
    skewMs: prng.chance(0.5) ? prng.int(0, 10_000) : 0,
    drift: prng.chance(0.5) ? prng.float() * 0.05 : 0,
  }
}

function workloadOptions(prng: Prng): WorkloadOptions {
  return {
    clients: prng.int(1, 8),
    requests: prng.int(100, 400),
    keys: prng.int(2, 8),
    inFlight: prng.pick([1, 1, 3]),
    thinkMs: prng.pick([0, 5, 40, 150]),
    timeoutMs: prng.pick([150, 400, 1000]),
    reads: prng.pick([0, 0.3, 0.6]),
    twice: prng.chance(0.5) ? 0.2 : 0,
    abandon: prng.chance(0.5) ? 0.1 : 0,
    sessionTtlMs: prng.chance(0.15) ? 2000 : 0,
  }
}

/** Nothing fails: for tests of the simulator itself and for the liveness phase's network. */
export function calmOptions(seed: number, given: { replicas?: number } = {}): SimOptions {
  const wild = optionsOf(seed, given)
  return { ...wild, network: CALM_NETWORK, nemesis: CALM, clock: { skewMs: 0, drift: 0 } }
}

export const CALM_NETWORK: NetworkOptions = {
  delayMinMs: 0,
  delayMeanMs: 2,
  loss: 0,
  duplicate: 0,
  reorder: 0,
  slowLinks: 0,
  codec: false,
  tellPeers: true,
}

const CALM: NemesisOptions = {
  crashEveryMs: 0,
  crashAllEveryMs: 0,
  downMs: [0, 0],
  partitionEveryMs: 0,
  partitionMs: [0, 0],
  oneWay: 0,
  clogEveryMs: 0,
  clogMs: [0, 0],
  pauseEveryMs: 0,
  pauseMs: [0, 0],
  clockJumpEveryMs: 0,
  clockJumpMs: 0,
  hangEveryMs: 0,
  hangMs: [0, 0],
  stepDownEveryMs: 0,
  resetEveryMs: 0,
  wipeEveryMs: 0,
}
