/** A standby beside the replicas: its property sees what it should, and runs with one find nothing. */
import { expect, test } from 'vitest'
import { assertFollowed, standbyFollows } from '../../src/sim/check/standby-follows.ts'
import { Simulator } from '../../src/sim/simulator.ts'
import { optionsOf } from '../../src/sim/swarm.ts'
import type { HostView } from '../../src/sim/world.ts'
import type { Message } from '../../src/vr/message.ts'
import type { Replica } from '../../src/vr/state.ts'
import { opNumber } from '../../src/vr/terms.ts'
import { chainOf, executed, lines, worldOf, writeOf } from './fixtures.ts'

const log = chainOf(lines('put r1 a', 'put r1 b'))
const [first, second] = log as [(typeof log)[0], (typeof log)[0]]

/** Op 1 is committed, and no more. */
function follows() {
  const world = worldOf(3)
  const { opNumber, viewNumber, checksum, parent } = first
  world.committed.push({ opNumber, viewNumber, checksum, parent, atMs: 0, committedBy: 0 })
  const [host] = world.hosts
  return { world, host: { ...(host as HostView), number: 3 }, check: standbyFollows(world) }
}

test('what is not committed is neither executed nor written', () => {
  const { host, check } = follows()
  check.executed?.(host, executed(first))
  expect(() => check.executed?.(host, executed(second))).toThrow('which no replica has executed')
  check.durable?.(host, { ...writeOf({ append: [first] }), type: 'write' })
  expect(() => check.durable?.(host, { ...writeOf({ append: log }), type: 'write' })).toThrow(
    'writes op 2',
  )
  const [other] = chainOf(lines('put r1 x')) as [(typeof log)[0]]
  expect(() => check.executed?.(host, executed(other))).toThrow('is another in the log')
  const cut = { ...writeOf({ truncateFrom: opNumber(1) }), type: 'write' as const }
  expect(() => check.durable?.(host, cut)).toThrow('cuts its log')
})

test('it asks, and says nothing else', () => {
  const { host, check } = follows()
  check.sent?.(host, 1, { type: 'GETSTATE' } as Message)
  expect(() => check.sent?.(host, 1, { type: 'PREPAREOK' } as Message)).toThrow('sends PREPAREOK')
  expect(() => check.sent?.(host, 3, { type: 'GETSTATE' } as Message)).toThrow('to r3')
  const voting = { ...host, replica: { status: 'view-change' } as Replica }
  expect(() => check.stepped?.(voting)).toThrow('is in view-change')
})

test('at the end it has everything', () => {
  const { world, host } = follows()
  expect(() => assertFollowed(world, { ...host, replica: undefined })).toThrow('it is down')
  const replica = { commitNumber: 0, log: { base: { opNumber: 0 }, entries: [] } }
  const behind = { ...host, replica: replica as unknown as Replica }
  expect(() => assertFollowed(world, behind)).toThrow('it is at op 0 of 1')
})

test('twenty seeds with one: every property holds, and it was at work', () => {
  let faults = 0
  for (let seed = 1; seed <= 20; seed++) {
    const { failure, coverage } = new Simulator({ ...optionsOf(seed), standby: true }).run()
    if (failure) throw new Error(`seed ${seed} with a standby: ${failure.message}`)
    faults += coverage.kinds.get('standby')?.fired ?? 0
  }
  expect(faults).toBeGreaterThan(50)
})
