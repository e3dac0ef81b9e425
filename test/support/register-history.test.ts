import { expect, test } from 'vitest'
import { isLinearizable, type RegisterOp } from './register-history.ts'

const op = (
  f: RegisterOp['f'],
  at: [number, number],
  more: Partial<RegisterOp> = {},
): RegisterOp => ({
  f,
  calledNs: at[0],
  returnedNs: at[1],
  ...more,
})
const NEVER = Number.POSITIVE_INFINITY

test('good histories', () => {
  expect(isLinearizable([])).toBe('yes')
  expect(isLinearizable([op('put', [1, 4], { value: 1 }), op('get', [2, 3], { result: 1 })])).toBe(
    'yes',
  )
  expect(
    isLinearizable([
      op('put', [1, 2], { value: 1 }),
      op('put', [3, NEVER], { value: 2 }),
      op('get', [4, 5], { result: 1 }),
      op('get', [6, 7], { result: 2 }),
    ]),
  ).toBe('yes')
  expect(
    isLinearizable([
      op('put', [1, 2], { value: 1 }),
      op('cas', [3, 4], { expected: 1, value: 5, result: true }),
      op('del', [5, 6], { result: true }),
      op('get', [7, 8], { result: null }),
    ]),
  ).toBe('yes')
})

test('bad histories', () => {
  // A stale read.
  expect(
    isLinearizable([
      op('put', [1, 2], { value: 1 }),
      op('put', [3, 4], { value: 2 }),
      op('get', [5, 6], { result: 1 }),
    ]),
  ).toBe('no')
  // A write that was seen, then unseen.
  expect(
    isLinearizable([
      op('put', [1, 2], { value: 1 }),
      op('put', [3, NEVER], { value: 2 }),
      op('get', [4, 5], { result: 2 }),
      op('get', [6, 7], { result: 1 }),
    ]),
  ).toBe('no')
  // An acknowledged write is lost.
  expect(
    isLinearizable([op('put', [1, 2], { value: 1 }), op('get', [3, 4], { result: null })]),
  ).toBe('no')
  // Two compare-and-sets from one value.
  expect(
    isLinearizable([
      op('put', [1, 2], { value: 1 }),
      op('cas', [3, 6], { expected: 1, value: 2, result: true }),
      op('cas', [4, 7], { expected: 1, value: 3, result: true }),
    ]),
  ).toBe('no')
})
