/** L2 to L4: what must not happen while nothing fails, or one thing fails for good. docs/simulator.md */
import { expect, test } from 'vitest'
import type { Link } from '../../src/sim/nemesis.ts'
import type { SimOptions } from '../../src/sim/options.ts'
import { Simulator } from '../../src/sim/simulator.ts'
import { calmOptions } from '../../src/sim/swarm.ts'

const MINUTE = 60_000

interface Scene {
  readonly minutes: number
  readonly cuts?: readonly Link[]
  readonly down?: readonly number[]
}

/** Three replicas, clients that ask all the time, and what is wrong from the first moment on. */
function play(seed: number, { minutes, cuts = [], down = [] }: Scene) {
  const calm = calmOptions(seed, { replicas: 3 })
  const workload = {
    ...calm.workload,
    clients: 2,
    inFlight: 1,
    thinkMs: 500,
    overload: false,
    abandon: 0,
    twice: 0,
    reads: 0,
    requests: minutes * 400,
  }
  const options: SimOptions = {
    ...calm,
    tickMs: 10,
    disk: { ...calm.disk, syncMs: [1, 1] },
    workload,
    permanent: { cuts, down },
    safetyMs: minutes * MINUTE,
  }
  const views: string[] = []
  const latencies: number[] = []
  const line = (text: string): void => {
    if (/view \d+ started/.test(text)) views.push(text)
  }
  // Without the liveness phase, which would end what is wrong.
  const simulator = new Simulator(options, { level: 'short', line }, { untilMs: minutes * MINUTE })
  const outcome = simulator.run()
  for (const { calledMs, returnedMs } of simulator.history.operations) {
    if (returnedMs !== undefined) latencies.push(returnedMs - calledMs)
  }
  const started = [...new Set(views.map(text => Number(/view (\d+) started/.exec(text)?.[1])))]
  const atMs = views.map(text => Number(text.trim().split(' ')[0]))
  const meanMs = latencies.reduce((sum, ms) => sum + ms, 0) / latencies.length
  return { outcome, started, lastMs: Math.max(...atMs), meanMs, answered: latencies.length }
}

test('L2: ten minutes without a fault, and the first view goes on', () => {
  const { outcome, started, answered } = play(11, { minutes: 10 })
  expect(outcome.failure).toBeUndefined()
  expect(started).toEqual([0])
  expect(answered).toBeGreaterThan(1500)
})

test('L3: without one of its backups a group works on, about as fast, in the same view', () => {
  const whole = play(12, { minutes: 3 })
  const lame = play(12, { minutes: 3, down: [2] })
  expect(lame.outcome.failure).toBeUndefined()
  expect(lame.started).toEqual([0])
  expect(lame.meanMs).toBeLessThanOrEqual(1.5 * whole.meanMs)
  expect(lame.answered).toBeGreaterThan(0.9 * whole.answered)
})

test('L4: whichever replica is deaf or mute, at most two views end, then all is quiet', () => {
  for (const number of [0, 1, 2]) {
    const others = [0, 1, 2].filter(other => other !== number)
    for (const way of ['deaf', 'mute'] as const) {
      const cuts = others.map<Link>(other => (way === 'deaf' ? [other, number] : [number, other]))
      const { outcome, started, lastMs } = play(13, { minutes: 2, cuts })
      const who = `r${number} ${way}`
      expect(outcome.failure, who).toBeUndefined()
      expect(started.length, who).toBeLessThanOrEqual(3)
      expect(lastMs, who).toBeLessThan(15_000)
    }
  }
})
