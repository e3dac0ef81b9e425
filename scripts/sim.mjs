/**
 * The simulator from the command line:
 *
 *   npm run sim -- --seed N [--log short|full] [--until-ms T] [--replicas N]
 *   npm run sim -- --seeds N [--from M]          N seeds from M on (default 1)
 *   npm run sim -- --minutes M [--from M]        as many seeds as fit
 *   … --check-determinism                        every seed twice: the digests must agree
 *
 * Exit code: 0 passed · 127 a replica stopped itself · 128 no liveness · 129 a property does not hold ·
 * 1 a set of seeds tried too little, or a digest differs · 2 usage.
 */
import { parseArgs } from 'node:util'
import { loadSimulator } from './bundle-sim.mjs'

const EXIT = { invariant: 127, liveness: 128, property: 129 }
const TAIL = 60

const options = parse()
const simulator = await loadSimulator()
process.exitCode = options.seed === undefined ? manySeeds() : oneSeed(options.seed)

function parse() {
  const number = { type: 'string' }
  try {
    const { values } = parseArgs({
      options: {
        seed: number,
        seeds: number,
        from: number,
        minutes: number,
        replicas: number,
        'until-ms': number,
        log: { type: 'string' },
        'check-determinism': { type: 'boolean' },
      },
    })
    for (const [name, value] of Object.entries(values)) {
      if (name === 'log' && value !== 'short' && value !== 'full') usage('--log is short or full')
      if (name !== 'log' && typeof value === 'string' && !(Number(value) >= 0)) {
        usage(`--${name} ${value} is not a number`)
      }
    }
    const numberOf = name => (values[name] === undefined ? undefined : Number(values[name]))
    return {
      seed: numberOf('seed'),
      seeds: numberOf('seeds'),
      from: numberOf('from') ?? 1,
      minutes: numberOf('minutes'),
      replicas: numberOf('replicas'),
      untilMs: numberOf('until-ms'),
      log: values.log,
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

function run(seed, tracing) {
  const { replicas, untilMs } = options
  return simulator.simulate(seed, {
    ...(replicas === undefined ? {} : { replicas }),
    ...(untilMs === undefined ? {} : { untilMs }),
    ...(tracing === undefined ? {} : { tracing }),
  })
}

function oneSeed(seed) {
  console.log(
    JSON.stringify(
      simulator.optionsOf(
        seed,
        options.replicas === undefined ? {} : { replicas: options.replicas },
      ),
    ),
  )
  const tracing = options.log && { level: options.log, line: line => console.log(line) }
  const outcome = run(seed, tracing)
  if (outcome.failure) return report(seed, outcome, options.log === undefined)
  console.log(summary(`seed ${seed} passed`, outcome.coverage, outcome.virtualMs, outcome.digest))
  return options.twice ? compare(seed, outcome) : 0
}

function manySeeds() {
  const total = simulator.emptyCoverage()
  const started = performance.now()
  const over = () =>
    options.minutes !== undefined && performance.now() - started > options.minutes * 60_000
  const most = options.seeds ?? (options.minutes === undefined ? 200 : Number.POSITIVE_INFINITY)
  let virtualMs = 0
  let seeds = 0
  for (; seeds < most && !over(); seeds++) {
    const seed = options.from + seeds
    const outcome = run(seed)
    if (outcome.failure) {
      console.log(`${seeds} passed, 1 failed`)
      return report(seed, outcome, true)
    }
    if (options.twice) {
      const code = compare(seed, outcome)
      if (code !== 0) return code
    }
    simulator.addCoverage(total, outcome.coverage)
    virtualMs += outcome.virtualMs
  }
  const seconds = (performance.now() - started) / 1000
  const rate = `${Math.round(total.events / seconds)} events/s`
  console.log(
    summary(`${seeds} seeds passed in ${seconds.toFixed(1)} s (${rate})`, total, virtualMs),
  )
  const missing = simulator.tooLittle(total, seeds)
  if (missing.length === 0) return 0
  console.log(`but they tried too little: ${missing.join('; ')}`)
  return 1
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
  console.log(`REPRODUCE: npm run sim -- --seed ${seed} --until-ms ${failure.atMs}${replicas}`)
  return EXIT[failure.kind]
}

function compare(seed, outcome) {
  const again = run(seed)
  if (again.digest === outcome.digest) return 0
  console.log(`seed ${seed} is not deterministic: ${outcome.digest}, then ${again.digest}`)
  return 1
}

function summary(what, coverage, virtualMs, digest) {
  const counts = simulator.namesOf(coverage).map(name => `${name} ${coverage[name]}`)
  const seconds = Math.round(virtualMs / 1000)
  return `${what}; ${seconds} virtual s; ${counts.join(', ')}${digest ? `; digest ${digest}` : ''}`
}
