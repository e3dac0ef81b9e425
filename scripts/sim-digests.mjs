/**
 * The digests of some short runs, a line each: test/sim/determinism.test.ts compares those of two processes.
 *
 *   node scripts/sim-digests.mjs FROM COUNT      SIM_HASH=plain: SHA-256 in plain code instead of Node's
 */
import { loadSimulator } from './bundle-sim.mjs'

/** Until here only: the test is about what differs, which shows early and stays. */
const UNTIL_MS = 4000

const [from, count] = process.argv.slice(2).map(Number)
const simulator = await loadSimulator()
if (process.env.SIM_HASH === 'plain') simulator.useSha256(simulator.sha256Hex)
for (let seed = from; seed < from + count; seed++) {
  console.log(`${seed} ${simulator.simulate(seed, { untilMs: UNTIL_MS }).digest}`)
}
