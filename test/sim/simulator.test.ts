/** The simulator itself: the same seed is the same run, and a set of seeds finds nothing and tries enough. */
import { expect, test } from 'vitest'
import { addCoverage, emptyCoverage, tooLittle } from '../../src/sim/coverage.ts'
import { simulate } from '../../src/sim/main.ts'
import { Simulator } from '../../src/sim/simulator.ts'
import { calmOptions } from '../../src/sim/swarm.ts'

const SEEDS = 60

test('the same seed twice gives the same digest, watched or not; another seed another one', () => {
  for (const seed of [3, 8, 27]) {
    const first = simulate(seed)
    const watched = simulate(seed, { tracing: { level: 'full', line: () => {} } })
    expect(watched.digest).toBe(first.digest)
    expect(simulate(seed + 1).digest).not.toBe(first.digest)
  }
})

test(`${SEEDS} seeds: every property holds, and enough was tried`, () => {
  const total = emptyCoverage()
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { failure, coverage } = simulate(seed)
    if (failure) throw new Error(`${failure.message}\nREPRODUCE: npm run sim -- --seed ${seed}`)
    addCoverage(total, coverage)
  }
  expect(tooLittle(total, SEEDS)).toEqual([])
})

test('without faults no view ends, and every request is answered', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const calm = calmOptions(seed, { replicas: 3 })
    const { failure, coverage } = new Simulator(calm).run()
    expect(failure).toBeUndefined()
    // The liveness phase leaves one out, which may stop it and cost a view.
    expect(coverage.crashes).toBeLessThanOrEqual(1)
    expect(coverage.views).toBeLessThanOrEqual(2)
    expect(coverage.replies).toBeGreaterThanOrEqual(calm.workload.requests)
  }
})

test('groups of one, five and seven', () => {
  for (const replicas of [1, 5, 7]) {
    for (let seed = 500; seed < 506; seed++) {
      expect(simulate(seed, { replicas }).failure).toBeUndefined()
    }
  }
})

test('a run ends where it is told to', () => {
  expect(simulate(4, { untilMs: 1000 }).virtualMs).toBeLessThanOrEqual(1000)
})

test('a set of seeds that tried too little is refused', () => {
  expect(tooLittle(emptyCoverage(), 50).length).toBeGreaterThan(5)
  expect(tooLittle(emptyCoverage(), 3)).toEqual([])
})

test.each([
  [300, 30, true],
  [300, 50, false],
  [20, 0, false],
])(
  'a kind on in %i seeds that happened in %i: too little is %s, bad luck is not',
  (on, fired, is) => {
    const total = emptyCoverage()
    total.kinds.set('rain', { on, fired })
    expect(tooLittle(total, 300).some(each => each.includes('rain'))).toBe(is)
  },
)
