/**
 * The corpus: runs that failed once, each with the bug that they failed with and with all of its options, so that
 * it stays the run that it was when what seeds mean changes (docs/decisions/0014). On sound code each must pass.
 * (`storage`: with the real storage code under it.) With its bug put back each should fail; one that does not any longer is stale: it still is a run like any other.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { loadSimulator, loadWithStorage } from '../bundle-sim.mjs'
import { MUTANTS, patchesOf } from '../mutants/table.mjs'
import { tellFailure } from './failure.mjs'

const FILE = 'test/sim/corpus.jsonl'
const LINES_MAX = 500

export function readCorpus() {
  if (!existsSync(FILE)) return []
  const lines = readFileSync(FILE, 'utf8').trim().split('\n')
  if (lines.length > LINES_MAX) throw new Error(`${FILE} has more than ${LINES_MAX} lines`)
  return lines.map(line => JSON.parse(line))
}

/** Gives the exit code. */
export async function replayCorpus(simulator) {
  const corpus = readCorpus()
  const stored = await loadWithStorage()
  for (const [i, { seed, options, mutant, property, storage = false }] of corpus.entries()) {
    const overrides = { kept: options }
    const outcome = await runIn(storage ? stored : simulator, { seed, options, storage })
    if (outcome.failure === undefined) continue
    console.log(`run ${i + 1} of the corpus (once ${mutant}: ${property}) fails`)
    const isStorage = outcome.failure.isStorage === true
    return tellFailure(stored, { seed, line: i + 1, overrides, isStorage }, outcome, true)
  }
  const stale = await staleOf(corpus)
  for (const { seed, mutant } of stale)
    console.log(`stale: seed ${seed} does not catch ${mutant} any longer`)
  console.log(
    `${corpus.length} runs of the corpus passed; ${corpus.length - stale.length} catch their bug, ${stale.length} are stale`,
  )
  return 0
}

async function staleOf(corpus) {
  const stale = []
  for (const mutant of new Set(corpus.map(run => run.mutant))) {
    const simulator = await simulatorOf(mutant)
    for (const run of corpus.filter(each => each.mutant === mutant)) {
      const { failure } = await runIn(simulator, run)
      if (failure?.property !== run.property) stale.push(run)
    }
  }
  return stale
}

const isOfStorage = name => MUTANTS.find(mutant => mutant.name === name)?.storage === true

const simulatorOf = mutant =>
  isOfStorage(mutant) ? loadWithStorage(patchesOf(mutant)) : loadSimulator(patchesOf(mutant))

const runIn = async (simulator, { seed, options, storage }) =>
  storage
    ? simulator.simulateWithStorage(seed, { kept: options })
    : simulator.simulate(seed, { kept: options })

/**
 * Looks for runs anew: of each bug in it, and of `another`, the first `each` seeds that catch it; those that still
 * catch it stay.
 */
export async function deriveCorpus(each, seedsMax, another) {
  const before = readCorpus()
  const stale = new Set(await staleOf(before))
  const kept = before.filter(run => !stale.has(run))
  const mutants = [...before.map(run => run.mutant), ...(another === undefined ? [] : [another])]
  for (const mutant of new Set(mutants)) {
    const simulator = await simulatorOf(mutant)
    const storage = isOfStorage(mutant)
    let found = kept.filter(run => run.mutant === mutant).length
    for (let seed = 1; seed <= seedsMax && found < each; seed++) {
      const options = simulator.optionsOf(seed)
      const { failure } = await runIn(simulator, { seed, options, storage })
      if (failure === undefined || failure.property === 'crash') continue
      if (kept.some(run => run.mutant === mutant && run.seed === seed)) continue
      const { property } = failure
      kept.push({ seed, mutant, property, options, ...(storage && { storage }) })
      found++
    }
    console.log(`${mutant}: ${found}`)
    // Each time: a search that is ended leaves what it found.
    writeCorpus(kept)
  }
  return 0
}

function writeCorpus(runs) {
  const lines = runs.slice(0, LINES_MAX).map(run => `${JSON.stringify(run)}\n`)
  writeFileSync(FILE, lines.join(''))
}
