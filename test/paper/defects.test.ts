/**
 * The known defects of the paper, each with the schedule that shows it, shown not to fail here. Where each
 * comes from, and what we do instead: docs/divergence.md.
 */
import { describe, expect, test } from 'vitest'
import type { ReplicaOptions } from '../../src/vr/options.ts'
import { operation, Replicas } from '../support/replicas.ts'

describe('state transfer loses a committed op (§5.2; found by Vanlightly, 24 steps)', () => {
  test('§5.2 nothing is cut, and no view raised, before the replacement is in hand', () => {
    const group = new Replicas(3)
    // 1. r0, primary of view 0, commits `a` with r1's ack and answers its client; r1 does not know the
    //    commit-number yet. r0 prepares `b`, which reaches nobody but r2.
    const session = group.open(0, 's')
    group.request(0, operation(session, 1, 'put a 1'))
    group.sync(0)
    group.deliver({ type: 'PREPARE' })
    group.sync(1)
    group.sync(2)
    group.deliver({ type: 'PREPAREOK', from: 1 })
    expect(group.answer(0, session, 1)?.answer.type).toBe('executed')
    expect(group.at(1).commitNumber).toBe(1)
    group.request(0, operation(session, 2, 'put b 1'))
    group.take({ type: 'PREPARE', to: 1 })
    group.deliver({ type: 'PREPARE', to: 2 })
    group.sync(0)
    group.sync(2)
    group.take()
    // 2. r2 and r0 go to view 2, whose primary is r2; its STARTVIEW reaches nobody.
    for (let i = 0; i < 800 && group.at(2).status + group.at(2).viewNumber !== 'normal2'; i++) {
      if (group.at(2).viewNumber === 0 && i === 0) group.step(0, { type: 'step-down' })
      group.tick(10, 0, 2)
      group.sync(0)
      group.sync(2)
      group.deliver({ from: 0, to: 2 })
      group.take({ type: 'STARTVIEW' })
      group.deliver({ from: 2, to: 0 })
      group.take({ to: 1 })
    }
    expect(group.state(2)).toMatch(/^normal v2 n3/)
    expect([group.at(0).viewNumber, group.at(0).lastNormalView]).toEqual([2, 0])
    // 3. r2 prepares `c` in view 2; the PREPARE reaches r1, in view 0 with the log [session, a].
    group.take()
    group.request(2, operation(session, 3, 'put c 1'))
    group.sync(2)
    group.take({ to: 0 })
    const executedBefore = group.at(1).commitNumber
    group.deliver({ type: 'PREPARE', to: 1 })
    // 4. The paper cuts r1's log to its commit-number, []. Ours keeps it, and its view, and asks.
    expect(group.log(1)).toEqual(['{}', 'put a 1'])
    expect([group.at(1).viewNumber, group.at(1).lastNormalView]).toEqual([0, 0])
    expect(group.at(1).commitNumber).toBe(executedBefore)
    expect(group.take({ type: 'GETSTATE', from: 1 })).toHaveLength(1)
    // 5. Before the answer comes, r0 and r1 start view 3. It has `a`.
    group.take()
    group.crash(2)
    group.run(8000, 0, 1)
    expect(group.at(0).viewNumber).toBeGreaterThanOrEqual(3)
    expect([group.value(0, 'a'), group.value(1, 'a')]).toEqual(['1', '1'])
    group.start(2)
    group.run(3000)
    expect(group.value(2, 'a')).toBe('1')
    expect(group.value(2, 'c')).toBe(group.value(0, 'c'))
  })

  test('§5.2 a replica that adopts what a later view committed leaves its own view first', () => {
    // Our own form of it (simulator seeds 41, 412): the primary of a view that has ended goes on preparing.
    const group = new Replicas(3, { transferBytesMax: 150 })
    const session = group.open(0, 's')
    group.crash(1, 2)
    group.request(0, operation(session, 1, 'put stale 1'))
    group.sync(0)
    group.take()
    group.start(1)
    group.start(2)
    group.run(3000, 1, 2)
    for (let n = 2; n <= 9; n++) group.request(1, operation(session, n, `put k${n} ${n}`))
    group.run(100, 1, 2)
    group.tick(50, 1)
    group.deliver({ type: 'COMMIT', to: 0 })
    group.sync(0)
    group.deliver({ type: 'GETSTATE' })
    group.deliver({ type: 'NEWSTATE' })
    expect(group.state(0)).toMatch(/^view-change v1/)
    const before = group.log(0).length
    group.request(0, operation(session, 10, 'put more 1'))
    expect(group.log(0)).toHaveLength(before)
    group.run(2000)
    expect(group.state(0)).toBe(group.state(1))
    expect(group.value(0, 'stale')).toBeUndefined()
  })
})

describe('recovery forgets a promise (§4.3; Michael et al. 2017)', () => {
  test('§4.3 a replica that promised view 1 does not go on in view 0 after a restart', () => {
    const group = new Replicas(3)
    const session = group.open(0, 's')
    // 1. r1 enters view 1 on r2's vote and its own, said so (delayed), and crashes before it is on disk.
    group.tick(1500, 1, 2)
    const votes = group.take({ type: 'STARTVIEWCHANGE', from: 1, to: 2 })
    group.deliver({ type: 'STARTVIEWCHANGE', to: 1 })
    expect(group.at(1).viewNumber).toBe(1)
    group.take()
    group.crash(1)
    group.start(1)
    // It promised nothing, so it may be in view 0.
    expect(group.state(1)).toMatch(/^normal v0/)
    // 2. r2 gets the delayed message, enters view 1 and promises it: DOVIEWCHANGE, without x, delayed too.
    group.give(votes)
    group.sync(2)
    const promise = group.take({ type: 'DOVIEWCHANGE', from: 2, to: 1 })
    expect(promise).toHaveLength(1)
    // 3. r2 crashes. In the paper it recovers into view 0 from r0 and r1, and its promise is forgotten.
    group.crash(2)
    group.start(2)
    expect(group.state(2)).toMatch(/^view-change v1/)
    group.take()
    // 4. r0 prepares x. r2 must not help to commit it in view 0; with r1 it commits.
    group.request(0, operation(session, 1, 'put x 1'))
    group.sync(0)
    group.deliver({ type: 'PREPARE' })
    group.sync(2)
    expect(group.take({ type: 'PREPAREOK', from: 2 })).toEqual([])
    group.sync(1)
    group.deliver({ type: 'PREPAREOK' })
    expect(group.answer(0, session, 1)?.answer.type).toBe('executed')
    // 5. The old promise reaches r1: view 1 starts, with x.
    group.take()
    group.give(promise)
    group.sync(1)
    expect(group.state(1)).toMatch(/^normal v1 n2/)
    group.run(1000)
    for (const i of [0, 1, 2]) expect(group.value(i, 'x')).toBe('1')
  })

  test('§4.3 when the promise did not reach the disk, it was not made', () => {
    const group = new Replicas(3)
    group.open(0, 's')
    group.tick(1500, 1, 2)
    group.deliver({ type: 'STARTVIEWCHANGE' })
    expect(group.at(2).viewNumber).toBe(1)
    group.crash(2)
    expect(group.take({ type: 'DOVIEWCHANGE' })).toEqual([])
    group.start(2)
    expect(group.state(2)).toMatch(/^normal v0/)
  })

  test('§4.3 a whole group that restarts at once goes on: recovery would wait for ever', () => {
    const group = new Replicas(3)
    const session = group.open(0, 's')
    group.request(0, operation(session, 1, 'put x 1'))
    group.settle()
    group.crash(0, 1, 2)
    for (const i of [0, 1, 2]) group.start(i)
    group.run(3000)
    for (const i of [0, 1, 2]) expect(group.value(i, 'x')).toBe('1')
    group.request(2, operation(session, 2, 'put x 2'))
    group.run(100)
    expect(group.value(0, 'x')).toBe('2')
  })
})

describe('the client-table (§4.1, §4.5)', () => {
  test('§4.1 a client is not locked out when a view change drops its prepared request', () => {
    const group = new Replicas(3)
    const session = group.open(0, 's')
    // The paper raises the client's request-number at PREPARE: r0 alone has it, and dies.
    group.request(0, operation(session, 1, 'put x 1'))
    group.sync(0)
    group.take()
    group.crash(0)
    group.run(2500, 1, 2)
    group.request(2, operation(session, 1, 'put x 1'))
    group.run(100, 1, 2)
    expect(group.answer(2, session, 1)?.answer.type).toBe('executed')
    expect(group.value(1, 'x')).toBe('1')
  })

  test('§4.1 a repeat while the request sits in the inherited log is one entry and one execution', () => {
    const group = new Replicas(3)
    const session = group.open(0, 's')
    group.request(0, operation(session, 1, 'add x 1'))
    group.deliver({ type: 'PREPARE', to: 1 })
    group.sync(1)
    group.take()
    group.crash(0)
    group.tick(1500, 1, 2)
    for (let i = 0; i < 6 && group.at(1).status !== 'normal'; i++) {
      group.deliver()
      group.sync(2)
      group.sync(1)
    }
    group.request(1, operation(session, 1, 'add x 1'))
    group.run(300, 1, 2)
    expect(group.value(1, 'x')).toBe('1')
    expect(group.log(1).filter(line => line.startsWith('add'))).toHaveLength(1)
  })

  test('§4.5 a client that crashed opens another session: its late requests are not taken for new ones', () => {
    // «latest + 2»: 7 = X, late, is taken for 7 = Y of the client's next life, or Y gets the result of X.
    const group = new Replicas(3)
    const first = group.open(0, 'client')
    const late = operation(first, 1, 'append list X')
    const second = group.open(0, 'client-again')
    group.request(0, operation(second, 1, 'append list Y'))
    group.settle()
    group.request(0, late)
    group.run(60)
    expect(group.answer(0, second, 1)).not.toEqual(group.answer(0, first, 1))
    expect(group.value(1, 'list')).toBe('Y,X')
  })

  test('§4.1 a late copy of a registration does not revive a session that was evicted', () => {
    const group = new Replicas(3, { clientsMax: 1 })
    const first = group.open(0, 'a')
    group.request(0, operation(first, 1, 'add x 1'))
    group.settle()
    group.open(0, 'b')
    const again = group.open(0, 'a')
    expect(again).not.toBe(first)
    group.request(0, operation(first, 1, 'add x 1'))
    group.settle()
    expect(group.answer(0, first, 1)?.answer).toEqual({ type: 'forgotten', reason: 'no-session' })
    expect(group.value(0, 'x')).toBe('1')
  })

  test('§4.1 the primary of a view that has ended does not tell a client that its session is gone', () => {
    const group = new Replicas(3)
    group.settle()
    group.run(3000, 1, 2)
    group.request(1, operation('s@1', 1, 'put x 0'))
    group.run(100, 1, 2)
    expect(group.at(1).viewNumber).toBeGreaterThan(0)
    group.at(0)
    group.request(0, operation('s@99', 1, 'put x 1'))
    expect(group.answer(0, 's@99', 1)).toBeUndefined()
  })
})

describe('what the view change leaves open (§4.2)', () => {
  test('§4.2 a commit-number beyond the log executes nothing that is not there', () => {
    const group = new Replicas(3)
    const session = group.open(0, 's')
    for (let n = 1; n <= 3; n++) {
      group.request(0, operation(session, n, `put x ${n}`))
      group.settle({ from: 0, to: 1 }, { from: 1, to: 0 })
    }
    group.tick(50, 0)
    group.deliver({ type: 'COMMIT', to: 2 })
    expect(group.state(2)).toBe('normal v0 n1 k1')
    expect(group.take({ type: 'GETSTATE', from: 2 })).toHaveLength(1)
  })

  test('§4.2 a replica is not drawn into a later view by a PREPARE or COMMIT: it gets the view’s log first', () => {
    const group = new Replicas(3)
    group.open(0, 's')
    group.step(0, { type: 'step-down' })
    group.settle({ from: 0, to: 1 }, { from: 1, to: 0 })
    expect(group.state(1)).toMatch(/^normal v1/)
    group.tick(50, 1)
    group.deliver({ type: 'COMMIT', to: 2 })
    expect(group.state(2)).toMatch(/v0 n1/)
    group.run(200)
    expect(group.state(2)).toBe(group.state(1))
  })

  test('§4.2 acknowledgements of an earlier primaryship do not count in a later one', () => {
    const group = new Replicas(3)
    const session = group.open(0, 's')
    group.run(60)
    const late = group.take({ type: 'PREPAREOK' })
    for (const i of [0, 1, 2]) {
      group.step(i, { type: 'step-down' })
      group.settle()
    }
    expect(group.state(0)).toMatch(/^normal v3/)
    group.request(0, operation(session, 1, 'put x 1'))
    group.take()
    group.give([
      ...late,
      { from: 1, to: 0, message: { type: 'PREPAREOK', viewNumber: 0, opNumber: 2 } as never },
    ])
    group.sync(0)
    expect(group.at(0).commitNumber).toBe(1)
  })

  test('§4.2 a view change while the start of a view is being written: the start is of no use any more', () => {
    const group = new Replicas(3)
    group.open(0, 's')
    group.crash(0)
    group.tick(1500, 1, 2)
    group.deliver({ type: 'STARTVIEWCHANGE' })
    group.sync(2)
    group.deliver({ type: 'DOVIEWCHANGE' })
    group.sync(1, 1)
    expect(group.at(1).change.startToken).toBeDefined()
    // Before it is durable both leave view 1.
    group.tick(3000, 1, 2)
    group.deliver({ type: 'STARTVIEWCHANGE' })
    expect(group.at(1).viewNumber).toBe(2)
    group.sync(1)
    expect(group.state(1)).toMatch(/^view-change v2/)
    group.run(5000, 1, 2)
    expect([group.at(1).status, group.at(2).status]).toEqual(['normal', 'normal'])
  })
})

describe('what others found in their implementations', () => {
  const short: Partial<ReplicaOptions> = {
    checkpointEvery: 10,
    checkpointIntervalMs: 0,
    keepLogOperations: 1,
    keepLogMs: 0,
    logTailMax: 5,
  }

  test('§5.2 a STARTVIEW older than the checkpoint that was installed since is ignored', () => {
    const group = new Replicas(3, short)
    const session = group.open(0, 's')
    group.step(0, { type: 'step-down' })
    group.settle({ from: 0, to: 1 }, { from: 1, to: 0 })
    group.run(200, 0, 1)
    const [started] = [group.at(1)].map(r => ({
      type: 'STARTVIEW' as const,
      viewNumber: r.viewNumber,
      opNumber: r.commitNumber,
      commitNumber: r.commitNumber,
      parent: r.log.entries.at(-1)?.checksum ?? r.log.base.checksum,
      suffix: [],
    }))
    group.step(1, { type: 'step-down' })
    group.run(500, 0, 1)
    for (let n = 1; n <= 60; n++) {
      group.request(0, operation(session, n, `put k${n} ${n}`))
      group.run(10, 0, 1)
    }
    group.run(1500)
    const before = group.state(2)
    expect(before).toBe(group.state(0))
    expect(group.at(2).firstOp).toBeGreaterThan(30)
    if (started) group.give([{ from: 1, to: 2, message: started }])
    expect(group.state(2)).toBe(before)
  })

  test('§4.1 an acknowledged op that is already committed here is acknowledged to the new primary too', () => {
    const group = new Replicas(3)
    const session = group.open(0, 's')
    group.request(0, operation(session, 1, 'put x 1'))
    group.run(60)
    // r2 executed it. r1 lost nothing, but knows of no commit: as primary it needs r2's word.
    group.crash(0)
    group.run(2000, 1, 2)
    expect(group.at(1).primary.acked.get(group.at(2).replicaNumber)).toBe(2)
  })

  test('§5.2 what was read from disk for a peer in an earlier role is not sent in the next', () => {
    const group = new Replicas(3)
    group.open(0, 's')
    const replica = group.at(0)
    replica.loads.set(77, { to: group.at(2).replicaNumber, nonce: 1 })
    group.step(0, { type: 'step-down' })
    group.deliver({ type: 'STARTVIEWCHANGE' })
    group.deliver({ type: 'STARTVIEWCHANGE' })
    expect(group.at(0).status).toBe('view-change')
    const entries = [...replica.log.entries]
    group.take()
    group.step(0, { type: 'loaded', token: 77, entries })
    expect(group.take({ type: 'NEWSTATE' })).toEqual([])
  })
})
