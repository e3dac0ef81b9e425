/**
 * The simulator from the command line:
 *
 *   npm run sim -- --seed N [--log short|full|columns] [overrides]
 *   npm run sim -- --seeds N [--from M]          N seeds from M on (default 1)
 *   npm run sim -- --seeds N --from-commit       half of them so, half fresh: where those begin, the commit's hash says
 *   npm run sim -- --minutes M [--from M]        as many seeds as fit
 *   npm run sim -- --seed N --minimise           a failing run, made smaller within 60 s; a failing set of
 *                                                seeds does so by itself, but for --no-minimise
 *   npm run sim -- --corpus                      runs that failed once (test/sim/corpus.jsonl)
 *   npm run sim -- --kept N                      the run of its line N, as --seed
 *   npm run sim -- --corpus --derive N           drops what is stale, looks for N runs of each bug in it
 *                                                (and of --mutant NAME)
 *   npm run sim -- --canary                      a planted bug: passes if it is caught, and told
 *   … --lite | --full                            some 10 000 events a seed (default) | five virtual minutes
 *   … --jobs N                                   N processes share the seeds (default 1)
 *   … --coverage                                 which kinds of fault were on, and in how many seeds they happened
 *   … --check-determinism                        every seed twice: the digests must agree
 *   … --storage                                  the real storage code under it, on disks in memory (src/testing/storage)
 *   … --storage-of N                             under one seed of N
 *   … --mutant NAME                              with a known bug put back (scripts/mutants/)
 *
 * Overrides, as the minimiser prints them (src/sim/overrides.ts):
 *
 *   --replicas N --clients N --requests N --safety-ms T --until-ms T --luck N
 *   --without KIND,… --faults NAME,…|none
 *
 * Exit code: 0 passed · 127 a replica stopped itself · 128 no liveness · 129 a property does not hold ·
 * 1 a set of seeds tried too little, a digest differs, or the canary was not caught · 2 usage.
 */
import { execFileSync } from 'node:child_process'
import { loadSimulator, loadWithStorage } from './bundle-sim.mjs'
import { patchesOf } from './mutants/table.mjs'
import { canary } from './sim/canary.mjs'
import { deriveCorpus, readCorpus, replayCorpus } from './sim/corpus.mjs'
import { tellFailure } from './sim/failure.mjs'
import { parseWords, usage } from './sim/words.mjs'
import { runSeeds, runSeedsIn, simulateWith } from './sim-seeds.mjs'

/** Above all that anybody runs by hand. */
const FRESH_FROM = 1_000_000

const words = parseWords(process.argv.slice(2))
if (words.kept !== undefined) takeKept(words.kept)
const load = words.storageEvery > 0 ? loadWithStorage : loadSimulator
const simulator = await load(words.mutant === undefined ? [] : mutate(words.mutant))
process.exitCode = await main()

function main() {
  if (words.isCanary) return canary()
  if (words.derive !== undefined)
    return deriveCorpus(words.derive, words.seeds ?? 400, words.mutant)
  if (words.isCorpus) return replayCorpus(simulator)
  return words.seed === undefined ? manySeeds() : oneSeed(words.seed)
}

function takeKept(line) {
  const kept = readCorpus()[line - 1] ?? usage(`--kept ${line} is no line of the corpus`)
  words.seed = kept.seed
  words.overrides = { kept: kept.options, ...words.overrides }
}

function mutate(name) {
  return patchesOf(name) ?? usage(`--mutant ${name} is not known; scripts/mutants/ lists them`)
}

async function run(seed, tracing) {
  try {
    return await simulateWith(simulator, words.storageEvery, seed, { ...words.overrides, tracing })
  } catch (error) {
    return usage(error.message)
  }
}

function tell(seed, outcome, isMinimised) {
  const { overrides, mutant } = words
  const isStorage = outcome.failure.isStorage === true
  const run = { seed, line: words.kept, overrides, mutant, isStorage }
  return tellFailure(simulator, run, outcome, isMinimised)
}

async function oneSeed(seed) {
  const tracing = words.log && { level: words.log, line: line => console.log(line) }
  const outcome = await run(seed, tracing)
  if (outcome.failure) return tell(seed, outcome, words.isMinimised === true)
  console.log(JSON.stringify(simulator.optionsWith(seed, words.overrides)))
  const how = outcome.stuck ? `got stuck, as it may: ${outcome.stuck}` : 'passed'
  console.log(summary(`seed ${seed} ${how}`, outcome.coverage, outcome.virtualMs, outcome.digest))
  return words.isTwice && (await run(seed)).digest !== outcome.digest ? differs(seed) : 0
}

async function manySeeds() {
  const { minutes, jobs, mutant } = words
  if (jobs > 1 && mutant !== undefined) usage('--mutant runs in one process: no --jobs')
  const tier = words.overrides.tier ?? 'lite'
  const started = performance.now()
  const plan = {
    ranges: words.isFromCommit ? halfFresh(words) : [rangeOf(words)],
    place: 0,
    step: 1,
    untilMs: minutes === undefined ? Number.MAX_SAFE_INTEGER : Date.now() + minutes * 60_000,
    run: words.overrides,
    twice: words.isTwice,
    storageEvery: words.storageEvery,
  }
  const result = await (jobs > 1 ? runSeedsIn(jobs, simulator, plan) : runSeeds(simulator, plan))
  if (result.differs !== undefined) return differs(result.differs)
  if (result.failed !== undefined) {
    if (jobs === 1) console.log(`${result.seeds} passed, seed ${result.failed} failed`)
    return tell(result.failed, await run(result.failed), words.isMinimised !== false)
  }
  const { total, virtualMs } = result
  const seconds = (performance.now() - started) / 1000
  const rate = `${Math.round(total.events / seconds)} events/s`
  const what = `${result.seeds} ${tier} seeds passed in ${seconds.toFixed(1)} s (${rate})`
  console.log(summary(what, total, virtualMs))
  for (const line of result.stuck) console.log(`stuck, as it may be: ${line}`)
  if (words.isCoverageTold) printKinds(total)
  if (words.storageEvery > 0) console.log(`storage: ${told(result.storage)}`)
  const missing = [
    ...simulator.tooLittle(total, result.seeds, tier),
    ...(words.storageEvery > 0 ? simulator.tooLittleStorage(result.storage) : []),
  ]
  if (missing.length === 0) return 0
  console.log(`but they tried too little: ${missing.join('; ')}`)
  return 1
}

function rangeOf({ from, seeds, minutes }) {
  const count = seeds ?? (minutes === undefined ? 200 : Number.MAX_SAFE_INTEGER)
  return { from, count }
}

/** The same commit has the same seeds, on any machine; another one has others. */
function halfFresh({ from, seeds }) {
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim()
  const fresh = { from: FRESH_FROM + Number.parseInt(commit.slice(0, 8), 16), count: seeds >> 1 }
  const fixed = { from, count: seeds - fresh.count }
  const names = [fixed, fresh].map(range => `${range.from} to ${range.from + range.count - 1}`)
  console.log(`seeds ${names.join(', and ')}, by commit ${commit.slice(0, 12)}`)
  return [fixed, fresh]
}

function told(tally) {
  const counts = Object.entries(tally).map(([name, count]) => `${name} ${count}`)
  return counts.join(', ')
}

function printKinds({ kinds }) {
  const names = [...kinds.keys()].sort()
  const width = Math.max(...names.map(name => name.length))
  for (const name of names) {
    const { on, fired } = kinds.get(name)
    const share = on === 0 ? '' : `${Math.round((100 * fired) / on)} %`
    console.log(`${name.padEnd(width)}  on in ${on}, happened in ${fired}  ${share}`)
  }
}

function differs(seed) {
  console.log(`seed ${seed} is not deterministic: its digest differs the second time`)
  return 1
}

function summary(what, coverage, virtualMs, digest) {
  const counts = simulator.namesOf(coverage).map(name => `${name} ${coverage[name]}`)
  const seconds = Math.round(virtualMs / 1000)
  return `${what}; ${seconds} virtual s; ${counts.join(', ')}${digest ? `; digest ${digest}` : ''}`
}
