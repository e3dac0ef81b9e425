/**
 * The exhaustive corner of the simulator (src/sim/explore.ts): every order of events of three replicas, breadth-first.
 *
 *   npm run explore [-- --states N] [--minutes M] [--commands N] [--repeats N] [--crashes N] [--views N]
 *                   [--questions N] [--fast-disks] [--no-heartbeats] [--mutant NAME]
 *
 * Exit code: 0 no property was broken · 129 one was: the shortest story is printed · 2 usage.
 */
import { parseArgs } from 'node:util'
import { loadSimulator } from './bundle-sim.mjs'
import { patchesOf } from './mutants/table.mjs'

const BOUNDS = ['commands', 'repeats', 'crashes', 'views', 'questions']
const { values } = parseArgs({
  options: {
    ...Object.fromEntries(
      [...BOUNDS, 'states', 'minutes', 'mutant'].map(n => [n, { type: 'string' }]),
    ),
    'fast-disks': { type: 'boolean' },
    'no-heartbeats': { type: 'boolean' },
  },
})

const patches = values.mutant === undefined ? [] : patchesOf(values.mutant)
if (patches === undefined) {
  console.error(`--mutant ${values.mutant} is not known; scripts/mutants/ lists them`)
  process.exit(2)
}
const { explore, CORNER } = await loadSimulator(patches, 'src/sim/explore.ts')
const given = BOUNDS.filter(name => values[name] !== undefined)
const corner = { ...CORNER, ...Object.fromEntries(given.map(name => [name, Number(values[name])])) }
if (values['fast-disks']) corner.slowDisks = false
if (values['no-heartbeats']) corner.heartbeats = false
console.log(JSON.stringify(corner))

const started = performance.now()
const seconds = () => (performance.now() - started) / 1000
const result = explore(corner, {
  states: Number(values.states ?? 1_000_000),
  isOver: () => values.minutes !== undefined && seconds() > 60 * Number(values.minutes),
})
const { states, steps, depth, isComplete, violation } = result
const rate = Math.round(states / seconds())
const megabytes = Math.round(process.memoryUsage().rss / 2 ** 20)
console.log(
  `${states} states, ${steps} steps, ${depth} events deep, in ${seconds().toFixed(1)} s (${rate} states/s, ${megabytes} MiB); ` +
    (isComplete ? 'the corner is complete' : 'more is left'),
)
if (violation) {
  for (const line of violation.story) console.log(line)
  console.log(`\nproperty · ${violation.message}`)
}
process.exitCode = violation ? 129 : 0
