/** Disks that are nearly full: an input of the core (src/vr/space.ts). */
import { expect, test } from 'vitest'
import { operation, Replicas } from '../support/replicas.ts'

const short = (group: Replicas, ...who: number[]) => {
  for (const i of who) group.step(i, { type: 'space', isShort: true })
}
const refused = (reason: string) => ({ type: 'refused', reason })

test('alone: writes are refused until there is room; what was executed is still answered', () => {
  const group = new Replicas(1)
  const session = group.open(0, 's')
  group.request(0, operation(session, 1, 'put x 1'))
  group.settle()
  short(group, 0)
  group.request(0, operation(session, 2, 'put x 2'), operation(session, 1, 'put x 1'))
  group.run(500)
  expect(group.answer(0, session, 2)?.answer).toEqual(refused('no-space'))
  expect(group.answer(0, session, 1)?.answer).toMatchObject({ type: 'executed' })
  group.step(0, { type: 'space', isShort: false })
  group.request(0, operation(session, 2, 'put x 2'))
  group.settle()
  expect(group.value(0, 'x')).toBe('2')
})

test('the role goes to a replica with room, at the latest after as many views as there are short ones', () => {
  const group = new Replicas(5)
  const session = group.open(0, 's')
  short(group, 0, 1)
  group.run(1000)
  expect(group.state(2)).toBe('normal v2 n1 k1')
  group.request(0, operation(session, 1, 'put x 1'))
  group.run(100)
  expect(group.value(0, 'x')).toBe('1')
  expect(group.at(2).viewNumber).toBe(2)
})

test('a short primary that may yet hand over sends writes there, it does not refuse them for good', () => {
  const group = new Replicas(5)
  const session = group.open(1, 's')
  group.run(100)
  short(group, 0)
  group.request(1, operation(session, 1, 'put x 1'))
  group.settle()
  expect(group.answer(1, session, 1)?.answer).toEqual(refused('view-change'))
})

test('without a quorum of disks with room the role stays, and nothing is taken, from whomever', () => {
  const group = new Replicas(3)
  const session = group.open(0, 's')
  short(group, 1, 2)
  group.run(100)
  for (const i of [0, 1, 2]) {
    group.request(i, operation(session, 10 + i, 'put x 1'))
    group.settle()
    expect(group.answer(i, session, 10 + i)?.answer).toEqual(refused('no-space'))
  }
  expect(group.at(0).viewNumber).toBe(0)
})

test('a replica that is down has no room for us', () => {
  const group = new Replicas(3)
  const session = group.open(0, 's')
  short(group, 1)
  group.crash(2)
  group.run(2000, 0, 1)
  group.request(0, operation(session, 1, 'put x 1'))
  expect(group.answer(0, session, 1)?.answer).toEqual(refused('no-space'))
  group.start(2)
  group.run(500)
  group.request(0, operation(session, 1, 'put x 1'))
  group.settle()
  expect(group.value(0, 'x')).toBe('1')
})

test('checkpoints are taken, and a replica that was away is brought up to date, with every disk short', () => {
  const group = new Replicas(3, {
    checkpointEvery: 4,
    checkpointIntervalMs: 0,
    keepLogOperations: 4,
    logTailMax: 2,
  })
  const session = group.open(0, 's')
  group.crash(2)
  for (let n = 1; n <= 11; n++) {
    group.request(0, operation(session, n, 'add y 1'))
    group.settle()
  }
  // One more, which makes the next checkpoint due, is under way when space runs out.
  group.request(0, operation(session, 12, 'add y 1'))
  short(group, 0, 1)
  group.start(2)
  short(group, 2)
  group.run(2000)
  expect(group.at(0).durableCheckpoint).toBe(13)
  expect([0, 1, 2].map(i => group.value(i, 'y'))).toEqual(['12', '12', '12'])
})
