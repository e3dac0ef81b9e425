/** What is printed of a run that fails: its last events, the property, and the line that reproduces it. */

const EXIT = { invariant: 127, liveness: 128, property: 129 }
const EVENTS_SHOWN = 200
const SECONDS_MAX = 60

/** Gives the exit code. `isMinimised`: the run is made smaller first. */
export async function tellFailure(simulator, run, outcome, isMinimised) {
  const small = isMinimised ? await minimise(simulator, run, outcome) : { ...run, outcome }
  for (const line of lastEvents(simulator, small)) console.log(line)
  const { failure } = small.outcome
  console.log(`\n${failure.kind} · ${failure.message}`)
  // A run that never converged has no moment at which it failed, and disks are what they are at the end of theirs.
  const isWhole = failure.kind === 'liveness' || run.isStorage
  const cut = isWhole ? {} : { untilMs: failure.atMs }
  console.log(
    `REPRODUCE: ${lineOf(simulator, { ...small, overrides: { ...small.overrides, ...cut } })}`,
  )
  return EXIT[failure.kind]
}

/** The same seed (or line of the corpus), mutant and overrides are the same run, on any machine. */
export function lineOf(simulator, { seed, line, mutant, overrides, isStorage }) {
  const words = [
    line === undefined ? `--seed ${seed}` : `--kept ${line}`,
    simulator.toWords(overrides),
  ]
  if (isStorage) words.push('--storage')
  if (mutant !== undefined) words.push(`--mutant ${mutant}`)
  return `npm run sim -- ${words.filter(word => word !== '').join(' ')}`
}

async function minimise(simulator, run, outcome) {
  const { seed, isStorage } = run
  const started = performance.now()
  const tries = simulator.minimising(outcome, run.overrides, {
    options: overrides => simulator.optionsWith(seed, overrides),
    isOver: () => performance.now() - started > SECONDS_MAX * 1000,
  })
  const simulate = isStorage ? simulator.simulateWithStorage : simulator.simulate
  let step = tries.next()
  while (!step.done) step = tries.next(await simulate(seed, step.value))
  const small = step.value
  const [before, after] = [outcome.coverage.events, small.outcome.coverage.events]
  const share = Math.round((100 * after) / before)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(
    `minimised in ${seconds} s and ${small.tries} tries: ${after} events of ${before} (${share} %), ` +
      `faults: ${small.outcome.faults.join(' ') || 'none'}\n`,
  )
  return { ...run, overrides: small.overrides, outcome: small.outcome }
}

/** Of one whose storage failed, those before what failed: the run itself goes on. */
function lastEvents(simulator, { seed, overrides, outcome }) {
  const { replicas } = simulator.optionsWith(seed, overrides)
  const lines = []
  const line = text => {
    lines.push(text)
    if (lines.length > EVENTS_SHOWN) lines.shift()
  }
  const { kind, atMs } = outcome.failure
  const until = kind === 'liveness' ? {} : { untilMs: atMs }
  simulator.simulate(seed, { ...overrides, ...until, tracing: { level: 'columns', line } })
  return [simulator.timelineHeader(replicas), ...lines]
}
