/** The house rules that a machine can see, over the code as text. What each says is in test/tidy/. */
import { expect, test } from 'vitest'
import ratchet from '../config/tidy.json' with { type: 'json' }
import manifest from '../package.json' with { type: 'json' }
import { VERSION } from '../src/version.ts'
import { readRepository } from './tidy/files.ts'
import { layerFindings, purityFindings } from './tidy/layers.ts'
import { functionsOf, functionTypesOf } from './tidy/source.ts'
import { decisionFindings, documentFindings, leftoverFindings, placeFindings } from './tidy/text.ts'

const FUNCTION_LINES_MAX = 70
const FILE_LINES_MAX = 400

const files = readRepository()
const paths = new Set(files.map(file => file.path))
const sources = files.filter(({ path }) => /^src\/.*\.ts$/.test(path))
const code = files.filter(({ path }) => /^(src|scripts)\/.*\.(ts|mjs)$/.test(path))

test('a folder imports its own files and lower layers only', () => {
  expect(sources.flatMap(layerFindings)).toEqual([])
})

test('base, vr, machine, check, wire and sim are pure', () => {
  expect(sources.flatMap(purityFindings)).toEqual([])
})

test('effects are data: none holds a function', () => {
  const effects = sources.filter(file => file.path === 'src/vr/effect.ts')
  expect(effects).toHaveLength(1)
  expect(effects.flatMap(functionTypesOf)).toEqual([])
})

/** What is over the limit today may shrink and must not grow; what is new must fit (config/tidy.json). */
test(`no function is over ${FUNCTION_LINES_MAX} lines`, () => {
  const known: Readonly<Record<string, number>> = ratchet.functions
  const over = code.flatMap(file =>
    functionsOf(file).flatMap(({ name, lines }) => {
      const limit = known[`${file.path} ${name}`] ?? FUNCTION_LINES_MAX
      return lines > limit ? [`${file.path} ${name}: ${lines} lines, the limit is ${limit}`] : []
    }),
  )
  expect(over).toEqual([])
})

test(`no file is over ${FILE_LINES_MAX} lines`, () => {
  const known: Readonly<Record<string, number>> = ratchet.files
  const over = files
    .filter(({ path }) => /\.(ts|mjs)$/.test(path))
    .flatMap(({ path, text }) => {
      const lines = text.split('\n').length - 1
      const limit = known[path] ?? FILE_LINES_MAX
      return lines > limit ? [`${path}: ${lines} lines, the limit is ${limit}`] : []
    })
  expect(over).toEqual([])
})

test('the list of offenders only shrinks: none is in it without need', () => {
  const long = new Map(
    code.flatMap(file => functionsOf(file).map(each => [`${file.path} ${each.name}`, each.lines])),
  )
  const idle = [
    ...Object.entries(ratchet.functions).filter(([name, limit]) => long.get(name) !== limit),
    ...Object.entries(ratchet.files).filter(([path, limit]) => {
      const text = files.find(file => file.path === path)?.text
      return text === undefined || text.split('\n').length - 1 !== limit
    }),
  ]
  expect(idle).toEqual([])
})

test('nothing is left lying about', () => {
  expect(files.flatMap(leftoverFindings)).toEqual([])
})

test('nothing names one machine or one network', () => {
  expect(files.flatMap(placeFindings)).toEqual([])
})

test('documents have one title and links that lead somewhere', () => {
  expect(files.flatMap(file => documentFindings(file, paths))).toEqual([])
})

test('decisions that the code cites exist', () => {
  const citing = files.filter(
    ({ path }) => /\.(ts|mjs)$/.test(path) && !path.startsWith('test/tidy'),
  )
  expect(citing.flatMap(file => decisionFindings(file, paths))).toEqual([])
})

test('the version is the same everywhere', () => {
  expect(VERSION).toBe(manifest.version)
})
