/**
 * Every decoder on inputs that nobody meant (reliability: fuzzing): random, cut at every byte, with one bit
 * flipped at every position, bent by rules of the format, with checksums made right again. Only the
 * typed error may come out, and what is read must encode to what it was. The long run is `npm run fuzz`;
 * what it finds goes into corpus/ and is tried again here.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { casesOf, runTarget, TARGETS } from './main.ts'

const CASES = 200_000
const CORPUS = new URL('corpus/', import.meta.url)

test.each(TARGETS)('$name', async target => {
  const cases = casesOf(target, CASES)
  const report = await runTarget(target, cases, 1)
  expect(report.cases).toBeGreaterThanOrEqual(cases)
  expect(report.read).toBeGreaterThan(0)
})

/** One input a line, in hexadecimal; the file is named after its target. */
describe('what was found once', () => {
  const files = readdirSync(CORPUS).filter(name => name.endsWith('.hex'))
  test.each(files)('%s', async file => {
    const target = TARGETS.find(({ name }) => `${name}.hex` === file)
    if (target === undefined) throw new Error(`no target for ${file}`)
    for (const line of readFileSync(new URL(file, CORPUS), 'utf8').trim().split('\n')) {
      await target.check(Buffer.from(line, 'hex'))
    }
  })
})
