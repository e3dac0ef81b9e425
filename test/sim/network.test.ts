import { expect, test } from 'vitest'
import { Prng } from '../../src/base/prng.ts'
import { Network } from '../../src/sim/network.ts'
import { CALM_NETWORK } from '../../src/sim/options.ts'

const network = (options: Partial<typeof CALM_NETWORK> = {}): Network =>
  new Network({ ...CALM_NETWORK, ...options }, new Prng(1), 3)

test('a calm network delivers every message once, later than it was sent', () => {
  const calm = network()
  for (let i = 0; i < 200; i++) {
    const arrivals = calm.arrivals(0, 1, 1000)
    expect(arrivals).toHaveLength(1)
    expect(arrivals[0]).toBeGreaterThanOrEqual(1000)
  }
})

test('a cut is one way, until it is joined', () => {
  const cut = network()
  cut.cut(0, 1)
  expect(cut.arrivals(0, 1, 0)).toEqual([])
  expect(cut.arrivals(1, 0, 0)).toHaveLength(1)
  cut.join(0, 1)
  expect(cut.arrivals(0, 1, 0)).toHaveLength(1)
  expect(cut.counts.dropped).toBe(1)
})

test('a clog delays and loses nothing', () => {
  const clogged = network()
  clogged.clog(0, 1, 5000)
  expect(clogged.arrivals(0, 1, 10)[0]).toBeGreaterThanOrEqual(5000)
  expect(clogged.arrivals(0, 2, 10)[0]).toBeLessThan(5000)
})

test('loss and duplication come at about their rates', () => {
  const wild = network({ loss: 0.3, duplicate: 0.5 })
  const counts = [0, 0, 0]
  for (let i = 0; i < 2000; i++) {
    const copies = wild.arrivals(0, 1, 0).length
    counts[copies] = (counts[copies] ?? 0) + 1
  }
  expect(counts[0]).toBeGreaterThan(500)
  expect(counts[0]).toBeLessThan(700)
  expect(counts[2]).toBeGreaterThan(600)
})

test('the same seed draws the same network', () => {
  const draw = (): number[][] => {
    const wild = network({ loss: 0.2, duplicate: 0.3, reorder: 0.2 })
    return Array.from({ length: 50 }, (_, i) => wild.arrivals(i % 3, (i + 1) % 3, i))
  }
  expect(draw()).toEqual(draw())
})
