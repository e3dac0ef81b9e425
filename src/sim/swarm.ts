/**
 * One seed → everything a run does. Swarm testing: in each seed every kind of fault is on with its own
 * probability, mostly ½, so that rare ones are not drowned by common ones. Ranges are those of
 * docs/simulator.md; limits are tiny, so that every edge is met within seconds of virtual time.
 */
import { Prng } from '../base/prng.ts'
import { DEFAULTS, type ReplicaOptions } from '../vr/options.ts'
import { feedsOptions } from './feed/draw.ts'
import { FAULTS, type FaultKind } from './nemesis.ts'
import {
  CALM_NETWORK,
  type ClockOptions,
  type DiskOptions,
  type NemesisOptions,
  type NetworkOptions,
  OFF,
  type Range,
  type SimOptions,
  type Tier,
  type Timing,
  type WorkloadOptions,
} from './options.ts'

/** 1, 3, 5 and 7 replicas in the proportion 1 : 6 : 4 : 1. */
const REPLICAS = [1, 3, 3, 3, 3, 3, 3, 5, 5, 5, 5, 7] as const

/** Share of the runs that have a standby. */
const STANDBY = 0.25

/** Where there are feeds somebody reads them. */
const FEED_READS = 0.3

export interface Given {
  readonly replicas?: number
  readonly tier?: Tier
}

export function optionsOf(seed: number, given: Given = {}): SimOptions {
  const root = new Prng(seed)
  const prng = root.fork('options')
  const drawn = prng.pick(REPLICAS)
  const tier = given.tier ?? 'lite'
  const { replica, buggify } = replicaOptions(root.fork('options/replica'))
  const { pages, checkpointColdBytes } = pageOptions(root.fork('options/pages'))
  const feeds = feedsOptions(root.fork('feeds'))
  const workload = workloadOptions(root.fork('options/workload'), tier)
  return {
    seed,
    tier,
    replicas: given.replicas ?? drawn,
    standby: root.fork('options/standby').chance(STANDBY),
    replica: { ...replica, checkpointColdBytes },
    pages,
    feeds,
    buggify,
    tickMs: prng.pick([5, 10, 10, 25]),
    selfDelivery: prng.pick(['at-once', 'at-once', 'at-once', 'later'] as const),
    executeMs: root.fork('options/execute').pick([0, 0, 1, 10]),
    network: networkOptions(root.fork('options/network')),
    nemesis: nemesisOptions(root.fork('options/nemesis'), tier),
    disk: diskOptions(root.fork('options/disk')),
    clock: clockOptions(root.fork('options/clock')),
    workload: feeds ? { ...workload, reads: Math.max(workload.reads, FEED_READS) } : workload,
    permanent: { cuts: [], down: [] },
    safetyMs: tier === 'full' ? 300_000 : prng.int(8_000, 25_000),
    livenessMs: 60_000,
  }
}

/** Limits that BUGGIFY sets to what is hardest: each is chosen in a quarter of the seeds, then used in a quarter. */
const HARDEST: Partial<ReplicaOptions> = {
  pipelineMax: 1,
  batchCommandsMax: 1,
  logTailMax: 1,
  transferBytesMax: 1,
  checkpointEvery: 1,
  keepLogOperations: 1,
  queueCommandsMax: 1,
  suffixBytesMax: 0,
}

function replicaOptions(prng: Prng): { replica: ReplicaOptions; buggify: string[] } {
  const drawn: ReplicaOptions = {
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
  const bugs = prng.fork('buggify')
  const buggify = Object.keys(HARDEST).filter(() => bugs.chance(0.25) && bugs.chance(0.25))
  const hardest = Object.fromEntries(
    Object.entries(HARDEST).filter(([name]) => buggify.includes(name)),
  )
  return { replica: { ...drawn, ...hardest }, buggify }
}

function pageOptions(prng: Prng): Pick<SimOptions, 'pages'> & { checkpointColdBytes: number } {
  const pages = { lines: prng.int(1, 6), kept: prng.pick([1, 4, 16, 64]) }
  const checkpointColdBytes = prng.pick([100, 400, DEFAULTS.checkpointColdBytes])
  return { pages: prng.chance(0.4) ? pages : undefined, checkpointColdBytes }
}

function networkOptions(prng: Prng): NetworkOptions {
  const on = (): boolean => prng.chance(0.5)
  const codec = prng.chance(0.25)
  return {
    delayMinMs: on() ? prng.int(0, 30) : 0,
    delayMeanMs: on() ? prng.int(1, 100) : 2,
    loss: on() ? prng.float() * 0.3 : 0,
    duplicate: on() ? prng.float() * 0.5 : 0,
    reorder: on() ? prng.float() * 0.2 : 0,
    slowLinks: on() ? 0.05 + prng.float() * 0.1 : 0,
    tellPeers: on(),
    streamReset: on() ? prng.float() * 0.01 : 0,
    codec,
    corrupt: codec && on() ? prng.float() * 0.01 : 0,
  }
}

/** How probable a kind is, how often it comes when it is on, and how long it lasts. */
interface Draw {
  readonly chance: number
  readonly every: Range
  readonly lasts: Range
}
const draw = (chance: number, every: Range, lasts: Range = [0, 0]): Draw => ({
  chance,
  every,
  lasts,
})

/** Of lite runs; in full ones faults come five times as rarely. */
const DRAWS: Readonly<Record<FaultKind, Draw>> = {
  crash: draw(0.5, [300, 4000], [0, 8000]),
  'crash-all': draw(0.15, [3000, 10_000], [0, 8000]),
  'crash-point': draw(0.4, [300, 4000], [0, 3000]),
  isolate: draw(0.25, [1000, 6000], [200, 8000]),
  'isolate-primary': draw(0.25, [1000, 6000], [200, 8000]),
  halves: draw(0.25, [1000, 6000], [200, 8000]),
  bridge: draw(0.25, [1000, 6000], [200, 8000]),
  ring: draw(0.25, [1000, 6000], [200, 8000]),
  clog: draw(0.5, [500, 4000], [50, 5000]),
  swizzle: draw(0.1, [2000, 8000], [500, 5000]),
  pause: draw(0.5, [500, 4000], [50, 20_000]),
  suspend: draw(0.25, [1000, 6000], [50, 20_000]),
  'clock-jump': draw(0.5, [2000, 8000]),
  'clock-stuck': draw(0.25, [2000, 8000], [500, 10_000]),
  hang: draw(0.5, [2000, 8000], [200, 10_000]),
  'write-error': draw(0.3, [1000, 8000], [0, 5000]),
  'full-disk': draw(0.1, [3000, 10_000], [1000, 10_000]),
  'short-of-space': draw(0.2, [1000, 6000], [200, 5000]),
  rot: draw(0.2, [1000, 8000], [0, 3000]),
  helix: draw(0.25, [1000, 8000], [0, 3000]),
  wipe: draw(0.2, [1000, 8000], [0, 3000]),
  rollback: draw(0.1, [300, 2000], [0, 2000]),
  amnesia: draw(0.1, [1000, 5000], [0, 2000]),
  copy: draw(0.1, [1000, 5000], [0, 2000]),
  'step-down': draw(0.2, [1000, 8000]),
  reset: draw(0.5, [500, 5000]),
  replay: draw(0.5, [200, 3000]),
}
const FULL_IS_RARER = 5

function nemesisOptions(prng: Prng, tier: Tier): NemesisOptions {
  const rarer = tier === 'full' ? FULL_IS_RARER : 1
  const faults = {} as Record<FaultKind, Timing>
  for (const kind of FAULTS) faults[kind] = timingOf(DRAWS[kind], prng.fork(kind), rarer)
  return {
    faults,
    oneWay: prng.pick([0, 0.3, 1]),
    clockJumpMs: prng.pick([1000, 3_600_000]),
    beyondRepair: prng.chance(0.05),
  }
}

function timingOf({ chance, every, lasts }: Draw, prng: Prng, rarer: number): Timing {
  const isOn = prng.chance(chance)
  const everyMs = prng.int(every[0], every[1]) * rarer
  const [low, high] = lasts
  // Short ones in most seeds: long ones leave little time for anything else.
  const longest = prng.pick([low + (high - low) / 10, low + (high - low) / 4, high])
  return { everyMs: isOn ? everyMs : OFF, forMs: [low, Math.round(longest)] }
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
    stall: prng.chance(0.5) ? 0.001 : 0,
  }
}

function clockOptions(prng: Prng): ClockOptions {
  return {
    skewMs: prng.chance(0.5) ? prng.int(0, 10_000) : 0,
    drift: prng.chance(0.5) ? prng.float() * 0.05 : 0,
  }
}

function workloadOptions(prng: Prng, tier: Tier): WorkloadOptions {
  const lite = {
    clients: prng.int(1, 13),
    requests: prng.int(100, 400),
    keys: prng.int(2, 8),
    inFlight: prng.pick([1, 1, 3]),
    thinkMs: prng.pick([0, 5, 40, 150]),
    timeoutMs: prng.pick([150, 400, 1000]),
    reads: prng.pick([0, 0.3, 0.6]),
    twice: prng.chance(0.5) ? 0.2 : 0,
    abandon: prng.chance(0.5) ? 0.1 : 0,
    sessionTtlMs: prng.chance(0.15) ? 2000 : 0,
    overload: prng.chance(0.1),
    stale: prng.chance(0.5) ? 0.3 : 0,
  }
  if (tier === 'lite') return lite
  const thinkMs = prng.pick([300, 1000, 3000])
  return { ...lite, thinkMs, requests: Math.ceil((lite.clients * 300_000) / thinkMs) }
}

/** Nothing fails: for tests of the simulator itself. */
export function calmOptions(seed: number, given: Given = {}): SimOptions {
  const wild = optionsOf(seed, given)
  const disk = { ...wild.disk, stall: 0 }
  const clock = { skewMs: 0, drift: 0 }
  const none = { pages: undefined, feeds: undefined, standby: false }
  return { ...wild, ...none, network: CALM_NETWORK, nemesis: CALM, disk, clock }
}

export const CALM: NemesisOptions = {
  faults: Object.fromEntries(
    FAULTS.map(kind => [kind, { everyMs: OFF, forMs: [0, 0] }]),
  ) as unknown as NemesisOptions['faults'],
  oneWay: 0,
  clockJumpMs: 0,
  beyondRepair: false,
}
