/** Faults in force: what each means for a frame, and when it ends. */
import { expect, test } from 'vitest'
import type { Fault } from '../../src/chaos/api.ts'
import { FAULTS_MAX, Faults } from '../../src/chaos/faults.ts'
import { VirtualClock } from './clock.ts'

function make(random = () => 0.5) {
  const clock = new VirtualClock()
  return { clock, faults: new Faults(clock, random) }
}

const cut = (more: Partial<Extract<Fault, { kind: 'partition' }>> = {}): Fault => ({
  kind: 'partition',
  peers: ['n2'],
  direction: 'both',
  ...more,
})

test('a cut loses what goes its way, and nothing else', () => {
  const { faults } = make()
  faults.inject(cut({ direction: 'in' }))
  expect(faults.judge('n2', 'in', 'main').lost).toBe(true)
  expect(faults.judge('n2', 'in', undefined).lost).toBe(true)
  expect(faults.judge('n2', 'out', 'main').lost).toBe(false)
  expect(faults.judge('n3', 'in', 'main').lost).toBe(false)
  expect(faults.cutOff('n2')).toBe(true)
  expect(faults.cutOff('n3')).toBe(false)
})

test('a cut of one shard leaves the others, what is of none, and the connection', () => {
  const { faults } = make()
  faults.inject(cut({ shard: 's1' }))
  expect(faults.judge('n2', 'out', 's1').lost).toBe(true)
  expect(faults.judge('n2', 'out', 'main').lost).toBe(false)
  expect(faults.judge('n2', 'out', undefined).lost).toBe(false)
  expect(faults.cutOff('n2')).toBe(false)
})

test('the share of lost frames is drawn; delays add up, with their jitter', () => {
  const draws = [0.09, 0.1]
  const { faults } = make(() => draws.shift() ?? 0.5)
  faults.inject({ kind: 'drop', peers: ['n2'], direction: 'both', rate: 0.1 })
  expect(faults.judge('n2', 'out', 'main').lost).toBe(true)
  expect(faults.judge('n2', 'out', 'main').lost).toBe(false)
  faults.inject({ kind: 'delay', peers: ['n2'], direction: 'both', ms: 20, jitterMs: 10 })
  faults.inject({ kind: 'delay', peers: ['n2', 'n3'], direction: 'out', ms: 5, jitterMs: 0 })
  expect(faults.judge('n2', 'out', 'main')).toEqual({ lost: false, delayMs: 30 })
  expect(faults.judge('n2', 'in', 'main')).toEqual({ lost: false, delayMs: 25 })
})

test('a fault given again replaces the former, its end included', () => {
  const { clock, faults } = make()
  faults.inject({ kind: 'slow-disk', ms: 10 }, 100)
  clock.advance(60)
  faults.inject({ kind: 'slow-disk', ms: 20 }, 100)
  expect(clock.timers).toBe(1)
  clock.advance(60)
  expect(faults.slowDiskMs).toBe(20)
  expect(faults.status()).toMatchObject([{ id: 'f2', ageMs: 60, leftMs: 40 }])
  clock.advance(40)
  expect(faults.slowDiskMs).toBe(0)
  expect(faults.size).toBe(0)
})

test('healing ends all, or one kind, and every change is told', () => {
  const { clock, faults } = make()
  let told = 0
  faults.onChange(() => told++)
  faults.inject(cut(), 1000)
  faults.inject({ kind: 'pause' })
  expect([faults.paused, faults.calm]).toEqual([true, false])
  expect(faults.heal('pause')).toBe(1)
  expect([faults.paused, faults.size]).toEqual([false, 1])
  expect(faults.heal()).toBe(1)
  expect([faults.heal(), faults.calm, clock.timers]).toEqual([0, true, 0])
  expect(told).toBe(4)
})

test('the list is bounded, and says so', () => {
  const { faults } = make()
  const one = (i: number): Fault => cut({ peers: [`p${i}`] })
  for (let i = 0; i < FAULTS_MAX; i++) faults.inject(one(i))
  expect(() => faults.inject(one(FAULTS_MAX))).toThrow(/64 faults are in force here/)
  faults.inject(one(0), 5)
  expect(faults.size).toBe(FAULTS_MAX)
})

test('each is a sentence', () => {
  const { faults } = make()
  const to = { peers: ['n2', 'n3'], direction: 'out' } as const
  faults.inject(cut())
  faults.inject({ kind: 'partition', ...to, shard: 's1' })
  faults.inject({ kind: 'drop', ...to, rate: 0.005 })
  faults.inject({ kind: 'delay', ...to, ms: 20, jitterMs: 10 })
  faults.inject({ kind: 'slow-disk', ms: 7 })
  faults.inject({ kind: 'pause' })
  expect(faults.status().map(({ text }) => text)).toEqual([
    'cut off from n2',
    'all frames to n2, n3 of s1 are lost',
    '0.5 % of the frames to n2, n3 are lost',
    'frames to n2, n3 take 20 to 30 ms longer',
    'each synced batch takes 7 ms longer',
    'paused',
  ])
})
