/**
 * The simulator from the command line:
 *
 *   npm run sim -- --seed N [--log short|full] [--until-ms T] [--replicas N] [--full]
 *   npm run sim -- --seeds N [--from M]          N seeds from M on (default 1)
 *   npm run sim -- --minutes M [--from M]        as many seeds as fit
 *   … --lite | --full                            some 10 000 events a seed (default) | five virtual minutes
 *   … --jobs N                                   N processes share the seeds (default 1)
 *   … --check-determinism                        every seed twice: the digests must agree
 *   … --coverage                                 which kinds of fault were on, and in how many seeds they happened
 *
 * Exit code: 0 passed · 127 a replica stopped itself · 128 no liveness · 129 a property does not hold ·
 * 1 a set of seeds tried too little, or a digest differs · 2 usage.
 */
import { parseArgs } from 'node:util'
import { loadSimulator } from './bundle-sim.mjs'
import { runSeeds, runSeedsIn } from './sim-seeds.mjs'

const EXIT = { invariant: 127, liveness: 128, property: 129 }
const TAIL = 60

const options = parse()
const simulator = await loadSimulator()
process.exitCode = options.seed === undefined ? await manySeeds() : oneSeed(options.seed)

function parse() {
  const number = { type: 'string' }
  const flag = { type: 'boolean' }
  try {
    const { values } = parseArgs({
      options: {
        seed: number,
        seeds: number,
        from: number,
        minutes: number,
        replicas: number,
        jobs: number,
        'until-ms': number,
        log: { type: 'string' },
        lite: flag,
        full: flag,
        coverage: flag,
        'check-determinism': flag,
      },
    })
    for (const [name, value] of Object.entries(values)) {
      if (name === 'log' && value !== 'short' && value !== 'full') usage('--log is short or full')
      if (name !== 'log' && typeof value === 'string' && !(Number(value) >= 0)) {
        usage(`--${name} ${value} is not a number`)
      }
    }
    if (values.lite && values.full) usage('--lite or --full, not both')
    const numberOf = name => (values[name] === undefined ? undefined : Number(values[name]))
    return {
      seed: numberOf('seed'),
      seeds: numberOf('seeds'),
      from: numberOf('from') ?? 1,
      minutes: numberOf('minutes'),
      replicas: numberOf('replicas'),
      jobs: numberOf('jobs') ?? 1,
      untilMs: numberOf('until-ms'),
      tier: values.full ? 'full' : 'lite',
      log: values.log,
      coverage: values.coverage === true,
      twice: values['check-determinism'] === true,
    }
  } catch (error) {
    return usage(error.message)
  }
}

function usage(why) {
  console.error(
    `${why}\nusage: npm run sim -- --seed N | --seeds N | --minutes M (see scripts/sim.mjs)`,
  )
  process.exit(2)
}

/** What a run is told besides its seed; plain data. */
function runOptions() {
  const { replicas, untilMs, tier } = options
  return {
    tier,
    ...(replicas === undefined ? {} : { replicas }),
    ...(untilMs === undefined ? {} : { untilMs }),
  }
}

function run(seed, tracing) {
  return simulator.simulate(seed, {
    ...runOptions(),
    ...(tracing === undefined ? {} : { tracing }),
  })
}

function oneSeed(seed) {
  console.log(JSON.stringify(simulator.optionsOf(seed, runOptions())))
  const tracing = options.log && { level: options.log, line: line => console.log(line) }
  const outcome = run(seed, tracing)
  if (outcome.failure) return report(seed, outcome, options.log === undefined)
  const how = outcome.stuck ? `got stuck, as it may: ${outcome.stuck}` : 'passed'
  console.log(summary(`seed ${seed} ${how}`, outcome.coverage, outcome.virtualMs, outcome.digest))
  if (!options.twice) return 0
  return run(seed).digest === outcome.digest ? 0 : differs(seed)
}

async function manySeeds() {
  const { from, seeds, minutes, jobs, tier, twice } = options
  const started = performance.now()
  const plan = {
    first: from,
    step: 1,
    count: seeds ?? (minutes === undefined ? 200 : Number.MAX_SAFE_INTEGER),
    untilMs: minutes === undefined ? Number.MAX_SAFE_INTEGER : Date.now() + minutes * 60_000,
    run: runOptions(),
    twice,
  }
  const result = await (jobs > 1 ? runSeedsIn(jobs, simulator, plan) : runSeeds(simulator, plan))
  if (result.differs !== undefined) return differs(result.differs)
  if (result.failed !== undefined) {
    if (jobs === 1) console.log(`${result.seeds} passed, 1 failed`)
    return report(result.failed, run(result.failed), true)
  }
  const { total, virtualMs } = result
  const seconds = (performance.now() - started) / 1000
  const rate = `${Math.round(total.events / seconds)} events/s`
  const what = `${result.seeds} ${tier} seeds passed in ${seconds.toFixed(1)} s (${rate})`
  console.log(summary(what, total, virtualMs))
  for (const line of result.stuck) console.log(`stuck, as it may be: ${line}`)
  if (options.coverage) printKinds(total)
  const missing = simulator.tooLittle(total, result.seeds, tier)
  if (missing.length === 0) return 0
  console.log(`but they tried too little: ${missing.join('; ')}`)
  return 1
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

/** Runs the seed again and keeps the last lines; ends with the one line that reproduces it. */
function report(seed, { failure }, withTail) {
  if (withTail) {
    const tail = []
    const line = text => {
      tail.push(text)
      if (tail.length > TAIL) tail.shift()
    }
    run(seed, { level: 'full', line })
    console.log(tail.join('\n'))
  }
  console.log(`\n${failure.kind} · ${failure.message}`)
  const replicas = options.replicas === undefined ? '' : ` --replicas ${options.replicas}`
  const tier = options.tier === 'full' ? ' --full' : ''
  console.log(
    `REPRODUCE: npm run sim -- --seed ${seed}${tier} --until-ms ${failure.atMs}${replicas}`,
  )
  return EXIT[failure.kind]
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
