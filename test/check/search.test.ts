import { expect, test } from 'vitest'
import { Prng } from '../../src/base/prng.ts'
import type { Interval, Model } from '../../src/check/model.ts'
import { type Asked, bank, counter, list, register } from '../../src/check/models.ts'
import { isLinearizable } from '../../src/check/search.ts'
import { at, hasOrder, NEVER } from './support.ts'

const verdict = (model: Model<Asked>, ...history: readonly Interval<Asked>[]) =>
  isLinearizable(model, history).linearizable

const GOOD: readonly (readonly [string, Model<Asked>, readonly Interval<Asked>[]])[] = [
  ['nothing happened', register, []],
  ['a read beside a write sees it', register, [at([1, 4], 'put', [1]), at([2, 3], 'get', [], 1)]],
  ['… or does not', register, [at([1, 4], 'put', [1]), at([2, 3], 'get', [], null)]],
  [
    'a write nobody heard of shows later',
    register,
    [
      at([1, 2], 'put', [1]),
      at([3, NEVER], 'put', [2]),
      at([4, 5], 'get', [], 1),
      at([6, 7], 'get', [], 2),
    ],
  ],
  [
    'a value that was compared and deleted',
    register,
    [
      at([1, 2], 'put', [1]),
      at([3, 4], 'cas', [1, { a: [5] }], true),
      at([5, 6], 'cas', [1, 6], false),
      at([7, 8], 'del', [], true),
      at([9, 10], 'get', [], null),
      at([11, 12], 'del', [], false),
    ],
  ],
  [
    'a write put again as it is, for a read after another',
    register,
    [
      at([1, 2], 'put', [1]),
      at([3, 20], 'put', [1]),
      at([4, 5], 'put', [2]),
      at([6, 7], 'get', [], 2),
      at([8, 9], 'get', [], 1),
    ],
  ],
  [
    'two that add at once',
    counter,
    [at([1, 5], 'incr', [2], 5), at([2, 6], 'incr', [3], 3), at([7, 8], 'get', [], 5)],
  ],
  [
    'elements in the order of their acknowledgements',
    list,
    [at([1, 2], 'append', ['a']), at([3, 4], 'append', ['b']), at([5, 6], 'get', [], ['a', 'b'])],
  ],
  [
    'a transfer, and one that was too late',
    bank,
    [
      at([1, 2], 'open', [[9, 9]]),
      at([3, 5], 'transfer', [0, 9, 1, 9, 4], true),
      at([4, 6], 'transfer', [0, 9, 1, 9, 2], false),
      at([7, 8], 'get', [], [5, 13]),
    ],
  ],
]

/** The classical anomalies, each as small as it gets. */
const BAD: readonly (readonly [string, Model<Asked>, readonly Interval<Asked>[]])[] = [
  [
    'an acknowledged write is lost',
    register,
    [at([1, 2], 'put', [1]), at([3, 4], 'get', [], null)],
  ],
  [
    'a lost update: two compared with the same and both succeeded',
    register,
    [at([1, 2], 'put', [1]), at([3, 6], 'cas', [1, 2], true), at([4, 7], 'cas', [1, 3], true)],
  ],
  [
    'a stale read',
    register,
    [at([1, 2], 'put', [1]), at([3, 4], 'put', [2]), at([5, 6], 'get', [], 1)],
  ],
  [
    'a read goes back',
    register,
    [
      at([1, 2], 'put', [1]),
      at([3, NEVER], 'put', [2]),
      at([4, 5], 'get', [], 2),
      at([6, 7], 'get', [], 1),
    ],
  ],
  ['a phantom: nobody wrote it', register, [at([1, 2], 'put', [1]), at([1, 4], 'get', [], 7)]],
  ['a read of what is written later', register, [at([1, 2], 'get', [], 1), at([3, 4], 'put', [1])]],
  [
    // What failed for certain is no part of the history, so that its value is one nobody wrote.
    'a read of an aborted write',
    register,
    [at([1, 2], 'put', [1]), at([5, 6], 'get', [], 2), at([7, 8], 'get', [], 2)],
  ],
  [
    'a split brain: each side sees its own',
    register,
    [
      at([1, 2], 'put', [1]),
      at([1, 3], 'put', [2]),
      at([4, 5], 'get', [], 1),
      at([4, 6], 'get', [], 2),
      at([7, 8], 'get', [], 1),
    ],
  ],
  [
    'executed twice',
    counter,
    [at([1, 2], 'incr', [1], 1), at([3, 4], 'incr', [1], 3), at([5, 6], 'get', [], 3)],
  ],
  ['two add to the same', counter, [at([1, 3], 'incr', [1], 1), at([2, 4], 'incr', [1], 1)]],
  [
    'a deleted value comes back',
    register,
    [at([1, 2], 'put', [1]), at([3, 4], 'del', [], true), at([5, 6], 'get', [], 1)],
  ],
  [
    'reordered: acknowledged one after the other, seen the other way round',
    list,
    [at([1, 2], 'append', ['a']), at([3, 4], 'append', ['b']), at([5, 6], 'get', [], ['b', 'a'])],
  ],
  [
    'money appears',
    bank,
    [
      at([1, 2], 'open', [[9, 9]]),
      at([3, 4], 'transfer', [0, 9, 1, 9, 4], true),
      at([3, 5], 'get', [], [9, 13]),
    ],
  ],
]

test.each(GOOD)('good: %s', (_name, model, history) => {
  expect(verdict(model, ...history)).toBe('yes')
})

test.each(BAD)('bad: %s', (_name, model, history) => {
  expect(verdict(model, ...history)).toBe('no')
  // A bad history stays bad whatever else goes on.
  const later = at([100, 101], 'get', [], undefined)
  expect(verdict(model, ...history, later)).toBe('no')
})

test('the moment of the return that no order passes is told', () => {
  const history = [at([1, 2], 'put', [1]), at([3, 4], 'get', [], 2), at([5, 6], 'put', [2])]
  expect(isLinearizable(register, history)).toMatchObject({ linearizable: 'no', stuckAt: 4 })
})

test('a search that takes too long says that it does not know', () => {
  const puts = Array.from({ length: 12 }, (_, i) => at([i, 100], 'put', [i]))
  const history = [...puts, at([101, 102], 'get', [], 3), at([103, 104], 'get', [], 4)]
  expect(isLinearizable(register, history, 50).linearizable).toBe('unknown')
  expect(isLinearizable(register, history).linearizable).toBe('no')
})

test('many writes of unknown outcome do not make it slow', () => {
  const open = Array.from({ length: 60 }, (_, i) => at([i, NEVER], 'put', [i]))
  const reads = Array.from({ length: 30 }, (_, i) => at([100 + i, 100.5 + i], 'get', [], i))
  const good = isLinearizable(register, [...open, ...reads])
  expect(good.linearizable).toBe('yes')
  const bad = isLinearizable(register, [...open, ...reads, at([200, 201], 'get', [], 5)])
  expect(bad.linearizable).toBe('no')
  expect(bad.steps).toBeLessThan(20_000)
})

test('whatever is drawn, the verdict is that of the definition', () => {
  const counts = { yes: 0, no: 0 }
  for (let seed = 0; seed < 4_000; seed++) {
    const prng = new Prng(seed)
    const model = prng.chance(0.7) ? register : counter
    const values = prng.int(1, 3)
    const history = Array.from({ length: prng.int(1, 7) }, () => draw(prng, model, values))
    const expected = hasOrder(model, history) ? 'yes' : 'no'
    counts[expected]++
    expect([seed, verdict(model, ...history)]).toEqual([seed, expected])
  }
  expect(Math.min(counts.yes, counts.no)).toBeGreaterThan(500)
})

function draw(prng: Prng, model: Model<Asked>, values: number): Interval<Asked> {
  const called = prng.int(0, 20)
  const returned = prng.chance(0.25) ? NEVER : called + prng.int(1, 12)
  const isKnown = returned !== NEVER && prng.chance(0.9)
  const a = prng.int(1, values)
  const span = [called, returned] as const
  if (model === counter) {
    return prng.chance(0.5)
      ? at(span, 'get', [], isKnown ? prng.int(1, 3) : undefined)
      : at(span, 'incr', [1], isKnown ? prng.int(1, 3) : undefined)
  }
  const isHit = isKnown ? prng.chance(0.5) : undefined
  switch (prng.pick(['get', 'put', 'cas', 'del'])) {
    case 'get':
      return at(span, 'get', [], isKnown ? prng.pick([null, a]) : undefined)
    case 'put':
      return at(span, 'put', [a])
    case 'cas':
      return at(span, 'cas', [a, prng.int(1, values)], isHit)
    default:
      return at(span, 'del', [], isHit)
  }
}
