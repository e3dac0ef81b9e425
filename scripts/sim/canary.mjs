/**
 * The canary: a seed with a planted bug. It passes only if the run fails, by the property that is named,
 * and is told as any failure is: proof that a failure would be seen.
 */
import { loadSimulator } from '../bundle-sim.mjs'
import { patchesOf } from '../mutants/table.mjs'
import { lineOf, tellFailure } from './failure.mjs'

export const CANARY = { mutant: 'commit-quorum-too-small', property: 'durable-on-quorum' }
const SEEDS_MAX = 20

/** Gives the exit code: 0 only if the bug was caught. */
export async function canary() {
  const { mutant, property } = CANARY
  const simulator = await loadSimulator(patchesOf(mutant))
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    const outcome = simulator.simulate(seed)
    if (outcome.failure === undefined) continue
    const run = { seed, mutant, overrides: {} }
    const code = await tellFailure(simulator, run, outcome, true)
    const isCaught = code === 129 && outcome.failure.property === property
    console.log(
      isCaught
        ? `canary: ${mutant} was caught by ${property}, as it must be (${lineOf(simulator, run)})`
        : `canary: ${mutant} was caught by ${outcome.failure.property}, not by ${property}`,
    )
    return isCaught ? 0 : 1
  }
  console.log(`canary: ${mutant} was not caught in ${SEEDS_MAX} seeds: failures are not seen`)
  return 1
}
