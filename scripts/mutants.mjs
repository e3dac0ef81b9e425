/**
 * Do the properties see anything? Each known bug (scripts/mutants/, numbered as in the test plan) is put back
 * into the text of src/ while it is bundled, never into the files, and the simulator must catch it.
 *
 *   npm run mutants [-- name …]          from seed 1 on, at most 1000 seeds each; writes what caught them down
 *     --seeds N   at most N · --from M   from seed M on · --jobs J   so many at a time (default 2)
 *     --replay    the seeds written down first, and a search only where one does not catch any more
 *     --fresh K   with --replay: K of them are searched all the same, others every day
 *
 * Exit code: 0 all caught, in the time they have · 1 not · 2 usage.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { judge, noteSeed, print, readSeeds } from './mutants/report.mjs'
import { MUTANTS } from './mutants/table.mjs'
import { Team } from './mutants/team.mjs'

const SEEDS_MAX = 1000
const DAY_MS = 24 * 3_600_000

const options = parse()
const known = readSeeds()
const fresh = new Set(freshOnes(options.fresh))
const team = new Team(options.jobs)
const results = await Promise.all(
  options.mutants.map(async mutant => {
    const result = await team.run(taskOf(mutant))
    // One by one: a run takes a while, and may be cut short.
    if (!options.replay) noteSeed(known, result)
    return result
  }),
)
team.end()
print(results)
process.exitCode = judge(results, options)

function taskOf(mutant) {
  const { seeds, from, replay } = options
  const seed = replay && !fresh.has(mutant.name) ? known[mutant.name]?.seed : undefined
  return { mutant, first: seed, from, seeds }
}

/** Others every day, so that in time all are searched again. */
function freshOnes(count) {
  const names = MUTANTS.map(({ name }) => name)
  const first = Math.floor(Date.now() / DAY_MS) * count
  return Array.from({ length: count }, (_, i) => names[(first + i) % names.length])
}

function parse() {
  const number = { type: 'string' }
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        seeds: number,
        from: number,
        jobs: number,
        fresh: number,
        replay: { type: 'boolean' },
      },
    })
    const numberOf = (name, otherwise) => {
      const n = Number(values[name] ?? otherwise)
      if (!Number.isInteger(n) || n < 0)
        throw new Error(`--${name} ${values[name]} is not a number`)
      return n
    }
    const unknown = positionals.filter(name => !MUTANTS.some(mutant => mutant.name === name))
    if (unknown.length > 0) throw new Error(`no mutant is called ${unknown.join(', ')}`)
    return {
      mutants: MUTANTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name)),
      seeds: numberOf('seeds', SEEDS_MAX),
      from: numberOf('from', 1),
      jobs: Math.max(1, numberOf('jobs', Math.min(2, availableParallelism()))),
      fresh: numberOf('fresh', 0),
      replay: values.replay === true,
    }
  } catch (error) {
    console.error(
      `${error.message}\nusage: npm run mutants [-- name … --replay] (see scripts/mutants.mjs)`,
    )
    process.exit(2)
  }
}
