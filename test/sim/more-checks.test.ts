/** The properties of answers, disks, views and limits: each fires on what is made to break it. */
import { describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { asModelled } from '../../src/sim/check/as-modelled.ts'
import { bounded } from '../../src/sim/check/bounded.ts'
import { Violation } from '../../src/sim/check/check.ts'
import { damageNotUsed } from '../../src/sim/check/damage-not-used.ts'
import { diskRestores } from '../../src/sim/check/disk-restores.ts'
import { lostDataNeverVotes } from '../../src/sim/check/lost-data-never-votes.ts'
import { noAckAfterVote } from '../../src/sim/check/no-ack-after-vote.ts'
import { oldViewsIgnored } from '../../src/sim/check/old-views-ignored.ts'
import { oneLogPerView } from '../../src/sim/check/one-log-per-view.ts'
import { readsAreFresh } from '../../src/sim/check/reads-are-fresh.ts'
import { requested } from '../../src/sim/check/requested.ts'
import { silentAfterError } from '../../src/sim/check/silent-after-error.ts'
import { whyStuck } from '../../src/sim/check/stuck.ts'
import { viewFromQuorum } from '../../src/sim/check/view-from-quorum.ts'
import { CLUSTER, emptyImage } from '../../src/sim/disk.ts'
import { SimService } from '../../src/sim/service.ts'
import { optionsOf } from '../../src/sim/swarm.ts'
import type { HostView, World } from '../../src/sim/world.ts'
import { registration } from '../../src/vr/client-table.ts'
import { type Entry, genesisChecksum, makeEntry } from '../../src/vr/entry.ts'
import { append } from '../../src/vr/log.ts'
import type { Message } from '../../src/vr/message.ts'
import { DEFAULTS } from '../../src/vr/options.ts'
import { createReplica, genesis } from '../../src/vr/restart.ts'
import type { Replica } from '../../src/vr/state.ts'
import {
  clientId,
  epochNumber,
  opNumber,
  replicaNumber,
  requestNumber,
  revOf,
  viewNumber,
} from '../../src/vr/terms.ts'
import { chainOf, daemonOf, executed, lines, operation, vsr, worldOf, writeOf } from './fixtures.ts'

const log = chainOf(lines('put r1 a', 'put r1 b', 'put r1 c'))
const other = chainOf(lines('put r1 a', 'put r1 X', 'put r1 Y'), [0, 1, 1])

function replicaOf(number: number, replicas = 3): Replica {
  const { vsr, checkpoint } = genesis(genesisChecksum(CLUSTER, 0))
  const configuration = { epochNumber: epochNumber(0), replicaCount: replicas, primaryOffset: 0 }
  const identity = {
    shard: 0,
    replicaNumber: replicaNumber(number),
    configuration,
    options: DEFAULTS,
    nonce: 1,
  }
  return createReplica(identity, { vsr, checkpoint, start: checkpoint }, new SimService())
}

function hostOf(world: World, number: number, replica?: Replica): HostView {
  const found = world.hosts[number]
  if (found === undefined) throw new Error(`no host ${number}`)
  return replica ? { ...found, replica } : found
}
const at = (entries: readonly Entry[], n: number): Entry => entries[n - 1] as Entry
const damaged = (entry: Entry): Entry => ({ ...entry, bytes: entry.bytes.map(byte => byte ^ 1) })
const ok = (view: number, n: number): Message => ({
  type: 'PREPAREOK',
  viewNumber: viewNumber(view),
  opNumber: opNumber(n),
})
const change = (view: number, entries: readonly Entry[], last = 0): Message => ({
  type: 'DOVIEWCHANGE',
  viewNumber: viewNumber(view),
  lastNormalView: viewNumber(last),
  opNumber: opNumber(entries.length),
  commitNumber: opNumber(0),
  wallMs: 0,
  parent: at(log, 1).parent,
  suffix: entries,
})

test('one-log-per-view: two disks disagree about what a view holds', () => {
  const world = worldOf(3)
  const check = oneLogPerView(world)
  hostOf(world, 0).image.entries.push(...log)
  hostOf(world, 1).image.entries.push(...other)
  check.durable?.(hostOf(world, 0), writeOf({}))
  hostOf(world, 1).image.vsr = vsr(1, 1)
  expect(() => check.durable?.(hostOf(world, 1), writeOf({}))).not.toThrow()
  hostOf(world, 1).image.vsr = vsr(1, 0)
  expect(() => check.durable?.(hostOf(world, 1), writeOf({}))).toThrow('the log of view 0')
})

describe('view-from-quorum', () => {
  const started = (told: readonly Message[], holds: readonly Entry[]) => () => {
    const world = worldOf(3)
    const check = viewFromQuorum(world)
    const replica = replicaOf(1)
    for (const entry of holds) append(replica.log, entry)
    replica.viewNumber = viewNumber(1)
    replica.change.startToken = 5
    const host = hostOf(world, 1, replica)
    for (const [from, message] of told.entries()) check.received?.(host, from, message)
    check.stepped?.(host)
  }
  test('too few logs, the wrong one of them, and the right one', () => {
    expect(started([change(1, log)], log)).toThrow('with 1 DOVIEWCHANGEs of 2')
    expect(started([change(1, log), change(1, log.slice(0, 1))], log.slice(0, 1))).toThrow('not 3')
    expect(started([change(1, log), change(1, other, 1)], log)).toThrow('nobody told')
    expect(started([change(1, log), change(1, other, 1)], other)).not.toThrow()
  })
})

test('old-views-ignored: a message of an earlier view that moves something', () => {
  const world = worldOf(3)
  const check = oldViewsIgnored(world)
  const replica = replicaOf(0)
  replica.viewNumber = viewNumber(3)
  const host = hostOf(world, 0, replica)
  check.received?.(host, 1, ok(2, 1))
  expect(() => check.stepped?.(host)).not.toThrow()
  check.received?.(host, 1, ok(2, 1))
  replica.primary.acked.set(replicaNumber(1), opNumber(1))
  expect(() => check.stepped?.(host)).toThrow('PREPAREOK of view 2')
})

test('no-ack-after-vote: an acknowledgement of the view that was left', () => {
  const world = worldOf(3)
  const check = noAckAfterVote(world)
  expect(() => check.sent?.(hostOf(world, 1), 0, ok(0, 1))).not.toThrow()
  check.sent?.(hostOf(world, 1), 2, change(2, log))
  expect(() => check.sent?.(hostOf(world, 1), 2, ok(2, 1))).not.toThrow()
  expect(() => check.sent?.(hostOf(world, 1), 0, ok(0, 2))).toThrow('after its DOVIEWCHANGE')
})

test('requested: an operation that nobody asked for', () => {
  const world = worldOf(3)
  world.history.call({
    client: 1,
    session: 'c1',
    requestNumber: 1,
    key: 'r1',
    operation: 'put r1 a',
    seen: 0,
    calledMs: 0,
  })
  const check = requested(world)
  expect(() => check.executed?.(hostOf(world, 0), executed(at(log, 1)))).not.toThrow()
  expect(() => check.executed?.(hostOf(world, 0), executed(at(log, 2)))).toThrow('asked for was')
})

describe('as-modelled', () => {
  const entryOf = (n: number, kind: 'register' | 'operation', session: string, body: Uint8Array) =>
    makeEntry({
      shard: 0,
      epochNumber: epochNumber(0),
      viewNumber: viewNumber(0),
      opNumber: opNumber(n),
      parent: genesisChecksum(CLUSTER, 0),
      timeMs: 1000,
      revBefore: revOf(Math.max(0, n - 2)),
      lamport: 2 * n - 1,
      commitNumber: opNumber(0),
      commands: [
        {
          kind,
          clientId: clientId(session),
          requestNumber: requestNumber(kind === 'register' ? 0 : n - 1),
          ackedNumber: requestNumber(0),
          meta: '',
          operation: body,
        },
      ],
    })
  const open = entryOf(1, 'register', 'c1', registration({ window: 8, ttlMs: 0 }))
  const add = entryOf(2, 'operation', 'c1@1', utf8('add c1 5'))
  const answerOf = (entry: Entry, text: string, rev: number) => {
    const given = executed(entry, text)
    return { ...given, answers: given.answers.map(a => a && { ...a, rev: revOf(rev) }) }
  }
  const setUp = () => {
    const world = worldOf(3)
    const check = asModelled(world)
    const host = hostOf(world, 0, replicaOf(0))
    check.executed?.(host, answerOf(open, '{"session":"c1@1"}', 0))
    return { check, host }
  }
  test('what a replica answers differs from the model, or not', () => {
    const { check, host } = setUp()
    expect(() => check.executed?.(host, answerOf(add, '5', 1))).not.toThrow()
    expect(() => check.executed?.(host, answerOf(add, '6', 1))).toThrow('the model «op 2')
  })
  test('a client is told of what is not committed, or another result, or reads another value', () => {
    const { check, host } = setUp()
    check.executed?.(host, answerOf(add, '5', 1))
    const told = { session: 'c1@1', requestNumber: 1 }
    expect(() => check.replied?.(operation({ ...told, result: '5' }))).not.toThrow()
    expect(() => check.replied?.(operation({ ...told, result: '10' }))).toThrow('«5»')
    const [early] = answerOf(add, '5', 1).answers
    if (early === undefined) throw new Error('an answer')
    expect(() => check.answered?.(host, 'c1@1', 1, early)).toThrow('not committed')
    const reading = { client: 1, id: 1, kind: 'stale' } as const
    expect(() => check.read?.(host, 'c1', '5', reading)).toThrow(Violation)
    expect(() => check.read?.(host, 'c1', '-', reading)).not.toThrow()
  })
})

test('reads-are-fresh: a read from before what its client could know', () => {
  const world = worldOf(3)
  const check = readsAreFresh(world)
  const host = hostOf(world, 0, replicaOf(0))
  check.executed?.(host, executed(at(log, 1)))
  check.replied?.(operation({ session: 'c1', requestNumber: 1 }))
  check.asked?.(2, 7)
  const read = (kind: 'linearizable' | 'stale') => () =>
    check.read?.(host, 'r1', '-', { client: 2, id: 7, kind })
  expect(read('stale')).not.toThrow()
  expect(read('linearizable')).toThrow('op 1 was acknowledged before')
})

test('damage-not-used: a damaged entry is sent, or executed', () => {
  const calm = worldOf(3)
  const rot = { everyMs: 1, forMs: [0, 0] } as const
  const nemesis = { ...calm.options.nemesis, faults: { ...calm.options.nemesis.faults, rot } }
  const world = { ...calm, options: { ...calm.options, nemesis } }
  const check = damageNotUsed(world)
  const host = hostOf(world, 0)
  expect(() => check.sent?.(host, 1, change(1, log))).not.toThrow()
  expect(() => check.sent?.(host, 1, change(1, [damaged(at(log, 1))]))).toThrow('is damaged')
  expect(() => check.executed?.(host, executed(damaged(at(log, 2))))).toThrow('is damaged')
})

test('silent-after-error: a process that goes on after its disk has failed', () => {
  const world = worldOf(3)
  const check = silentAfterError(world)
  expect(() => check.sent?.(hostOf(world, 0), 1, ok(0, 1))).not.toThrow()
  check.failed?.(hostOf(world, 0))
  expect(() => check.sent?.(hostOf(world, 0), 1, ok(0, 1))).toThrow('after its disk has failed')
  expect(() => check.sent?.({ ...hostOf(world, 0), boot: 2 }, 1, ok(0, 1))).not.toThrow()
})

test('lost-data-never-votes: a lost disk acknowledges, an impostor is heard', () => {
  const world = worldOf(3)
  const check = lostDataNeverVotes(world)
  const host = hostOf(world, 2)
  expect(() => check.sent?.(host, 0, ok(0, 1))).not.toThrow()
  host.image.vsr = { ...vsr(2, 0), recovering: true }
  expect(() => check.sent?.(host, 0, ok(2, 1))).toThrow('its disk is lost')
  const daemon = daemonOf(2, host.image)
  expect(() => check.heard?.(daemon, daemon)).not.toThrow()
  expect(() => check.refused?.(daemon, daemon, 'old')).toThrow('whose data is its own')
  expect(() => check.refused?.({ ...daemon, isImpostor: true }, daemon, 'old')).not.toThrow()
  expect(() => check.heard?.({ ...daemon, isImpostor: true }, daemon)).toThrow('not its own')
})

test('disk-restores: damage that nobody did', () => {
  const world = worldOf(3)
  const check = diskRestores(world)
  expect(() => check.damaged?.(hostOf(world, 0), 'entry 1 is damaged')).toThrow('which nobody did')
  hostOf(world, 0).image.damaged = true
  expect(() => check.damaged?.(hostOf(world, 0), 'entry 1 is damaged')).not.toThrow()
})

test('bounded: more votes than replicas', () => {
  const world = worldOf(3)
  const check = bounded(world)
  const replica = replicaOf(0)
  const host = hostOf(world, 0, replica)
  for (let i = 0; i < 3; i++) replica.change.votes.set(replicaNumber(i), 1)
  expect(() => check.stepped?.(host)).not.toThrow()
  replica.change.votes.set(replicaNumber(3), 1)
  expect(() => check.stepped?.(host)).toThrow('4 votes; the limit is 3')
})

test('stuck: only with more disks lost than the group survives', () => {
  const world = worldOf(3)
  hostOf(world, 0).image.damaged = true
  expect(whyStuck(world)).toBeUndefined()
  Object.assign(hostOf(world, 1).image, emptyImage(), { vsr: { ...vsr(0, 0), recovering: true } })
  expect(whyStuck(world)).toBe('r0, r1 lost what they promised: 1 of 3 are left, a quorum is 2')
})

test('options: no fault kind of a seed depends on another', () => {
  const { nemesis } = optionsOf(77)
  expect(optionsOf(77).nemesis).toEqual(nemesis)
  const on = Array.from({ length: 200 }, (_, seed) => optionsOf(seed).nemesis.faults)
  expect(on.filter(({ crash }) => crash.everyMs > 0).length).toBeGreaterThan(70)
  expect(
    on.filter(({ crash, pause }) => crash.everyMs > 0 && pause.everyMs > 0).length,
  ).toBeLessThan(80)
})
