/** What a run tried. A set of runs that tried too little proves nothing, and fails. */
export interface Coverage {
  events: number
  commits: number
  /** Views that started. */
  views: number
  crashes: number
  writesLost: number
  partitions: number
  pauses: number
  wipes: number
  dropped: number
  transfers: number
  checkpoints: number
  installs: number
  replies: number
  reads: number
  /** Requests answered without being executed again. */
  repeats: number
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
    dropped: 0,
    transfers: 0,
    checkpoints: 0,
    installs: 0,
    replies: 0,
    reads: 0,
    repeats: 0,
  }
}

export function addCoverage(total: Coverage, one: Coverage): void {
  for (const name of namesOf(total)) total[name] += one[name]
}

export function namesOf(coverage: Coverage): (keyof Coverage)[] {
  return Object.keys(coverage) as (keyof Coverage)[]
}

/** Fewest per seed, on average, over a set of seeds. */
const LEAST: Partial<Coverage> = {
  commits: 40,
  views: 2,
  crashes: 1,
  writesLost: 0.2,
  partitions: 0.5,
  pauses: 0.3,
  dropped: 50,
  transfers: 1,
  checkpoints: 5,
  installs: 0.1,
  replies: 60,
  reads: 5,
  repeats: 0.3,
}

/** Sets smaller than this are too small to judge. */
export const JUDGED_SEEDS_MIN = 50

/** Names of what was tried too little; empty: the set is good. */
export function tooLittle(total: Coverage, seeds: number): string[] {
  if (seeds < JUDGED_SEEDS_MIN) return []
  const missing: string[] = []
  for (const name of namesOf(total)) {
    const least = (LEAST[name] ?? 0) * seeds
    if (total[name] < least) missing.push(`${name} ${total[name]}, at least ${Math.ceil(least)}`)
  }
  return missing
}
