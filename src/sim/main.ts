/** One run, from seed to outcome. What prints, and what ends processes, is scripts/sim.mjs. */

import { toHex } from '../base/bytes.ts'
import { sha256Plain } from '../base/hash.ts'
import type { Tier } from './options.ts'
import { type Outcome, Simulator, type Tracing } from './simulator.ts'
import { optionsOf } from './swarm.ts'

export { useSha256 } from '../base/hash.ts'
export { addCoverage, emptyCoverage, mergeCoverage, namesOf, tooLittle } from './coverage.ts'
export { play } from './interaction.ts'
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

/** SHA-256 as the simulator computes it where no host gives a faster one. */
export const sha256Hex = (bytes: Uint8Array): string => toHex(sha256Plain(bytes))
