/** Reads by read-index: what is asked, repeated and answered. VRR §6.3 names leases; we ask instead. */
import { expect, test } from 'vitest'
import { operation, Replicas } from '../support/replicas.ts'

test('a read is answered though answers take longer than patience and new reads never stop', () => {
  const group = new Replicas(3, { viewChangeTimeoutMs: 2000 })
  group.open(0, 's')
  let reads = 0
  group.runSlowly(3000, 120, () => group.step(1, { type: 'read', readNumber: ++reads }))
  expect(group.at(1).viewNumber).toBe(0)
  expect(group.node(1).reads.length).toBeGreaterThan(3)
})

test('a question that is repeated waits once at the primary', () => {
  const group = new Replicas(3)
  group.settle()
  group.step(1, { type: 'read', readNumber: 1 })
  group.take({ type: 'READINDEX' }).forEach(packet => {
    group.give([packet, packet, packet])
  })
  expect(group.at(0).reads.pending).toHaveLength(1)
})

test('a confirmation asked for before the read came does not count', () => {
  const group = new Replicas(3)
  group.settle()
  group.tick(50, 0)
  // These heartbeats left before the read.
  const before = group.take({ type: 'COMMIT' })
  group.step(0, { type: 'read', readNumber: 1 })
  group.take({ type: 'COMMIT' })
  group.give(before)
  group.deliver({ type: 'COMMITOK' })
  expect(group.node(0).reads).toEqual([])
  group.run(60)
  expect(group.node(0).reads).toEqual([{ readNumber: 1, opNumber: 0 }])
})

test('a new primary serves no read before all that its view started with is committed', () => {
  const group = new Replicas(3)
  const session = group.open(0, 's')
  group.request(0, operation(session, 1, 'put x 1'))
  for (const i of [0, 1]) {
    group.sync(i)
    group.deliver({ type: 'PREPARE' })
    group.sync(i)
  }
  group.deliver({ type: 'PREPAREOK' })
  // Committed and answered by r0; r1 has the entry but not the commit-number.
  expect(group.at(0).commitNumber).toBe(2)
  expect(group.at(1).commitNumber).toBe(1)
  group.crash(0)
  group.take()
  group.tick(1500, 1, 2)
  for (let i = 0; i < 6 && group.at(1).status !== 'normal'; i++) {
    group.deliver()
    group.sync(1)
    group.sync(2)
  }
  group.step(1, { type: 'read', readNumber: 1 })
  group.run(100, 1, 2)
  expect(group.node(1).reads).toEqual([{ readNumber: 1, opNumber: 2 }])
  expect(group.value(1, 'x')).toBe('1')
})

test('an index asked for by a node before its restart is not taken for the new one', () => {
  const group = new Replicas(3)
  const session = group.open(0, 's')
  group.step(1, { type: 'read', readNumber: 1 })
  group.deliver({ type: 'READINDEX' })
  group.deliver({ type: 'COMMIT' })
  group.deliver({ type: 'COMMITOK' })
  const late = group.take({ type: 'READINDEXOK' })
  expect(late).toHaveLength(1)
  group.crash(1)
  group.request(0, operation(session, 1, 'put x 1'))
  group.settle()
  group.start(1)
  group.step(1, { type: 'read', readNumber: 1 })
  group.give(late)
  expect(group.node(1).reads).toEqual([])
})
