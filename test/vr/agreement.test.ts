/** Replicas compare the states of their checkpoints; the odd one out stops, the others go on. */
import { expect, test } from 'vitest'
import { operation, Replicas } from '../support/replicas.ts'

const stopped = (group: Replicas, i: number): boolean =>
  group.node(i).events.some(event => event.type === 'diverged')

/** Past the next checkpoint, and some heartbeats on. */
function pastCheckpoint(group: Replicas, session: string, from: number): void {
  for (let n = from; n < from + 6; n++) group.request(0, operation(session, n, `put k${n} 1`))
  group.run(500)
}

function groupOf(count: number) {
  const group = new Replicas(count, { checkpointEvery: 4, checkpointIntervalMs: 0 })
  const session = group.open(0, 's')
  pastCheckpoint(group, session, 1)
  return { group, session }
}

/** As a flipped bit of memory would. */
const corrupt = (group: Replicas, i: number, value: string): void =>
  group.node(i).service.load({ id: 'v/odd', value })

test('equal states agree, checkpoint after checkpoint', () => {
  const { group, session } = groupOf(3)
  expect(group.at(0).primary.agreed?.opNumber).toBeGreaterThan(0)
  const before = group.at(0).primary.agreed?.opNumber ?? 0
  pastCheckpoint(group, session, 7)
  expect(group.at(0).primary.agreed?.opNumber).toBeGreaterThan(before)
  expect([0, 1, 2].filter(i => stopped(group, i))).toEqual([])
})

test('a backup with another state stops itself; the others go on', () => {
  const { group, session } = groupOf(3)
  corrupt(group, 2, 'x')
  pastCheckpoint(group, session, 7)
  expect([0, 1, 2].filter(i => stopped(group, i))).toEqual([2])
  const commit = group.at(0).commitNumber
  pastCheckpoint(group, session, 13)
  expect(group.at(0).commitNumber).toBeGreaterThan(commit)
  // Nothing comes out of it any more.
  expect(group.step(2, { type: 'tick', nowMs: 1e6, wallMs: 1e6 })).toEqual([])
})

test('a primary with another state stops itself; a new view goes on without it', () => {
  const { group, session } = groupOf(3)
  corrupt(group, 0, 'x')
  pastCheckpoint(group, session, 7)
  expect([0, 1, 2].filter(i => stopped(group, i))).toEqual([0])
  group.run(3000)
  expect(group.at(1).viewNumber).toBeGreaterThan(0)
  expect(group.at(1).status).toBe('normal')
})

test('where no quorum has one state nobody knows who is right: the primary stops', () => {
  const { group, session } = groupOf(3)
  for (const i of [0, 1, 2]) corrupt(group, i, `x${i}`)
  pastCheckpoint(group, session, 7)
  expect(stopped(group, 0)).toBe(true)
})

test('two replicas that differ are no quorum for either state', () => {
  const { group, session } = groupOf(2)
  corrupt(group, 1, 'x')
  pastCheckpoint(group, session, 7)
  expect(stopped(group, 0)).toBe(true)
})
