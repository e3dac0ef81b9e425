/** One run, from seed to outcome. What prints, and what ends processes, is scripts/sim.mjs. */
import type { Tier } from './options.ts'
import { type Outcome, Simulator, type Tracing } from './simulator.ts'
import { optionsOf } from './swarm.ts'

export { useSha256 } from '../base/hash.ts'
export { addCoverage, emptyCoverage, mergeCoverage, namesOf, tooLittle } from './coverage.ts'
export { optionsOf } from './swarm.ts'

export interface Run {
  readonly replicas?: number
  readonly tier?: Tier
  readonly untilMs?: number
  readonly tracing?: Tracing
}

export function simulate(seed: number, run: Run = {}): Outcome {
  return new Simulator(optionsOf(seed, run), run.tracing, run.untilMs).run()
}
