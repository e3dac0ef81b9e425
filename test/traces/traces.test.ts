/** Golden traces: what came of a scene is what the file says. After a change: `npm run traces -- --update`, then review. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { play } from '../../src/sim/interaction.ts'

const folder = new URL('.', import.meta.url)
const files = readdirSync(folder).filter(file => file.endsWith('.trace'))
const read = (file: string): string => readFileSync(new URL(file, folder), 'utf8')

test('the main scenarios are there', () => {
  expect(files.length).toBeGreaterThanOrEqual(60)
})

describe.each(files)('%s', file => {
  test('plays as written', () => {
    expect(play(read(file))).toBe(read(file))
  })

  test('is one story: a first line in words with its source, no error, fewer than 120 lines', () => {
    const lines = read(file).split('\n')
    expect(lines[0]).toMatch(/^# .*(§|[Pp]itfall|seed)/)
    expect(lines.length).toBeLessThanOrEqual(120)
    expect(lines.filter(line => line.startsWith('error:'))).toEqual([])
  })
})

test('an unknown directive is told, not ignored', () => {
  expect(play('cluster 3\nfly r1\n----\n')).toContain('error: «fly» is no directive')
})
