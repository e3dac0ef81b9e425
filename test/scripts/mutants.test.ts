/** The table of mutants keeps up with the code: each finds its text, and names what catches it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

// Plain JavaScript without declarations, as all scripts are.
const { DUE, HARMLESS, MUTANTS } = await import('../../scripts/mutants/table.mjs' as string)

const REPLAY = 'src/testing/storage'

interface Row {
  readonly name: string
  readonly p?: string
  readonly why: string
  readonly by?: readonly string[]
  readonly test?: string
  readonly trace?: string
  /** Under src/storage: its properties are those of the replay. */
  readonly storage?: boolean
  readonly patches: readonly { file: string; find: string | RegExp; replace: string }[]
}
const mutants = MUTANTS as readonly Row[]
const all = [...mutants, ...(HARMLESS as readonly Row[])]

test.each(all.map(row => [row.name, row] as const))('%s finds its text', (_, { patches }) => {
  for (const { file, find, replace } of patches) {
    const text = readFileSync(`src/${file}`, 'utf8')
    expect(text.replace(find, replace)).not.toBe(text)
  }
})

describe('the table', () => {
  test('has each name once, and every number of the plan', () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length)
    const numbers = new Set([...all, ...(DUE as readonly { p: string }[])].map(({ p }) => p))
    for (let n = 1; n <= 44; n++) expect(numbers).toContain(`P${String(n).padStart(2, '0')}`)
  })
  test('names catchers that exist', () => {
    const replay = readdirSync(REPLAY).map(file => readFileSync(`${REPLAY}/${file}`, 'utf8'))
    const isReplays = (property: string) => replay.some(text => text.includes(`'${property}'`))
    for (const { name, by = [], test: file, trace, storage } of mutants) {
      const inSimulator = storage ? by.filter(property => !isReplays(property)) : by
      const missing = [
        ...inSimulator.map(property => `src/sim/check/${property}.ts`),
        ...(file ? [file] : []),
        ...(trace ? [`test/traces/${trace}.trace`] : []),
      ].filter(path => !existsSync(path))
      expect(missing, name).toEqual([])
    }
  })
})
