/** docs/reliability.md: what stands behind each promise exists and is called so; no figure is in it that no run wrote. */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

// Plain JavaScript without declarations, as all scripts are.
const { MUTANTS } = await import('../../scripts/mutants/table.mjs' as string)
const { PARTS } = await import('../../scripts/reliability/parts.mjs' as string)
const { readFigures, render, replaced } = await import(
  '../../scripts/reliability/document.mjs' as string
)

const named = (list: unknown): ReadonlySet<string> =>
  new Set((list as readonly { name: string }[]).map(({ name }) => name))
const mutants = named(MUTANTS)
const parts = named(PARTS)

const document = readFileSync('docs/reliability.md', 'utf8')
/** | W1 | sentence | evidence; evidence | */
const promises = [...document.matchAll(/^\| ([A-Z]\d+) \| (.+?) \| (.+) \|$/gm)].map(
  ([, id = '', , evidence = '']) => ({ id, evidence }),
)

/** What is wrong with one piece of evidence; undefined: nothing. */
function missing(piece: string): string | undefined {
  const [, kind, name = ''] = /^(property|mutant|scene|run) `([^`]+)`$/.exec(piece) ?? []
  if (kind === 'property')
    return existsSync(`src/sim/check/${name}.ts`) ? undefined : `no property ${name}`
  if (kind === 'scene')
    return existsSync(`test/traces/${name}.trace`) ? undefined : `no scene ${name}`
  if (kind === 'mutant') return mutants.has(name) ? undefined : `no mutant ${name}`
  if (kind === 'run') return parts.has(name) ? undefined : `no run ${name}`
  const [, file = '', title = ''] = /^`(test\/[^`]+\.test\.ts)` «(.+)»$/.exec(piece) ?? []
  if (file === '') return `not understood: ${piece}`
  if (!existsSync(file)) return `no file ${file}`
  return readFileSync(file, 'utf8').includes(title) ? undefined : `${file} has no «${title}»`
}

/** Pieces are separated by semicolons; titles may hold some. */
const piecesOf = (evidence: string): readonly string[] =>
  evidence.split(/; (?=(?:property|mutant|scene|run) `|`test\/)/)

test('every promise has something behind it, and all of it is there', () => {
  expect(promises.length).toBeGreaterThan(25)
  expect(new Set(promises.map(({ id }) => id)).size).toBe(promises.length)
  const findings = promises.flatMap(({ id, evidence }) =>
    piecesOf(evidence)
      .flatMap(piece => missing(piece) ?? [])
      .map(why => `${id}: ${why}`),
  )
  expect(findings).toEqual([])
})

test('what is not there is found', () => {
  const pieces = ['property `none`', 'scene `none`', 'mutant `none`', 'run `none`', 'hearsay']
  for (const piece of pieces) expect(missing(piece), piece).toBeDefined()
  expect(missing('`test/docs/none.test.ts` «a title»')).toBe('no file test/docs/none.test.ts')
  expect(missing('`test/tidy.test.ts` «what nobody wrote»')).toContain('has no «what nobody wrote»')
})

test('the table of figures is what the last run wrote', () => {
  expect(replaced(document, render(readFigures()))).toBe(document)
})

test('what was not run is said to be not run, and what was not reached stands out', () => {
  expect(render({ rows: {} }).match(/\| not run \| – \|/g)?.length).toBeGreaterThan(15)
  const rows = {
    failover: { figure: 'median 5 000 ms', reached: false },
    'disk-full': { skipped: 'needs root' },
  }
  const table = render({ machine: '2 cores, Node 20.20', rows })
  expect(table).toContain('Machine: 2 cores, Node 20.20.')
  expect(table).toContain('| median 5 000 ms | **no** |')
  expect(table).toContain('| not run: needs root | – |')
})
