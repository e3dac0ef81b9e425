/** What became of the mutants: the table, the verdict, and the seeds written down for the next time. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { DUE, HARMLESS, MUTANTS } from './table.mjs'

const SEEDS_FILE = 'test/sim/mutant-seeds.json'
/** What the properties are held to: half of the mutants within so many seeds, all within so many. */
const MEDIAN_MAX = 25
const WORST_MAX = 1000

/** name → { kind, by, seed }: what caught it; no seed: a scene or a test did. */
export function readSeeds() {
  return existsSync(SEEDS_FILE) ? JSON.parse(readFileSync(SEEDS_FILE, 'utf8')) : {}
}

export function noteSeed(seeds, { mutant, caught }) {
  if (caught === undefined) delete seeds[mutant.name]
  else seeds[mutant.name] = { kind: caught.kind, by: caught.by, seed: caught.seed }
  const lines = MUTANTS.filter(({ name }) => seeds[name]).map(
    ({ name }) => `  ${JSON.stringify(name)}: ${JSON.stringify(seeds[name])}`,
  )
  writeFileSync(SEEDS_FILE, `{\n${lines.join(',\n')}\n}\n`)
}

/** name · P · what caught it, and how · seeds · seconds · why */
export function print(results) {
  const rows = results.map(({ mutant, caught, seconds, error }) => [
    mutant.name,
    mutant.p || '–',
    caught ? placeOf(caught) : (error ?? 'NOT CAUGHT'),
    isAsListed(mutant, caught) ? '' : `≠ ${mutant.by.join(', ')}`,
    String(caught?.seeds ?? '–').padStart(5),
    seconds.toFixed(1).padStart(6),
    mutant.why,
  ])
  const head = ['mutant', 'P', 'caught by', 'not by', 'seeds', 'seconds', 'the bug']
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map(row => row[i].length)))
  for (const row of [head, ...rows])
    console.log(row.map((cell, i) => cell.padEnd(widths[i])).join('  '))
  for (const { p, bug, due } of DUE) console.log(`${p}  ${bug}: due with ${due}`)
  for (const { name, why, harmless } of HARMLESS)
    console.log(`harmless: ${name}  ${why}: ${harmless}`)
}

function placeOf({ kind, by, stopped, said }) {
  if (kind === 'trace') return `trace ${by}${said ? `, property ${said}` : ''}`
  if (kind !== 'property' && kind !== 'liveness') return `${kind} ${by}`
  const first = stopped ? `assertion «${stopped}», behind it ` : ''
  return `${first}${kind} check/${by}.ts`
}

const isAsListed = ({ by, test, trace }, caught) =>
  test !== undefined || trace !== undefined || by.includes(caught?.by)

/** 0: all were caught, and soon enough. */
export function judge(results, { replay }) {
  const missed = results
    .filter(({ caught }) => caught === undefined)
    .map(({ mutant }) => mutant.name)
  const seeds = results.flatMap(({ caught }) => caught?.seeds ?? []).sort((a, b) => a - b)
  const median = seeds[Math.floor(seeds.length / 2)] ?? 0
  const worst = seeds[seeds.length - 1] ?? 0
  console.log(
    `${results.length} mutants, ${missed.length} not caught; seeds: median ${median}, worst ${worst}`,
  )
  if (missed.length > 0) console.log(`not caught: ${missed.join(', ')}`)
  // Of a few nothing can be said.
  const isSlow =
    !replay && results.length === MUTANTS.length && (median > MEDIAN_MAX || worst > WORST_MAX)
  if (isSlow) console.log(`too late: the median may be ${MEDIAN_MAX}, the worst ${WORST_MAX}`)
  return missed.length === 0 && !isSlow ? 0 : 1
}
