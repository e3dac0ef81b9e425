/** Every property fires on a history made to break it, and is silent on one that does not. */
import { describe, expect, test } from 'vitest'
import { acknowledgedNotLost } from '../../src/sim/check/acknowledged-not-lost.ts'
import { chain } from '../../src/sim/check/chain.ts'
import { Violation } from '../../src/sim/check/check.ts'
import { commitImmutable } from '../../src/sim/check/commit-immutable.ts'
import { durableOnQuorum } from '../../src/sim/check/durable-on-quorum.ts'
import { executedOnce } from '../../src/sim/check/executed-once.ts'
import { logAgreement } from '../../src/sim/check/log-agreement.ts'
import { monotonic } from '../../src/sim/check/monotonic.ts'
import { onePrimaryPerView } from '../../src/sim/check/one-primary-per-view.ts'
import { pipelineBound } from '../../src/sim/check/pipeline-bound.ts'
import { promisesKept } from '../../src/sim/check/promises-kept.ts'
import { CLUSTER } from '../../src/sim/disk.ts'
import type { World } from '../../src/sim/world.ts'
import type { Entry } from '../../src/vr/entry.ts'
import type { Message } from '../../src/vr/message.ts'
import { opNumber, viewNumber } from '../../src/vr/terms.ts'
import {
  chainOf,
  executed,
  type FakeHost,
  lines,
  operation,
  vsr,
  worldOf,
  writeOf,
} from './fixtures.ts'

const log = chainOf(lines('put r1 a', 'put r1 b', 'put r1 c'))
const other = chainOf(lines('put r1 a', 'put r1 X', 'put r1 Y'), [0, 1, 1])

function host(world: World & { hosts: FakeHost[] }, number: number): FakeHost {
  const found = world.hosts[number]
  if (found === undefined) throw new Error(`no host ${number}`)
  return found
}
function op(entries: readonly Entry[], n: number): Entry {
  const found = entries[n - 1]
  if (found === undefined) throw new Error(`no op ${n}`)
  return found
}
/** The world in which these entries were executed first by r0. */
function committed(world: World & { hosts: FakeHost[] }, entries: readonly Entry[]): void {
  const agreement = logAgreement(world)
  for (const entry of entries) agreement.executed?.(host(world, 0), executed(entry))
}

describe('log-agreement', () => {
  test('two replicas execute one log', () => {
    const world = worldOf(3)
    committed(world, log)
    expect(() => committed(world, log)).not.toThrow()
  })
  test('another entry at a committed op', () => {
    const world = worldOf(3)
    committed(world, log)
    expect(() => committed(world, other)).toThrow(Violation)
  })
  test('an op that nobody executed before it', () => {
    expect(() => committed(worldOf(3), log.slice(1))).toThrow('nobody executed op 1')
  })
})

test('chain: an op that does not follow the one before it', () => {
  const world = worldOf(3)
  const check = chain(world, CLUSTER)
  committed(world, [op(log, 1), op(log, 2)])
  expect(() => check.executed?.(host(world, 0), executed(op(log, 2)))).not.toThrow()
  committed(world, [op(log, 1), op(log, 2), op(other, 3)])
  expect(() => check.executed?.(host(world, 0), executed(op(other, 3)))).toThrow(
    'behind another op',
  )
})

test('durable-on-quorum: executed with one copy of three, and with two', () => {
  const world = worldOf(3)
  const check = durableOnQuorum(world)
  host(world, 0).image.entries.push(op(log, 1))
  expect(() => check.executed?.(host(world, 0), executed(op(log, 1)))).toThrow('on 1 disks of 3')
  host(world, 1).image.entries.push(...log)
  host(world, 0).image.entries.push(op(log, 2))
  expect(() => check.executed?.(host(world, 0), executed(op(log, 2)))).not.toThrow()
})

test('commit-immutable: the last quorum loses a committed op', () => {
  const world = worldOf(3)
  const check = commitImmutable(world)
  committed(world, log.slice(0, 2))
  for (const number of [0, 1, 2]) {
    host(world, number).image.entries.push(op(log, 1), op(log, 2))
    check.durable?.(host(world, number), writeOf({ append: log.slice(0, 2) }))
  }
  const cut = writeOf({ truncateFrom: opNumber(2) })
  host(world, 0).image.entries.length = 1
  expect(() => check.durable?.(host(world, 0), cut)).not.toThrow()
  host(world, 1).image.entries.length = 1
  expect(() => check.durable?.(host(world, 1), cut)).toThrow('1 copies')
})

describe('acknowledged-not-lost', () => {
  const startView = (view: number, entries: readonly Entry[]): Message => ({
    type: 'STARTVIEW',
    viewNumber: viewNumber(view),
    opNumber: opNumber(entries.length),
    commitNumber: opNumber(0),
    parent: op(log, 1).parent,
    suffix: entries,
  })
  test('a view that starts without a committed op', () => {
    const world = worldOf(3)
    const check = acknowledgedNotLost(world)
    committed(world, log.slice(0, 2))
    expect(() => check.sent?.(host(world, 1), 2, startView(1, log))).not.toThrow()
    expect(() => check.sent?.(host(world, 1), 2, startView(1, log.slice(0, 1)))).toThrow(Violation)
    expect(() => check.sent?.(host(world, 1), 2, startView(1, other))).toThrow(Violation)
  })
  test('a reply to what is on no quorum at the end', () => {
    const world = worldOf(3)
    const check = acknowledgedNotLost(world)
    check.replied?.(operation({ requestNumber: 7 }))
    expect(() => check.atEnd?.()).toThrow('c1#7')
  })
})

test('one-primary-per-view: two entries at one viewstamp, and a stranger that prepares', () => {
  const world = worldOf(3)
  const check = onePrimaryPerView(world)
  const prepare = (view: number, entry: Entry): Message => ({
    type: 'PREPARE',
    viewNumber: viewNumber(view),
    entry,
    commitNumber: opNumber(0),
  })
  expect(() => check.sent?.(host(world, 0), 1, prepare(0, op(log, 2)))).not.toThrow()
  expect(() => check.sent?.(host(world, 0), 1, prepare(0, op(other, 2)))).toThrow('two entries')
  expect(() => check.sent?.(host(world, 0), 1, prepare(1, op(log, 3)))).toThrow('not its own')
})

describe('promises-kept', () => {
  const ok = (view: number, n: number): Message => ({
    type: 'PREPAREOK',
    viewNumber: viewNumber(view),
    opNumber: opNumber(n),
  })
  test('an acknowledgement of what is not on disk, or of a view that is not', () => {
    const world = worldOf(3)
    const check = promisesKept(world)
    host(world, 1).image.entries.push(op(log, 1))
    expect(() => check.sent?.(host(world, 1), 0, ok(0, 1))).not.toThrow()
    expect(() => check.sent?.(host(world, 1), 0, ok(0, 2))).toThrow('has not op 2')
    expect(() => check.sent?.(host(world, 1), 0, ok(1, 1))).toThrow('the log of view 1')
  })
  test('a DOVIEWCHANGE that tells another log than before', () => {
    const world = worldOf(3)
    const check = promisesKept(world)
    const { image } = host(world, 1)
    image.vsr = vsr(1, 0)
    image.entries.push(...log)
    const change = (entries: readonly Entry[]): Message => ({
      type: 'DOVIEWCHANGE',
      viewNumber: viewNumber(1),
      lastNormalView: viewNumber(0),
      opNumber: opNumber(entries.length),
      commitNumber: opNumber(0),
      wallMs: 0,
      parent: op(log, 1).parent,
      suffix: entries,
    })
    expect(() => check.sent?.(host(world, 1), 2, change(log))).not.toThrow()
    expect(() => check.sent?.(host(world, 1), 2, change(log.slice(0, 2)))).toThrow('before:')
  })
})

test('monotonic: a view on disk that falls', () => {
  const world = worldOf(3)
  const check = monotonic(world)
  const { image } = host(world, 0)
  image.vsr = vsr(3, 3)
  check.durable?.(host(world, 0), writeOf({}))
  image.vsr = vsr(2, 2)
  expect(() => check.durable?.(host(world, 0), writeOf({}))).toThrow('falls from 3 to 2')
})

test('pipeline-bound: more ahead than the pipeline holds', () => {
  const world = worldOf(3)
  const { pipelineMax } = world.options.replica
  const check = pipelineBound(world)
  const many = chainOf(lines(...Array.from({ length: pipelineMax + 1 }, (_, i) => `put r1 ${i}`)))
  host(world, 0).image.entries.push(...many)
  expect(() => check.durable?.(host(world, 0), writeOf({}))).toThrow('the pipeline holds')
})

describe('executed-once', () => {
  test('a request that is executed again', () => {
    const world = worldOf(3)
    const check = executedOnce(world)
    const twice = chainOf([
      { text: 'add c1 5', request: 1 },
      { text: 'add c1 5', request: 1 },
    ])
    check.executed?.(host(world, 0), executed(op(twice, 1), '5'))
    // The first answer, given again.
    const again = { ...executed(op(twice, 2)), answers: executed(op(twice, 1), '5').answers }
    expect(() => check.executed?.(host(world, 0), again)).not.toThrow()
    expect(() => check.executed?.(host(world, 0), executed(op(twice, 2), '10'))).toThrow(Violation)
  })
  test('a reply to what was never executed', () => {
    const check = executedOnce(worldOf(3))
    expect(() => check.replied?.(operation({ requestNumber: 9 }))).toThrow('never executed')
  })
})
