/** State transfer comes to an end: what is slow, repeated, or meets a view change. VRR §5.2 */
import { describe, expect, test } from 'vitest'
import type { ReplicaOptions } from '../../src/vr/options.ts'
import { operation, Replicas } from '../support/replicas.ts'

/** The log is kept for so short that r2, away for 300 operations, needs a checkpoint. */
const SHORT: Partial<ReplicaOptions> = {
  checkpointEvery: 50,
  checkpointIntervalMs: 0,
  keepLogOperations: 1,
  keepLogMs: 0,
  logTailMax: 10,
  transferBytesMax: 200,
  viewChangeTimeoutMs: 2000,
  startGraceMs: 4000,
}

function withLaggard(options: Partial<ReplicaOptions> = {}): { group: Replicas; session: string } {
  const group = new Replicas(3, { ...SHORT, ...options })
  const session = group.open(0, 's')
  group.crash(2)
  group.write(session, 1, 300)
  group.start(2)
  return { group, session }
}

describe('a checkpoint is fetched', () => {
  test('though every answer takes longer than the patience of a question', () => {
    const { group } = withLaggard()
    group.runSlowly(20_000, 90)
    expect(group.state(2)).toBe(group.state(0))
    expect(group.value(2, 'k3')).toBe(group.value(0, 'k3'))
  })

  test('though other checkpoints are taken meanwhile: the one under way is kept', () => {
    const { group, session } = withLaggard()
    group.tick(100, 0)
    while (group.at(2).transfer?.fetch === undefined) {
      if (group.deliver({ from: 0, to: 2 }) + group.deliver({ from: 2, to: 0 }) === 0) break
    }
    const fetched = group.at(2).transfer?.fetch?.id.opNumber
    group.deliver({ from: 2, to: 0 })
    group.take()
    for (let n = 301; n <= 600; n++) {
      group.request(0, operation(session, n, `put k${n % 40} ${n}`, n - 1))
      group.settle({ from: 0, to: 1 }, { from: 1, to: 0 })
    }
    expect(fetched).toBeDefined()
    expect(group.at(0).kept.map(k => k.id.opNumber)).toContain(fetched)
    expect(group.at(0).kept.length).toBeLessThanOrEqual(3)
    group.run(2000)
    expect(group.state(2)).toBe(group.state(0))
  })

  test('though a view change comes in between: it goes on where it was', () => {
    const { group } = withLaggard()
    group.tick(100, 0)
    const records = () => group.at(2).transfer?.fetch?.records.length ?? 0
    for (let i = 0; i < 20 && records() < 5; i++) {
      group.deliver({ from: 0, to: 2 })
      group.deliver({ from: 2, to: 0 })
    }
    const before = records()
    expect(before).toBeGreaterThan(4)
    group.take()
    group.step(0, { type: 'step-down' })
    group.settle({ type: 'STARTVIEWCHANGE' }, { type: 'DOVIEWCHANGE' })
    expect(group.at(2).viewNumber).toBe(1)
    expect(records()).toBe(before)
    group.run(3000)
    expect(group.state(2)).toBe(group.state(1))
    expect(group.state(0)).toBe(group.state(1))
  })

  test('by a replica that does not vote meanwhile to leave the view that it joins', () => {
    const { group } = withLaggard({ viewChangeTimeoutMs: 250 })
    // It is on its way into view 1, which r0 and r1 have started without it.
    group.step(0, { type: 'step-down' })
    group.settle({ from: 0, to: 1 }, { from: 1, to: 0 })
    expect(group.state(1)).toMatch('normal v1')
    const votes: number[] = []
    group.runSlowly(4000, 60, () => {
      for (const { from, message } of group.wire) {
        if (message.type === 'STARTVIEWCHANGE') votes.push(from)
      }
    })
    expect(votes).toEqual([])
    expect(group.state(2)).toBe(group.state(1))
  })
})

test('a backup whose disk hangs takes in a bounded amount, and catches up afterwards', () => {
  const group = new Replicas(3, { pipelineBytesMax: 4096, viewChangeTimeoutMs: 2000 })
  const session = group.open(0, 's')
  for (let n = 1; n <= 300; n++) {
    group.request(0, operation(session, n, `put k ${'v'.repeat(200)}`, n - 1))
    for (const i of [0, 1, 0]) {
      group.sync(i)
      group.deliver()
    }
  }
  expect(group.at(0).commitNumber).toBe(301)
  expect(group.at(2).unwrittenBytes).toBeLessThan(5 * 4096)
  group.run(2000)
  expect(group.state(2)).toBe('normal v0 n301 k301')
  expect(group.at(2).durableOp).toBe(301)
})
