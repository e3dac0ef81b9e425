/**
 * What a run changes of what its seed says, as the command line writes it. A seed and its overrides are
 * a run as exactly as a seed alone is; the minimiser (minimise.ts) looks for the smallest that fails.
 */
import { FAULTS, type FaultKind } from './nemesis.ts'
import { CALM_NETWORK, OFF, type SimOptions, type Tier } from './options.ts'
import type { Limits } from './outcome.ts'
import { calmOptions, optionsOf } from './swarm.ts'

export interface Overrides extends Limits {
  /** Options as they were kept (test/sim/corpus.jsonl), instead of those that the seed gives today. */
  readonly kept?: SimOptions | undefined
  readonly tier?: Tier | undefined
  readonly replicas?: number | undefined
  readonly clients?: number | undefined
  readonly requests?: number | undefined
  /** Most that the safety phase takes. */
  readonly safetyMs?: number | undefined
  /** Kinds of fault that are off. */
  readonly without?: readonly string[] | undefined
}

type Calming = (options: SimOptions) => SimOptions

const network =
  (...names: (keyof SimOptions['network'])[]): Calming =>
  options => {
    const calm = Object.fromEntries(names.map(name => [name, CALM_NETWORK[name]]))
    return { ...options, network: { ...options.network, ...calm } }
  }

const workload =
  (calm: Partial<SimOptions['workload']>): Calming =>
  options => ({ ...options, workload: { ...options.workload, ...calm } })

const nemesis =
  (kind: FaultKind): Calming =>
  ({ nemesis: { faults, ...rest }, ...options }) => {
    const off = { ...faults[kind], everyMs: OFF }
    return { ...options, nemesis: { ...rest, faults: { ...faults, [kind]: off } } }
  }

/** What can be switched off, by name, and how. */
const CALMING: ReadonlyMap<string, Calming> = new Map([
  ...FAULTS.map((kind): [string, Calming] => [kind, nemesis(kind)]),
  ['loss', network('loss')],
  ['duplicate', network('duplicate')],
  ['reorder', network('reorder')],
  ['delay', network('delayMinMs', 'delayMeanMs')],
  ['slow-links', network('slowLinks')],
  ['stream-reset', network('streamReset')],
  ['corrupt', network('corrupt')],
  ['codec', network('codec', 'corrupt')],
  ['skew', options => ({ ...options, clock: { ...options.clock, skewMs: 0 } })],
  ['drift', options => ({ ...options, clock: { ...options.clock, drift: 0 } })],
  ['slices', options => ({ ...options, disk: { ...options.disk, checkpointSlicesMax: 1 } })],
  ['kept-writes', options => ({ ...options, disk: { ...options.disk, keepUnsynced: 0 } })],
  ['stall', options => ({ ...options, disk: { ...options.disk, stall: 0 } })],
  ['overload', workload({ overload: false })],
  ['stale-reads', workload({ stale: 0 })],
  ['reads', workload({ reads: 0 })],
  ['twice', workload({ twice: 0 })],
  ['abandon', workload({ abandon: 0 })],
  ['expiry', workload({ sessionTtlMs: 0 })],
  ['feeds', options => ({ ...options, feeds: undefined })],
])

export const EVERYTHING = 'everything'
export const CALMABLE: readonly string[] = [...CALMING.keys()]

/** Names of what is on, and could be switched off. */
export function activeIn(options: SimOptions): string[] {
  const before = JSON.stringify(options)
  return CALMABLE.filter(name => JSON.stringify(calmed(options, name)) !== before)
}

function calmed(options: SimOptions, name: string): SimOptions {
  if (name === EVERYTHING) return CALMABLE.reduce(calmed, options)
  const calming = CALMING.get(name)
  if (calming === undefined) {
    throw new RangeError(`«${name}» cannot be switched off; these can: ${CALMABLE.join(' ')}`)
  }
  return calming(options)
}

/** What the seed says, changed. */
export function optionsWith(seed: number, given: Overrides): SimOptions {
  const { kept, replicas, tier } = given
  if (kept) return applied(revived(kept), given)
  const size = replicas === undefined ? {} : { replicas }
  return applied(optionsOf(seed, tier === undefined ? size : { ...size, tier }), given)
}

/** What options came since they were kept are calm. */
function revived(kept: SimOptions): SimOptions {
  const calm = calmOptions(kept.seed)
  return {
    ...calm,
    ...kept,
    replica: { ...calm.replica, ...kept.replica },
    network: { ...calm.network, ...kept.network },
    nemesis: {
      ...calm.nemesis,
      ...kept.nemesis,
      faults: { ...calm.nemesis.faults, ...kept.nemesis.faults },
    },
    disk: { ...calm.disk, ...kept.disk },
    clock: { ...calm.clock, ...kept.clock },
    workload: { ...calm.workload, ...kept.workload },
  }
}

function applied(options: SimOptions, given: Overrides): SimOptions {
  const { replicas, clients, requests, safetyMs } = given
  let changed: SimOptions = {
    ...options,
    replicas: replicas ?? options.replicas,
    safetyMs: safetyMs ?? options.safetyMs,
    workload: {
      ...options.workload,
      clients: clients ?? options.workload.clients,
      requests: requests ?? options.workload.requests,
    },
  }
  for (const name of given.without ?? []) changed = calmed(changed, name)
  return changed
}

/** As the command line takes them: `--without clog,pause --requests 12 --faults crash.1,crash.3`. */
export function toWords(given: Overrides): string {
  const words: string[] = []
  const number = (name: string, value: number | undefined): void => {
    if (value !== undefined) words.push(`--${name} ${value}`)
  }
  const list = (name: string, values: readonly string[] | undefined): void => {
    if (values !== undefined) words.push(`--${name} ${values.join(',') || 'none'}`)
  }
  if (given.tier === 'full') words.push('--full')
  number('replicas', given.replicas)
  number('luck', given.luck)
  list('without', given.without?.length === 0 ? undefined : given.without)
  number('clients', given.clients)
  number('requests', given.requests)
  list('faults', given.faults)
  number('safety-ms', given.safetyMs)
  number('until-ms', given.untilMs)
  return words.join(' ')
}
