/** The words after `npm run sim --`, checked; a wrong one ends the process with one sentence. */
import { parseArgs } from 'node:util'

const number = { type: 'string' }
const flag = { type: 'boolean' }
const NUMBERS = [
  'seed',
  'kept',
  'derive',
  'seeds',
  'from',
  'minutes',
  'replicas',
  'clients',
  'requests',
  'jobs',
]
const TIMES = ['safety-ms', 'until-ms', 'luck']
const FLAGS = [
  'lite',
  'full',
  'coverage',
  'check-determinism',
  'minimise',
  'no-minimise',
  'corpus',
  'canary',
  'storage',
  'from-commit',
]
const LOGS = ['short', 'full', 'columns']

export function parseWords(args) {
  const options = Object.fromEntries([
    ...[...NUMBERS, ...TIMES].map(name => [name, number]),
    ...FLAGS.map(name => [name, flag]),
    ...['log', 'without', 'faults', 'mutant', 'storage-of'].map(name => [name, { type: 'string' }]),
  ])
  let values
  try {
    values = parseArgs({ args, options }).values
  } catch (error) {
    usage(error.message)
  }
  if (values.lite && values.full) usage('--lite or --full, not both')
  if (values['from-commit'] && values.seeds === undefined) {
    usage('--from-commit shares out --seeds N')
  }
  const numberOf = name => {
    const value = values[name]
    if (value === undefined) return undefined
    if (!(Number(value) >= 0)) usage(`--${name} ${value} is not a number`)
    return Number(value)
  }
  if (values.log !== undefined && !LOGS.includes(values.log)) {
    usage(`--log ${values.log} is none of ${LOGS.join(', ')}`)
  }
  return {
    seed: numberOf('seed'),
    kept: numberOf('kept'),
    derive: numberOf('derive'),
    seeds: numberOf('seeds'),
    from: numberOf('from') ?? 1,
    isFromCommit: values['from-commit'] === true,
    minutes: numberOf('minutes'),
    jobs: numberOf('jobs') ?? 1,
    log: values.log,
    isCoverageTold: values.coverage === true,
    mutant: values.mutant,
    isTwice: values['check-determinism'] === true,
    isMinimised: values['no-minimise'] !== true && (values.minimise === true || undefined),
    isCorpus: values.corpus === true,
    isCanary: values.canary === true,
    storageEvery: storageEvery(values),
    overrides: overridesOf(values, numberOf),
  }
}

/** The real storage code runs under every seed, under one of so many, or (0) under none. */
function storageEvery({ storage, 'storage-of': every }) {
  if (every !== undefined && !(Number(every) >= 1)) usage(`--storage-of ${every} is not a number`)
  return Number(every ?? (storage ? 1 : 0))
}

/** Only what was said: an absent member changes nothing. */
function overridesOf(values, numberOf) {
  const given = {
    tier: values.full ? 'full' : undefined,
    replicas: numberOf('replicas'),
    clients: numberOf('clients'),
    requests: numberOf('requests'),
    safetyMs: numberOf('safety-ms'),
    untilMs: numberOf('until-ms'),
    luck: numberOf('luck'),
    without: listOf(values.without),
    faults: listOf(values.faults),
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

const listOf = text => (text === undefined ? undefined : text === 'none' ? [] : text.split(','))

export function usage(why) {
  console.error(
    `${why}\nusage: npm run sim -- --seed N | --seeds N | --minutes M | --corpus | --canary (see scripts/sim.mjs)`,
  )
  process.exit(2)
}
