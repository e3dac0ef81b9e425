/** One run, from seed to outcome. What prints, and what ends processes, is scripts/sim.mjs. */
import { optionsOf } from './options.ts'
import { type Outcome, Simulator, type Tracing } from './simulator.ts'

export { useSha256 } from '../base/hash.ts'
export { addCoverage, emptyCoverage, namesOf, tooLittle } from './coverage.ts'
export { optionsOf } from './options.ts'

export interface Run {
  readonly replicas?: number
  readonly untilMs?: number
  readonly tracing?: Tracing
}

export function simulate(seed: number, run: Run = {}): Outcome {
  const given = run.replicas === undefined ? {} : { replicas: run.replicas }
  return new Simulator(optionsOf(seed, given), run.tracing, run.untilMs).run()
}
