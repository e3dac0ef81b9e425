/** What the storage code was put through in a set of runs; one that tried too little says nothing. */

export interface StorageTally {
  runs: number
  starts: number
  commits: number
  /** The process ended inside of a commit, an opening, a founding or a setting aside. */
  commitsCut: number
  openingsCut: number
  powerCuts: number
  closed: number
  reads: number
  hurts: number
  repairs: number
  setAsides: number
  putBack: number
}

export const emptyStorageTally = (): StorageTally => ({
  runs: 0,
  starts: 0,
  commits: 0,
  commitsCut: 0,
  openingsCut: 0,
  powerCuts: 0,
  closed: 0,
  reads: 0,
  hurts: 0,
  repairs: 0,
  setAsides: 0,
  putBack: 0,
})

export function addStorageTally(total: StorageTally, more: StorageTally): void {
  for (const name of Object.keys(total) as (keyof StorageTally)[]) total[name] += more[name]
}

/** Runs from which on all of it must have happened. */
const RUNS_MIN = 100

export function tooLittleStorage(total: StorageTally): string[] {
  if (total.runs < RUNS_MIN) return []
  const none = Object.entries(total).filter(([, count]) => count === 0)
  return none.map(([name]) => `no ${name} of a store in ${total.runs} runs`)
}
