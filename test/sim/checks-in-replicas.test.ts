/** As checks.test.ts, for the properties that look into a replica or count along the log. */
import { describe, expect, test } from 'vitest'
import { acksWereTold } from '../../src/sim/check/acks-were-told.ts'
import { answersFit } from '../../src/sim/check/answers-fit.ts'
import type { Check } from '../../src/sim/check/check.ts'
import { commitsAreKnown } from '../../src/sim/check/commits-are-known.ts'
import { laterViewsNotFollowed } from '../../src/sim/check/later-views-not-followed.ts'
import { logBeginsRight } from '../../src/sim/check/log-begins-right.ts'
import { numbers } from '../../src/sim/check/numbers.ts'
import { preparedOnce } from '../../src/sim/check/prepared-once.ts'
import { questionsAreNew } from '../../src/sim/check/questions-are-new.ts'
import { readIndexIsHigh } from '../../src/sim/check/read-index-is-high.ts'
import { refusedAtViewEnd } from '../../src/sim/check/refused-at-view-end.ts'
import { sameCheckpoints } from '../../src/sim/check/same-checkpoints.ts'
import { takesWhatFits } from '../../src/sim/check/takes-what-fits.ts'
import { viewsByVote } from '../../src/sim/check/views-by-vote.ts'
import type { HostView } from '../../src/sim/world.ts'
import { append, emptyLog } from '../../src/vr/log.ts'
import type { Message } from '../../src/vr/message.ts'
import { clientId, opNumber, requestNumber, viewNumber } from '../../src/vr/terms.ts'
import { chainOf, executed, hostWith, lines, worldOf, writeOf } from './fixtures.ts'

const log = chainOf(lines('put r1 a', 'put r1 b', 'put r1 c'))

describe('numbers', () => {
  const [first, second] = log as [(typeof log)[0], (typeof log)[0]]
  const behindFirst = (changed: object) => () => {
    const check = numbers()
    check.executed?.(hostWith({}), executed(first))
    check.executed?.(hostWith({}), executed({ ...second, ...changed }))
  }
  test('a log as it should be', () => {
    expect(behindFirst({})).not.toThrow()
  })
  test('the base of a log', () => {
    const check = numbers()
    check.executed?.(hostWith({}), executed(first))
    const based = (rev: number) => () =>
      check.stepped?.(hostWith({ log: { base: { opNumber: 1, rev, timeMs: first.timeMs } } }))
    expect(based(1)).not.toThrow()
    expect(based(0)).toThrow('r0 counts 0 operations up to op 1')
  })
  test('revs, log time and commit-numbers', () => {
    expect(behindFirst({ revBefore: 0 })).toThrow('counts 0 operations before it')
    expect(behindFirst({ timeMs: first.timeMs - 1 })).toThrow('behind one of')
    expect(behindFirst({ commitNumber: 2 })).toThrow('knows op 2 to be committed')
  })
})

test('prepared-once: a request that is under way', () => {
  const again = chainOf([...lines('put r1 a', 'put r1 b'), { text: 'put r1 a', request: 1 }])
  const sent = (entries: typeof log, commitNumber: number) => () => {
    const { parent } = entries[0] as (typeof log)[0]
    const numbers = { rev: 0 as never, timeMs: 0, lamport: 0 }
    const replica = {
      clientTable: { sessions: new Map([['c1', {}]]) },
      log: emptyLog({ opNumber: opNumber(0), checksum: parent, ...numbers }),
    }
    for (const entry of entries) append(replica.log, entry)
    const message: Message = {
      type: 'PREPARE',
      viewNumber: viewNumber(0),
      entry: entries[2] as (typeof log)[0],
      commitNumber: opNumber(commitNumber),
    }
    preparedOnce().sent?.(hostWith(replica), 1, message)
  }
  expect(sent(log, 0)).not.toThrow()
  expect(sent(again, 1)).not.toThrow()
  expect(sent(again, 0)).toThrow('is under way as op 1')
})

describe('views-by-vote', () => {
  const vote: Message = { type: 'STARTVIEWCHANGE', viewNumber: viewNumber(0) }
  const leaving = (votes: readonly number[], afterMs = 0) => {
    const replica = {
      replicaNumber: 0,
      viewNumber: 0,
      clockMs: 1000,
      status: 'normal',
      configuration: { replicaCount: 3, primaryOffset: 0 },
    }
    const host = hostWith(replica)
    const check = viewsByVote(worldOf(3))
    check.stepped?.(host)
    for (const from of votes) check.received?.(host, from, vote)
    return {
      check,
      host,
      leave: () => {
        replica.clockMs += afterMs
        replica.viewNumber = 1
        check.stepped?.(host)
      },
    }
  }
  test('with the votes of a quorum', () => {
    expect(leaving([2]).leave).not.toThrow()
  })
  test('alone, or with a vote that is too old', () => {
    expect(leaving([]).leave).toThrow('with 1 votes')
    expect(leaving([2], 1001).leave).toThrow('with 1 votes')
  })
  test('told of it', () => {
    const { check, host, leave } = leaving([])
    check.received?.(host, 1, { ...vote, viewNumber: viewNumber(1) })
    expect(leave).not.toThrow()
  })
})

describe('log-begins-right', () => {
  const world = worldOf(3)
  const [host] = world.hosts as [HostView]
  const replicaWith = (firstOp: number, op: number, rev: number) => ({
    firstOp,
    durableCheckpoint: op,
    checkpoint: { opNumber: op, rev },
  })
  test('behind the end of its checkpoint', () => {
    const check = logBeginsRight(world)
    const image = { ...host.image }
    expect(() => check.durable?.({ ...host, image }, writeOf({}))).not.toThrow()
    image.first = 2
    expect(() => check.durable?.({ ...host, image }, writeOf({}))).toThrow('begins at op 2')
  })
  test('elsewhere than the replica thinks, or too far back', () => {
    const image = { ...host.image, entries: log }
    const look = (replica: object) => () =>
      logBeginsRight(world).stepped?.(hostWith(replica, { image }))
    expect(look(replicaWith(1, 3, 3))).not.toThrow()
    expect(look(replicaWith(0, 3, 3))).toThrow('takes its log to begin at op 0')
    expect(look(replicaWith(1, 3, 9999))).toThrow('keeps 9999 operations')
  })
})

describe('acks-were-told', () => {
  const counting = (op: number, probe: number, told: number) => () => {
    const check = acksWereTold(worldOf(3))
    const message: Message = {
      type: 'COMMITOK',
      viewNumber: viewNumber(told),
      opNumber: opNumber(4),
      probe: 2,
      state: { opNumber: opNumber(0), stateHash: '' },
      isShortOfSpace: false,
      wallMs: 0,
    }
    check.sent?.(hostWith({}, { number: 1 }), 0, message)
    const replica = {
      status: 'normal',
      viewNumber: 3,
      replicaNumber: 0,
      configuration: { replicaCount: 3, primaryOffset: 0 },
      primary: { acked: new Map([[1, op]]) },
      reads: { ackedProbe: new Map([[1, probe]]) },
    }
    check.stepped?.(hostWith(replica))
  }
  test('as told, or told less', () => {
    expect(counting(4, 2, 3)).not.toThrow()
    expect(counting(5, 2, 3)).toThrow('up to op 5; it was told 4')
    expect(counting(4, 3, 3)).toThrow('up to probe 3; it was told 2')
  })
  test('told in another view', () => {
    expect(counting(1, 0, 2)).toThrow('it was told 0')
    expect(counting(9, 9, 4)).not.toThrow()
  })
})

test('refused-at-view-end: a command dropped without a word', () => {
  const ending = (isTold: boolean) => () => {
    const replica = {
      status: 'normal',
      viewNumber: 0,
      replicaNumber: 0,
      configuration: { replicaCount: 3, primaryOffset: 0 },
      primary: {
        queue: [{ clientId: 'c1', requestNumber: 7 }],
        inFlight: new Map([['c1', new Map([[7, { from: 2 }]])]]),
      },
    }
    const host = hostWith(replica)
    const check = refusedAtViewEnd()
    check.stepped?.(host)
    const refusal: Message = {
      type: 'REPLY',
      viewNumber: viewNumber(1),
      clientId: clientId('c1'),
      requestNumber: requestNumber(7),
      fingerprint: 0,
      answer: { type: 'refused', reason: 'view-change' },
    }
    if (isTold) check.sent?.(host, 2, refusal)
    replica.viewNumber = 1
    check.stepped?.(host)
  }
  expect(ending(true)).not.toThrow()
  expect(ending(false)).toThrow('dropped c1#7 of r2')
})

test('questions-are-new: two starts ask under one number', () => {
  const check = questionsAreNew()
  const ask = (boot: number, readNumber: number) => () =>
    check.sent?.(hostWith({}, { boot }), 1, { type: 'READINDEX', readNumber })
  expect(ask(1, 7)).not.toThrow()
  expect(ask(1, 7)).not.toThrow()
  expect(ask(2, 8)).not.toThrow()
  expect(ask(2, 7)).toThrow('READINDEX number 7, as did start 1')
})

test('commits-are-known: an op taken for committed that nobody executed', () => {
  const world = worldOf(3)
  const check = commitsAreKnown(world)
  expect(() => check.stepped?.(hostWith({ knownCommit: 0 }))).not.toThrow()
  expect(() => check.stepped?.(hostWith({ knownCommit: 1 }))).toThrow('takes op 1 for committed')
})

test('commits-are-known: what a primary has counted a quorum for is known before it is executed', () => {
  const configuration = { epochNumber: 0, replicaCount: 3, primaryOffset: 0 }
  const primaryWith = (...acked: [number, number][]) => ({
    status: 'normal',
    viewNumber: 0,
    replicaNumber: 0,
    knownCommit: 2,
    configuration,
    primary: { acked: new Map(acked) },
  })
  const check = (...acked: [number, number][]) => {
    const { stepped } = commitsAreKnown(worldOf(3))
    return () => stepped?.(hostWith(primaryWith(...acked)))
  }
  expect(check([0, 2], [2, 2])).not.toThrow()
  expect(check([0, 2], [2, 1])).toThrow('takes op 2 for committed; nobody knows of more than 1')
})

test('answers-fit: an answer to an earlier question that changes something', () => {
  const answered = (nonce: number, raised: number) => () => {
    const replica = {
      status: 'normal',
      viewNumber: 1,
      knownCommit: 1,
      transfer: { nonce: 2 },
      reads: {},
      log: { base: { opNumber: 0 }, entries: [] },
    }
    const check = answersFit()
    check.received?.(hostWith(replica), 1, {
      type: 'NEWSTATE',
      viewNumber: viewNumber(1),
      nonce,
      entries: [],
      opNumber: opNumber(5),
      commitNumber: opNumber(5),
      checkpoint: undefined,
    })
    replica.knownCommit = raised
    check.stepped?.(hostWith(replica))
  }
  expect(answered(2, 5)).not.toThrow()
  expect(answered(1, 1)).not.toThrow()
  expect(answered(1, 5)).toThrow('NEWSTATE from r1 answers no question of r0')
})

test('same-checkpoints: two replicas go on from one checkpoint to different ones', () => {
  const world = worldOf(3)
  const check = sameCheckpoints(world)
  const take = (number: number, op: number) => () => {
    const host = world.hosts[number] as HostView
    host.image.checkpoint = { ...host.image.checkpoint, opNumber: opNumber(op) }
    check.durable?.(host, {
      type: 'checkpoint',
      id: host.image.checkpoint,
      records: [],
    })
  }
  for (const number of [0, 1, 2]) check.started?.(world.hosts[number] as HostView)
  expect(take(0, 4)).not.toThrow()
  expect(take(1, 4)).not.toThrow()
  expect(take(2, 5)).toThrow('r0 at op 4')
})

describe('takes-what-fits and later-views-not-followed', () => {
  const commit = (view: number): Message => ({
    type: 'COMMIT',
    viewNumber: viewNumber(view),
    commitNumber: opNumber(2),
    opNumber: opNumber(2),
    probe: 0,
    agreed: undefined,
  })
  const stepping =
    (check: Check, view: number, knows: number, boot = 1) =>
    () => {
      const replica = {
        status: 'normal',
        viewNumber: 1,
        lastNormalView: 1,
        commitNumber: 0,
        knownCommit: 0,
        replicaNumber: 0,
        configuration: { replicaCount: 3, primaryOffset: 0 },
        log: { base: { opNumber: 0 }, entries: [] },
      }
      check.received?.(hostWith(replica), view % 3, commit(view))
      replica.knownCommit = knows
      check.stepped?.(hostWith(replica, { boot }))
    }
  test('the commit-number of our primary', () => {
    expect(stepping(takesWhatFits(), 1, 2)).not.toThrow()
    expect(stepping(takesWhatFits(), 1, 1)).toThrow('could have used COMMIT v1 of r1')
  })
  test('the commit-number of a later one', () => {
    expect(stepping(laterViewsNotFollowed(), 2, 0)).not.toThrow()
    expect(stepping(laterViewsNotFollowed(), 2, 2)).toThrow('COMMIT of view 2 from r2 changes r0')
  })
  test('a process that ends in the middle of a step', () => {
    expect(stepping(takesWhatFits(), 1, 0, 2)).not.toThrow()
    expect(stepping(laterViewsNotFollowed(), 2, 2, 2)).not.toThrow()
  })
})

test('read-index-is-high: a read from before what was committed when it came', () => {
  const world = worldOf(3)
  const check = readIndexIsHigh(world)
  const host = hostWith({})
  const entry = { viewNumber: 0, checksum: '', parent: '', atMs: 0, committedBy: 0 }
  world.committed.push({ ...entry, opNumber: 1 })
  check.received?.(host, 1, { type: 'READINDEX', readNumber: 5 })
  const ok = (op: number): Message => ({
    type: 'READINDEXOK',
    viewNumber: viewNumber(0),
    readNumber: 5,
    opNumber: opNumber(op),
  })
  expect(() => check.sent?.(host, 1, ok(1))).not.toThrow()
  expect(() => check.sent?.(host, 1, ok(0))).toThrow('lets r1 read from op 0 on')
})

test('same-checkpoints: two that survive one crash are told of when both are on the disk', () => {
  const world = worldOf(3)
  const check = sameCheckpoints(world)
  const [first, second] = world.hosts as [HostView, HostView]
  const job = (op: number) => {
    const id = { ...first.image.checkpoint, opNumber: opNumber(op) }
    return { type: 'checkpoint' as const, id, records: [] }
  }
  for (const host of [first, second]) check.started?.(host)
  for (const op of [4, 8]) {
    first.image.checkpoint = job(op).id
    check.durable?.(first, job(op))
  }
  second.image.checkpoint = job(8).id
  for (const op of [4, 8]) check.durable?.(second, job(op))
  expect(() => check.durable?.(second, job(13))).not.toThrow()
  expect(() => check.durable?.(first, job(12))).toThrow('takes its next checkpoint at op 12')
})
