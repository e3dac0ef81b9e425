/** The rules themselves: each finds what it is there to find. */
import { expect, test } from 'vitest'
import { layerFindings, purityFindings } from './layers.ts'
import { functionsOf, functionTypesOf } from './source.ts'
import { decisionFindings, documentFindings, leftoverFindings, placeFindings } from './text.ts'

const file = (path: string, text: string) => ({ path, text })

test.each([
  ['src/vr/a.ts', `import { x } from '../machine/b.ts'`],
  ['src/base/a.ts', `import type { X } from '../vr/b.ts'`],
  ['src/rpc/methods/a.ts', `import { x } from '../../vr/b.ts'`],
  ['src/rpc/a.ts', `import { x } from '../node/node.ts'`],
  ['src/node/a.ts', `import { Level } from 'level'`],
  ['src/cli/a.ts', `const x = import('@libp2p/tcp')`],
  ['src/vr/a.ts', `import fs from 'node:fs'`],
  ['src/machine/a.ts', `import { z } from 'zod'`],
  ['src/nowhere/a.ts', ''],
])('%s must not say %s', (path, text) => {
  expect(layerFindings(file(path, text))).toHaveLength(1)
})

test('what the layers allow is no finding', () => {
  const text = `import { x } from './b.ts'; import { api } from '../node/api.ts'; import { y } from '../base/c.ts'`
  expect(layerFindings(file('src/rpc/a.ts', text))).toEqual([])
})

test.each([
  'Date.now()',
  'Math.random()',
  'await x',
  'async () => 1',
  'a.localeCompare(b)',
  'process.exit()',
])('%s is not pure', text => {
  expect(purityFindings(file('src/vr/a.ts', text)).length).toBeGreaterThan(0)
  expect(purityFindings(file('src/node/a.ts', text))).toEqual([])
})

test('words in comments and strings are not code', () => {
  expect(purityFindings(file('src/vr/a.ts', `// await a Date\nconst x = 'Promise'`))).toEqual([])
})

test('functions are measured, and function types found', () => {
  const text = `const f = () => {\n  return 1\n}\nclass A {\n  m() {\n  }\n}`
  expect(functionsOf(file('a.ts', text))).toEqual([
    { name: 'f', lines: 3 },
    { name: 'm', lines: 2 },
  ])
  expect(
    functionTypesOf(file('b.ts', 'interface E {\n  then: () => void\n  go(): void\n}')),
  ).toEqual([2, 3])
})

test.each([
  ['test/a.test.ts', ['test', 'only("x")'].join('.')],
  ['src/a.ts', '// FIX' + 'ME later'],
  ['src/a.ts', '// TO' + 'DO later'],
  ['src/a.ts', ['console', 'log(1)'].join('.')],
])('%s must not say %s', (path, text) => {
  expect(leftoverFindings(file(path, text))).toHaveLength(1)
})

test('a path of one machine and an unknown host are found', () => {
  expect(placeFindings(file('src/a.ts', `'${['', 'home', 'me'].join('/')}'`))).toHaveLength(1)
  expect(placeFindings(file('src/a.ts', `'http://registry.invalid/x'`))).toHaveLength(1)
  expect(
    placeFindings(file('src/a.ts', `'http://127.0.0.1:7401' 'https://json-schema.org/draft'`)),
  ).toEqual([])
})

test('a document with two titles, a dead link, an unknown decision', () => {
  const paths = new Set(['docs/b.md', 'docs/decisions/0001-x.md'])
  const text =
    '# a\n# b\n[b](b.md) [c](c.md) decision 0001, decision 0002\n```\n# not a title\n```\n'
  expect(documentFindings(file('docs/a.md', text), paths)).toEqual([
    'docs/a.md: 2 titles (# …), not one',
    'docs/a.md:3: the link to docs/c.md leads nowhere',
    'docs/a.md:3: there is no decision 0002 in docs/decisions',
  ])
  expect(decisionFindings(file('src/a.ts', '// decision 0001'), paths)).toEqual([])
})
