/** One run, from seed to outcome. What prints, and what ends processes, is scripts/sim.mjs. */

import { toHex } from '../base/bytes.ts'
import { sha256Plain } from '../base/hash.ts'
import type { Outcome, Tracing } from './outcome.ts'
import { type Overrides, optionsWith } from './overrides.ts'
import type { Recording } from './recorder.ts'
import { Simulator } from './simulator.ts'

export { useSha256 } from '../base/hash.ts'
export { addCoverage, emptyCoverage, mergeCoverage, namesOf, tooLittle } from './coverage.ts'
export { play } from './interaction.ts'
export { minimise, minimising, signatureOf } from './minimise.ts'
export { optionsWith, toWords } from './overrides.ts'
export { optionsOf } from './swarm.ts'
export { timelineHeader } from './timeline.ts'

export interface Run extends Overrides, Recording {
  readonly tracing?: Tracing | undefined
}

export function simulate(seed: number, run: Run = {}): Outcome {
  return new Simulator(optionsWith(seed, run), run.tracing, run).run()
}

/** SHA-256 as the simulator computes it where no host gives a faster one. */
export const sha256Hex = (bytes: Uint8Array): string => toHex(sha256Plain(bytes))
