import { expect, test } from 'vitest'
import { type Interval, verdictOf } from '../../src/sim/check/linearizable.ts'

/** `[called, returned] operation → result` */
const at = (called: number, returned: number, operation: string, result?: string): Interval => ({
  op: { operation, result },
  called,
  returned,
})

const isLinearizable = (history: readonly Interval[]) => verdictOf(history).linearizable

test('a sequential history has an order', () => {
  const history = [
    at(0, 1, 'put r1 a', 'ok'),
    at(2, 3, 'get r1', 'a'),
    at(4, 5, 'cas r1 a b', 'swapped'),
    at(6, 7, 'get r1', 'b'),
  ]
  expect(isLinearizable(history)).toBe('yes')
})

test('a stale read has none', () => {
  const history = [at(0, 1, 'put r1 a', 'ok'), at(2, 3, 'put r1 b', 'ok'), at(4, 5, 'get r1', 'a')]
  expect(isLinearizable(history)).toBe('no')
})

test('operations under way at once may take effect in either order', () => {
  const puts = [at(0, 10, 'put r1 a', 'ok'), at(0, 10, 'put r1 b', 'ok')]
  expect(isLinearizable([...puts, at(11, 12, 'get r1', 'a')])).toBe('yes')
  expect(isLinearizable([...puts, at(11, 12, 'get r1', 'b')])).toBe('yes')
  expect(isLinearizable([...puts, at(11, 12, 'get r1', '-')])).toBe('no')
})

test('two readers may not see two orders', () => {
  const history = [
    at(0, 100, 'put r1 a', 'ok'),
    at(0, 100, 'put r1 b', 'ok'),
    at(10, 11, 'get r1', 'a'),
    at(12, 13, 'get r1', 'b'),
    at(14, 15, 'get r1', 'a'),
  ]
  expect(isLinearizable(history)).toBe('no')
})

test('a read may not see the future, nor an operation twice', () => {
  expect(isLinearizable([at(0, 1, 'get r1', 'a'), at(2, 3, 'put r1 a', 'ok')])).toBe('no')
  expect(isLinearizable([at(0, 1, 'add c1 5', '5'), at(2, 3, 'add c1 5', '15')])).toBe('no')
})

test('an operation whose result is unknown may have had any, but in its time', () => {
  const unknown = at(5, 6, 'append a1 x')
  expect(isLinearizable([unknown, at(7, 8, 'get a1', 'x')])).toBe('yes')
  expect(isLinearizable([at(0, 1, 'get a1', 'x'), unknown])).toBe('no')
})

test('a long history with much at once is decided', () => {
  const history: Interval[] = []
  let sum = 0
  for (let i = 0; i < 400; i++) {
    sum += 1
    history.push(at(i * 10, i * 10 + 75, 'add c1 1', String(sum)))
  }
  expect(isLinearizable(history)).toBe('yes')
  history.push(at(9000, 9001, 'get c1', String(sum - 1)))
  expect(isLinearizable(history)).toBe('no')
})
