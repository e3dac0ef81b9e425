/** How a line to paste begins. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { ownName } from '../../src/cli/own-name.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'viewstamp-test-')))
afterAll(() => rmSync(root, { recursive: true }))

const checkout = join(root, 'checkout')
const program = join(checkout, 'bin', 'viewstamp')
const [cache, path] = [join(root, 'cache', 'node_modules', '.bin'), join(root, 'path')]
for (const dir of [join(checkout, 'bin'), cache, path]) mkdirSync(dir, { recursive: true })
writeFileSync(program, '')
for (const dir of [cache, path]) symlinkSync(program, join(dir, 'viewstamp'))

test('its name where the shell finds it, else where it is, as seen from here', () => {
  expect(ownName(program, checkout, path)).toBe('viewstamp')
  expect(ownName(program, checkout, cache)).toBe('./bin/viewstamp')
  expect(ownName(program, path, '')).toBe(program)
})

test('the links that npx makes for a call are no place to name', () => {
  expect(ownName(join(cache, 'viewstamp'), checkout, cache)).toBe('./bin/viewstamp')
  expect(ownName(join(cache, 'viewstamp'), path, cache)).toBe(program)
})
