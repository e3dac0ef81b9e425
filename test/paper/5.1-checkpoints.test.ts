/** VRR §5.1 and the checkpoint transfer of §5.2. */
import { expect, test } from 'vitest'
import type { ReplicaOptions } from '../../src/vr/options.ts'
import { operation, Replicas } from '../support/replicas.ts'

const EVERY_10: Partial<ReplicaOptions> = {
  checkpointEvery: 10,
  checkpointIntervalMs: 0,
  keepLogOperations: 15,
  logTailMax: 5,
  transferBytesMax: 300,
}

function withWrites(count: number, options: Partial<ReplicaOptions> = {}) {
  const group = new Replicas(3, { ...EVERY_10, ...options })
  const session = group.open(0, 's')
  for (let n = 1; n <= count; n++) {
    group.request(0, operation(session, n, `put k${n % 7} ${n}`))
    group.settle()
  }
  group.run(60)
  return { group, session }
}

test('§5.1 every replica takes its checkpoint at the same op, with the same state', () => {
  const { group } = withWrites(25)
  const ids = [0, 1, 2].map(i => group.at(i).checkpoint)
  expect(ids[0]?.opNumber).toBe(21)
  expect(ids[1]).toEqual(ids[0])
  expect(ids[2]).toEqual(ids[0])
})

test('§5.1 the log is cut only behind a checkpoint that is on disk', () => {
  const group = new Replicas(3, EVERY_10)
  const session = group.open(0, 's')
  for (let n = 1; n <= 60; n++) {
    group.request(0, operation(session, n, `put x ${n}`))
    for (let i = 0; i < 4; i++) {
      for (const j of [0, 1, 2]) {
        // r0's checkpoints are held back: its log goes on, uncut.
        const held = j === 0 ? group.node(0).jobs.filter(job => job.type !== 'write') : []
        if (j === 0) group.node(0).jobs = group.node(0).jobs.filter(job => job.type === 'write')
        group.sync(j)
        group.node(j).jobs.push(...held)
      }
      group.deliver()
    }
  }
  expect(group.at(0).checkpoint.opNumber).toBe(61)
  expect([group.at(0).durableCheckpoint, group.at(0).firstOp]).toEqual([0, 1])
  group.run(60)
  expect(group.at(0).durableCheckpoint).toBe(61)
  expect(group.at(0).firstOp).toBeGreaterThan(30)
})

test('§5.1 a restart begins at the checkpoint and executes the log behind it', () => {
  const { group } = withWrites(25)
  const before = [group.state(1), group.node(1).service.stateHash()]
  group.crash(1)
  group.node(1).executed = []
  group.start(1)
  expect(group.node(1).executed.map(e => e.entry.opNumber)).toEqual([22, 23, 24, 25])
  group.run(60)
  expect([group.state(1), group.node(1).service.stateHash()]).toEqual(before)
})

test('§5.2 a replica that was away longer than the log is kept gets the checkpoint, sessions included', () => {
  const { group, session } = withWrites(5)
  group.crash(2)
  for (let n = 6; n <= 80; n++) {
    group.request(0, operation(session, n, `add sum ${n}`))
    group.settle()
  }
  expect(group.at(0).firstOp).toBeGreaterThan(40)
  group.start(2)
  group.run(500)
  expect(group.state(2)).toBe(group.state(0))
  expect(group.node(2).service.stateHash()).toBe(group.node(0).service.stateHash())
  expect(group.at(2).firstOp).toBeGreaterThan(40)
  // As primary it answers a repeat from the table that came with the checkpoint.
  const sum = group.value(0, 'sum')
  group.step(0, { type: 'step-down' })
  group.run(100)
  group.step(1, { type: 'step-down' })
  group.run(100)
  expect(group.at(2).viewNumber % 3).toBe(2)
  group.request(2, operation(session, 70, 'add sum 70'))
  group.run(100)
  expect(group.value(2, 'sum')).toBe(sum)
  expect(group.answer(2, session, 70)?.answer.type).toBe('executed')
})

test('§5.2 a fetch whose source dies goes on from another replica, which has the same checkpoint', () => {
  const { group, session } = withWrites(5)
  group.crash(2)
  for (let n = 6; n <= 80; n++) {
    group.request(0, operation(session, n, `put key${n} ${'v'.repeat(60)}`))
    group.settle()
  }
  group.start(2)
  group.tick(50, 0)
  const records = () => group.at(2).transfer?.fetch?.records.length ?? 0
  for (let i = 0; i < 20 && records() < 5; i++) {
    group.deliver({ from: 0, to: 2 })
    group.deliver({ from: 2, to: 0 })
  }
  expect(records()).toBeGreaterThan(4)
  group.take()
  group.step(2, { type: 'peer', replica: group.at(0).replicaNumber, connected: false })
  let asked: string | undefined
  for (let i = 0; i < 50 && asked === undefined; i++) {
    group.tick(10, 2)
    const [question] = group.take({ type: 'GETCHECKPOINT', to: 1 })
    if (question?.message.type === 'GETCHECKPOINT') asked = question.message.after
  }
  expect(asked).toBeDefined()
  group.run(3000)
  expect(group.state(2)).toBe(group.state(0))
})

test('§5.2 the install is one write: before it is durable a restart finds all of the old, then all of the new', () => {
  const { group, session } = withWrites(5)
  group.crash(2)
  for (let n = 6; n <= 80; n++) {
    group.request(0, operation(session, n, `put x ${n}`))
    group.settle()
  }
  group.start(2)
  group.tick(50, 0)
  const isInstalled = () =>
    group.node(2).jobs.some(job => job.type === 'write' && job.install !== undefined)
  for (let i = 0; i < 200 && !isInstalled(); i++) {
    group.sync(0)
    group.deliver({ from: 0, to: 2 })
    group.deliver({ from: 2, to: 0 })
  }
  expect(isInstalled()).toBe(true)
  group.crash(2)
  group.start(2)
  expect(group.state(2)).toMatch(/^normal v0 n6/)
  group.run(500)
  group.crash(2)
  group.start(2)
  expect(group.at(2).checkpoint.opNumber).toBeGreaterThan(40)
  group.run(100)
  expect(group.state(2)).toBe(group.state(0))
})

test('§5.1 a checkpoint that does not hash to what it claims stops the replica that fetched it', () => {
  const { group, session } = withWrites(5)
  group.crash(2)
  for (let n = 6; n <= 80; n++) {
    group.request(0, operation(session, n, `put x ${n}`))
    group.settle()
  }
  group.start(2)
  const tampered = () => {
    for (let i = 0; i < 400; i++) {
      group.tick(10)
      for (const j of [0, 1]) group.sync(j)
      group.give(
        group.take().map(packet => {
          const { message } = packet
          if (message.type !== 'NEWCHECKPOINT') return packet
          const records = message.records.map(r =>
            r.id === 'sv/x' ? { id: r.id, value: 'flipped' } : r,
          )
          return { ...packet, message: { ...message, records } }
        }),
      )
    }
  }
  expect(tampered).toThrow(/does not hash/)
})
