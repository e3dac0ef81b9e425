/** What a run tried. A set of runs that tried too little proves nothing, and fails. */
export interface Counts {
  events: number
  commits: number
  /** Views that started. */
  views: number
  crashes: number
  writesLost: number
  partitions: number
  pauses: number
  wipes: number
  /** Processes on data that is not theirs, told so by a peer. */
  fences: number
  dropped: number
  transfers: number
  checkpoints: number
  installs: number
  /** Cold records whose texts were fetched. */
  texts: number
  replies: number
  reads: number
  /** Requests answered without being executed again. */
  repeats: number
}

export interface Coverage extends Counts {
  /** Kind of fault → how often it happened in this run; in a sum, in how many runs it was on and happened. */
  readonly kinds: Map<string, { on: number; fired: number }>
  /** Runs, of those: with a view change, with 90 commits or more, and those that got stuck and may. */
  runs: { all: number; viewChange: number; committed: number; stuck: number }
}

export function emptyCoverage(): Coverage {
  return {
    events: 0,
    commits: 0,
    views: 0,
    crashes: 0,
    writesLost: 0,
    partitions: 0,
    pauses: 0,
    wipes: 0,
    fences: 0,
    dropped: 0,
    transfers: 0,
    checkpoints: 0,
    installs: 0,
    texts: 0,
    replies: 0,
    reads: 0,
    repeats: 0,
    kinds: new Map(),
    runs: { all: 0, viewChange: 0, committed: 0, stuck: 0 },
  }
}

/** A fault happened. */
export function fire(coverage: Coverage, kind: string): void {
  const known = coverage.kinds.get(kind)
  if (known) known.fired++
  else coverage.kinds.set(kind, { on: 0, fired: 1 })
}

export function addCoverage(total: Coverage, one: Coverage): void {
  for (const name of namesOf(total)) total[name] += one[name]
  for (const [kind, { on, fired }] of one.kinds) {
    const sum = total.kinds.get(kind) ?? { on: 0, fired: 0 }
    total.kinds.set(kind, sum)
    sum.on += on
    sum.fired += on > 0 && fired > 0 ? 1 : 0
  }
  for (const name of ['all', 'viewChange', 'committed', 'stuck'] as const) {
    total.runs[name] += one.runs[name]
  }
}

/** Adds up what was added up already: of another worker. */
export function mergeCoverage(total: Coverage, other: Coverage): void {
  for (const name of namesOf(total)) total[name] += other[name]
  for (const [kind, { on, fired }] of other.kinds) {
    const sum = total.kinds.get(kind) ?? { on: 0, fired: 0 }
    total.kinds.set(kind, { on: sum.on + on, fired: sum.fired + fired })
  }
  for (const name of ['all', 'viewChange', 'committed', 'stuck'] as const) {
    total.runs[name] += other.runs[name]
  }
}

export function namesOf(coverage: Coverage): (keyof Counts)[] {
  return Object.keys(coverage).filter(
    (name): name is keyof Counts => name !== 'kinds' && name !== 'runs',
  )
}

/** Fewest per seed, on average, over a set of seeds. */
const LEAST: Partial<Counts> = {
  commits: 40,
  views: 2,
  crashes: 1,
  writesLost: 0.2,
  partitions: 0.5,
  pauses: 0.3,
  fences: 0.02,
  dropped: 50,
  transfers: 1,
  checkpoints: 5,
  installs: 0.1,
  texts: 0.1,
  replies: 60,
  reads: 5,
  repeats: 0.3,
}

/** Sets smaller than this are too small to judge. */
export const JUDGED_SEEDS_MIN = 50
/** Shares of the seeds: of those that had a kind on, in so many it happened. */
const FIRED_MIN = 0.2
const VIEW_CHANGE_MIN = 0.6
const COMMITTED_MIN = 0.95
export const COMMITTED = 90

/** Names of what was tried too little; empty: the set is good. */
export function tooLittle(
  total: Coverage,
  seeds: number,
  tier: 'lite' | 'full' = 'lite',
): string[] {
  if (seeds < JUDGED_SEEDS_MIN) return []
  const missing: string[] = []
  const atLeast = (what: string, is: number, least: number): void => {
    if (is < least) missing.push(`${what} ${is}, at least ${Math.ceil(least)}`)
  }
  for (const name of namesOf(total)) atLeast(name, total[name], (LEAST[name] ?? 0) * seeds)
  for (const [kind, { on, fired }] of total.kinds) {
    atLeast(`seeds in which ${kind} happened`, fired, leastOf(on, FIRED_MIN))
  }
  const { all, viewChange, committed } = total.runs
  atLeast('seeds with a view change', viewChange, leastOf(all, VIEW_CHANGE_MIN))
  if (tier === 'full') {
    atLeast(`seeds with ${COMMITTED} requests committed`, committed, leastOf(all, COMMITTED_MIN))
  }
  return missing
}

/** So few that it cannot be bad luck: three standard deviations below this share. Fresh seeds come with every commit. */
function leastOf(seeds: number, share: number): number {
  return seeds * share - 3 * Math.sqrt(seeds * share * (1 - share))
}
