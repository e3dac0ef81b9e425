/** What makes a failing run smaller, on runs that are made up. */
import { expect, test } from 'vitest'
import { emptyCoverage } from '../../src/sim/coverage.ts'
import { minimise, signatureOf } from '../../src/sim/minimise.ts'
import type { Outcome } from '../../src/sim/outcome.ts'
import { activeIn, type Overrides, optionsWith, toWords } from '../../src/sim/overrides.ts'
import { calmOptions, optionsOf } from '../../src/sim/swarm.ts'

const ALL = Array.from({ length: 16 }, (_, i) => `crash.${i + 1}`)

/** Fails if it has these faults; longer with more faults and requests. */
function made(needed: readonly string[], given: Overrides): Outcome {
  const faults = ALL.filter(name => given.faults?.includes(name) ?? true)
  const fails = needed.every(name => faults.includes(name))
  const atMs = 100 + 10 * faults.length
  const message = `log-agreement: r1 executes op ${atMs} as 0123456789abcdef0123456789abcdef`
  const failure = { kind: 'property', property: 'log-agreement', message, atMs } as const
  return {
    failure: fails ? failure : undefined,
    stuck: undefined,
    digest: '',
    coverage: { ...emptyCoverage(), events: 50 * faults.length + (given.requests ?? 300) },
    virtualMs: atMs,
    faults,
  }
}

test('of the faults that happened only those that matter are left', () => {
  const needed = ['crash.3', 'crash.11']
  const search = {
    run: (given: Overrides) => made(needed, given),
    options: (given: Overrides) => optionsWith(1, given),
    isOver: () => false,
  }
  const small = minimise(made(needed, {}), {}, search)
  expect(small.overrides.faults).toEqual(needed)
  expect(small.overrides.requests).toBe(1)
  expect(small.outcome.coverage.events).toBeLessThan(0.3 * made(needed, {}).coverage.events)
})

test('time that is up leaves the run as it is', () => {
  const search = {
    run: () => made([], {}),
    options: (given: Overrides) => optionsWith(1, given),
    isOver: () => true,
  }
  expect(minimise(made([], {}), { clients: 2 }, search)).toMatchObject({
    overrides: { clients: 2 },
    tries: 0,
  })
})

test('a failure is known by its property and its sentence, not by its numbers', () => {
  const failure = (message: string) =>
    signatureOf({ kind: 'property', property: 'p', message, atMs: 1 })
  expect(failure('r1 executes op 25\nmore')).toBe(failure('r4 executes op 7'))
  expect(failure('r1 executes op 25')).not.toBe(failure('r1 prepares op 25'))
})

test('overrides are written as the command line takes them', () => {
  const given = {
    luck: 3,
    without: ['clog', 'loss'],
    clients: 1,
    faults: ['crash.1'],
    untilMs: 812,
  }
  const line = '--luck 3 --without clog,loss --clients 1 --faults crash.1 --until-ms 812'
  expect(toWords(given)).toBe(line)
  expect(toWords({ faults: [] })).toBe('--faults none')
})

test('what is switched off is off, and nothing else changes', () => {
  const options = optionsOf(1)
  const active = activeIn(options)
  expect(active.length).toBeGreaterThan(3)
  const calm = optionsWith(1, { without: active })
  expect(activeIn(calm)).toEqual([])
  expect(calm.replica).toEqual(options.replica)
  expect(optionsWith(1, {})).toEqual(options)
  expect(() => optionsWith(1, { without: ['rain'] })).toThrow('«rain» cannot be switched off')
})

test('options that were kept are those of the run, whatever the seed says today', () => {
  const kept = calmOptions(7, { replicas: 5 })
  const short = { ...kept, network: { ...kept.network, loss: 0.25 } }
  expect(optionsWith(7, { kept: short })).toEqual(short)
})
