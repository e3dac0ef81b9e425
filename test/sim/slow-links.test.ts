/** A network or a disk slower than the first patience with a view: it has to grow, or no view ever starts. §4.2, pitfall 22 */
import { expect, test } from 'vitest'
import { CALM_NETWORK, type Range, type SimOptions } from '../../src/sim/options.ts'
import { Simulator } from '../../src/sim/simulator.ts'
import { calmOptions } from '../../src/sim/swarm.ts'

/** Three replicas of which the first primary is down. Gives the views that started, and how many requests were answered. */
function play(delayMinMs: number, syncMs: Range) {
  const calm = calmOptions(21, { replicas: 3 })
  const options: SimOptions = {
    ...calm,
    tickMs: 10,
    network: { ...CALM_NETWORK, delayMinMs },
    disk: { ...calm.disk, syncMs },
    workload: { ...calm.workload, reads: 0, overload: false, timeoutMs: 5000 },
    permanent: { cuts: [], down: [0] },
    safetyMs: 60_000,
  }
  const views: string[] = []
  const line = (text: string): void => {
    if (/view [1-9]\d* started/.test(text)) views.push(text)
  }
  // Without the liveness phase, which would end the delays.
  const simulator = new Simulator(options, { level: 'short', line }, { untilMs: 60_000 })
  expect(simulator.run().failure).toBeUndefined()
  const answered = simulator.history.operations.filter(({ result }) => result !== undefined)
  return { views, answered: answered.length }
}

test.each([
  ['half a second each way', 500, [1, 1]],
  ['six tenths of a second to a disk', 1, [600, 600]],
] as const)('%s: a view starts, and serves', (_, delayMinMs, syncMs) => {
  const { views, answered } = play(delayMinMs, syncMs)
  expect(views.some(text => / r1 /.test(text))).toBe(true)
  expect(views.some(text => / r2 /.test(text))).toBe(true)
  expect(answered).toBeGreaterThan(10)
})
