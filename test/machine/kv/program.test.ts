import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { Driven, hashOf } from '../support.ts'

let kv: Driven
beforeEach(() => {
  kv = new Driven()
  for (const [key, value] of Object.entries({ x: 6, y: 4, 'a-b': 10, s: 'text', nul: null })) {
    kv.run({ op: 'put', key, value })
  }
})
const run = (program: string) => kv.run({ op: 'apply', program })

test('the program of the contract', () => {
  run('x=0; y=0')
  expect(run('x+=2; y*=4; x=x+y')).toEqual({ values: { x: 2, y: 0 }, rev: 7 })
  expect(kv.changes.map(c => [c.key, c.value])).toEqual([
    ['x', 2],
    ['y', 0],
  ])
})

test.each([
  ['x = 1 + 2 * 3', { x: 7 }],
  ['x = (1 + 2) * 3', { x: 9 }],
  ['x = 10 - 3 - 2', { x: 5 }],
  ['x = 100 / 5 / 2', { x: 10 }],
  ['x = 7 % 4 * 2', { x: 6 }],
  ['x = -7 % 4', { x: -3 }],
  ['x = --3 + +-2 - -1', { x: 2 }],
  ['x=-y', { x: -4 }],
  ['x=x-1', { x: 5 }],
  ['x=x/y', { x: 1.5 }],
  ['x-=1', { x: 5 }],
  ['x -= -1', { x: 7 }],
  ['x /= y; y %= 3', { x: 1.5, y: 1 }],
  ['x = 1.5e3 + .5 + 2. + 1E-1', { x: 1502.6 }],
  ['`a-b` += x', { 'a-b': 16 }],
  ['"a-b" = `a-b` * 2', { 'a-b': 20 }],
  ['"quote\\"\\u0041" = 1', { 'quote"A': 1 }],
  ['`\u00fc\u{1f600} /` = 1', { '\u00fc\u{1f600} /': 1 }],
  ['new.key:of_1 = 3; new.key:of_1 *= 2', { 'new.key:of_1': 6 }],
  [' ;; x = 1 ; \n\t y = 2 ;', { x: 1, y: 2 }],
  ['x = 2; x = x * x; x = x * x', { x: 16 }],
  ['x = y; y = x + 1', { x: 4, y: 5 }],
  ['x = 0 * -1', { x: 0 }],
  [`x = ${'('.repeat(200)}1${')'.repeat(200)}`, { x: 1 }],
])('%s', (program, values) => {
  expect(run(program)).toEqual({ values, rev: 6 })
  for (const [key, value] of Object.entries(values)) {
    expect(kv.ask({ op: 'get', key })).toMatchObject({ kv: { value, rev: 6 } })
  }
})

test.each([
  ['', 1],
  [' ; ', 1],
  ['x', 2],
  ['x +', 3],
  ['x + = 1', 3],
  ['x == 1', 4],
  ['x = ', 5],
  ['x = 1 y = 2', 7],
  ['x = 1 2', 7],
  ['x = (1', 7],
  ['x = 1)', 6],
  ['x = * 2', 5],
  ['x = y += 1', 7],
  ['1 = x', 1],
  ['x = 2y', 5],
  ['users/alice += 1', 6],
  ['x = $', 5],
  ['x = \u{1f600}', 5],
  ['x = `abc', 5],
  ['x = "abc', 5],
  ['x = "\\q"', 5],
  ['x = 1; y', 9],
  [`x = ${'('.repeat(257)}1${')'.repeat(257)}`, 261],
  [`x = ${'1+'.repeat(300)}1`, 518],
  [`x = ${'-'.repeat(300)}1`, 261],
  ['x=1;'.repeat(257), 1025],
])('%s is BAD_PROGRAM at position %i', (program, position) => {
  const before = hashOf(kv.machine)
  expect(kv.refuse({ op: 'apply', program })).toMatchObject({
    name: 'BAD_PROGRAM',
    data: { position },
  })
  expect(hashOf(kv.machine)).toBe(before)
})

test.each([
  ['x = 1; missing += 1', 'NOT_A_NUMBER', { key: 'missing' }],
  ['x = 1; x = missing', 'NOT_A_NUMBER', { key: 'missing' }],
  ['x = 1; x = s', 'NOT_A_NUMBER', { key: 's' }],
  ['x = 1; nul += 1', 'NOT_A_NUMBER', { key: 'nul' }],
  ['x = 1; y = x / 0', 'OUT_OF_RANGE', {}],
  ['x = 1; y = x % (1 - 1)', 'OUT_OF_RANGE', {}],
  ['x = 9007199254740991; x += 1', 'OUT_OF_RANGE', { key: 'x' }],
  ['x = 1e308 * 10', 'OUT_OF_RANGE', { key: 'x' }],
  ['x = 1e999 - 1e999', 'OUT_OF_RANGE', { key: 'x' }],
  ['`` = 1', 'INVALID_PARAMS', { path: 'program' }],
  [`x = ${' '.repeat(16_384)}1`, 'TOO_LARGE', { path: 'program' }],
])('%s is %s, and leaves everything as it was', (program, name, data) => {
  const before = hashOf(kv.machine)
  expect(kv.refuse({ op: 'apply', program })).toMatchObject({ name, data })
  expect(kv.changes).toEqual([])
  expect(hashOf(kv.machine)).toBe(before)
})

test('an assignment creates, also over what is no number', () => {
  expect(run('z = 1; s = 2')).toEqual({ values: { z: 1, s: 2 }, rev: 6 })
  expect(kv.ask({ op: 'get', key: 's' })).toMatchObject({ kv: { version: 2, createRev: 4 } })
})

test('any text gets an answer or a refusal', () => {
  const piece = fc.constantFrom(
    'x',
    'y',
    ' ',
    '=',
    '+',
    '-',
    '*',
    '/',
    '%',
    '(',
    ')',
    ';',
    '1',
    '`',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), pieces => {
      try {
        run(pieces.join(''))
      } catch (error) {
        expect(error).toHaveProperty('errorName')
      }
    }),
    { numRuns: 3000 },
  )
})

/** Arithmetic of JavaScript is the model: same operators, same precedence. */
test('expressions mean what they mean in JavaScript', () => {
  const expression: fc.Arbitrary<string> = fc.letrec<{ e: string }>(tie => ({
    e: fc.oneof(
      { depthSize: 'small' },
      fc.integer({ min: 0, max: 99 }).map(String),
      fc.constant('x'),
      fc.tuple(tie('e'), fc.constantFrom('+', '-', '*'), tie('e')).map(parts => parts.join(' ')),
      tie('e').map(inner => `(${inner})`),
      tie('e').map(inner => `- ${inner}`),
    ),
  })).e
  fc.assert(
    fc.property(expression, text => {
      const expected = new Function('x', `return ${text}`)(6) as number
      run('x = 6')
      const tooLarge = Math.abs(expected) > Number.MAX_SAFE_INTEGER
      if (tooLarge)
        expect(kv.refuse({ op: 'apply', program: `r = ${text}` }).name).toBe('OUT_OF_RANGE')
      else expect(run(`r = ${text}`)).toMatchObject({ values: { r: expected + 0 } })
    }),
    { numRuns: 500 },
  )
})
