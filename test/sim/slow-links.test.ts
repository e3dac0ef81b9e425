/** A network slower than the first patience with a view: it has to grow, or no view ever starts. §4.2, pitfall 22 */
import { expect, test } from 'vitest'
import { CALM_NETWORK, type SimOptions } from '../../src/sim/options.ts'
import { Simulator } from '../../src/sim/simulator.ts'
import { calmOptions } from '../../src/sim/swarm.ts'

test('half a second each way and the first primary down: a view starts, and the others serve', () => {
  const calm = calmOptions(21, { replicas: 3 })
  const options: SimOptions = {
    ...calm,
    tickMs: 10,
    network: { ...CALM_NETWORK, delayMinMs: 500 },
    disk: { ...calm.disk, syncMs: [1, 1] },
    workload: { ...calm.workload, reads: 0, overload: false, timeoutMs: 5000 },
    permanent: { cuts: [], down: [0] },
    safetyMs: 60_000,
  }
  const views: string[] = []
  const line = (text: string): void => {
    if (/view \d+ started/.test(text)) views.push(text)
  }
  // Without the liveness phase, which would end the delays.
  const simulator = new Simulator(options, { level: 'short', line }, { untilMs: 60_000 })
  expect(simulator.run().failure).toBeUndefined()
  expect(views.some(text => / r2 /.test(text))).toBe(true)
  const answered = simulator.history.operations.filter(({ result }) => result !== undefined)
  expect(answered.length).toBeGreaterThan(10)
})
