/** VRR §4.2, with votes and durable promises (docs/divergence.md 3, 5, 6, 7). */
import { describe, expect, test } from 'vitest'
import { chooseLog } from '../../src/vr/view-change.ts'
import { operation, type Packet, Replicas } from '../support/replicas.ts'

/** r0 is dead; r1 and r2 have voted and are in view 1, nothing synced, DOVIEWCHANGEs not sent. */
function changing(options = {}): { group: Replicas; session: string } {
  const group = new Replicas(3, options)
  const session = group.open(0, 's')
  group.request(0, operation(session, 1, 'put x 1'))
  group.run(60)
  group.crash(0)
  group.take()
  group.tick(400, 1, 2)
  group.deliver({ type: 'STARTVIEWCHANGE' })
  expect([group.at(1).viewNumber, group.at(2).viewNumber]).toEqual([1, 1])
  group.take()
  return { group, session }
}

describe('leaving a view', () => {
  test('§4.2 one replica that hears nothing does not end a view that serves the others', () => {
    const group = new Replicas(3)
    const session = group.open(0, 's')
    for (let i = 0; i < 200; i++) {
      group.tick(10)
      group.settle({ from: 0, to: 1 }, { from: 1, to: 0 }, { from: 2, to: 0 }, { from: 2, to: 1 })
    }
    expect([0, 1, 2].map(i => group.at(i).viewNumber)).toEqual([0, 0, 0])
    group.request(1, operation(session, 1, 'put x 1'))
    group.settle({ from: 0, to: 1 }, { from: 1, to: 0 })
    expect(group.value(0, 'x')).toBe('1')
  })

  test('§4.2 a vote for the current view leaves a normal replica normal', () => {
    const group = new Replicas(3)
    group.tick(1500, 2)
    group.deliver({ type: 'STARTVIEWCHANGE', to: 1 })
    expect(group.state(1)).toBe('normal v0 n0 k0')
  })

  test('§4.2 word from the primary withdraws a vote', () => {
    const group = new Replicas(3)
    group.tick(1500, 2)
    expect(group.at(2).change.voted).toBe(true)
    group.tick(50, 0)
    group.deliver({ from: 0, to: 2 })
    expect(group.at(2).change.voted).toBe(false)
  })

  test('§4.2 a lost connection to the primary is suspicion at once', () => {
    const group = new Replicas(3)
    group.settle()
    for (const i of [1, 2]) {
      group.step(i, { type: 'peer', replica: group.at(0).replicaNumber, connected: false })
    }
    group.settle({ from: 1, to: 2 }, { from: 2, to: 1 })
    expect(group.state(1)).toBe('normal v1 n0 k0')
  })

  test('§4.2 a primary that hears nobody gives up, so that one that can send only does not wedge the group', () => {
    const group = new Replicas(3)
    const session = group.open(0, 's')
    for (let i = 0; i < 300 && group.at(1).viewNumber === 0; i++) {
      group.tick(10)
      group.settle({ from: 0 }, { from: 1, to: 2 }, { from: 2, to: 1 })
    }
    expect(group.state(1)).toMatch(/^normal v1/)
    group.request(2, operation(session, 1, 'put x 1'))
    group.settle({ from: 1, to: 2 }, { from: 2, to: 1 })
    expect(group.value(1, 'x')).toBe('1')
  })

  test('§4.2 after DOVIEWCHANGE nothing of the old view is accepted: the safety hinge (§8.1)', () => {
    const group = new Replicas(3)
    const session = group.open(0, 's')
    group.request(0, operation(session, 1, 'put x 1'))
    const prepares = group.take({ type: 'PREPARE' })
    group.tick(1500, 1, 2)
    group.settle({ type: 'STARTVIEWCHANGE', to: 1 }, { type: 'STARTVIEWCHANGE', to: 2 })
    expect(group.at(2).viewNumber).toBe(1)
    group.give(prepares)
    group.sync(1)
    group.sync(2)
    expect(group.take({ type: 'PREPAREOK', to: 0 })).toEqual([])
  })
})

describe('DOVIEWCHANGE', () => {
  test('§4.2 it leaves only when the view that it promises is on disk', () => {
    const { group } = changing()
    expect(group.wire).toEqual([])
    group.sync(2)
    expect(group.take({ type: 'DOVIEWCHANGE' })).toHaveLength(1)
    expect(group.node(2).disk.image.vsr.viewNumber).toBe(1)
  })

  test('§4.2 one of them, delivered thrice, is not a quorum', () => {
    const group = new Replicas(5)
    group.settle()
    group.crash(0)
    group.tick(1500, 1, 2, 3)
    group.deliver({ type: 'STARTVIEWCHANGE' })
    group.sync(2)
    const own = group.take({ type: 'DOVIEWCHANGE', from: 2 })
    group.give([...own, ...own, ...own])
    expect(group.at(1).change.received.size).toBe(1)
    group.sync(1)
    expect(group.state(1)).toBe('view-change v1 n0 k0')
  })

  test('§4.2 those of a view that has passed do not count in the next', () => {
    const { group } = changing()
    group.sync(2)
    const late = group.take({ type: 'DOVIEWCHANGE', to: 1 })
    group.tick(3000, 1, 2)
    group.deliver({ type: 'STARTVIEWCHANGE' })
    expect(group.at(1).viewNumber).toBe(2)
    group.give(late)
    expect(group.at(1).change.received.size).toBe(0)
  })

  test('§4.2 step 3: the latest last normal view wins over the longest log, then the longest', () => {
    const m = (lastNormalView: number, opNumber: number) =>
      ({ type: 'DOVIEWCHANGE', viewNumber: 9, lastNormalView, opNumber, suffix: [] }) as never
    expect(chooseLog([m(0, 15), m(1, 11), m(1, 12), m(0, 20)])).toEqual(m(1, 12))
  })

  test('§4.2 a primary-elect that never gets a quorum of them is left behind too', () => {
    const { group } = changing()
    for (let i = 0; i < 400 && group.at(2).viewNumber === 1; i++) {
      group.tick(10, 1, 2)
      group.settle({ type: 'STARTVIEWCHANGE', from: 1, to: 2 }, { type: 'STARTVIEWCHANGE', to: 1 })
    }
    expect(group.at(2).viewNumber).toBeGreaterThan(1)
    group.run(8000, 1, 2)
    expect([group.at(1).status, group.at(2).status]).toEqual(['normal', 'normal'])
  })

  /** r1, next in turn, lacks three entries that r0 and r2 have committed; r0 is dead. */
  function laggingElect(suffixBytesMax: number): Replicas {
    const group = new Replicas(3, { suffixBytesMax })
    const session = group.open(0, 's')
    for (let n = 1; n <= 3; n++) {
      group.request(0, operation(session, n, `put x ${n}`))
      group.settle({ from: 0, to: 2 }, { from: 2, to: 0 })
    }
    group.tick(50, 0)
    group.settle({ from: 0, to: 2 })
    group.crash(0)
    expect([group.at(1).commitNumber, group.at(2).commitNumber]).toEqual([0, 4])
    group.run(1500, 1, 2)
    return group
  }

  test('§4.2 it reaches some way below what is committed: a primary-elect that lags a little takes the view', () => {
    const group = laggingElect(10_000)
    expect(group.state(1)).toBe('normal v1 n4 k4')
    expect(group.state(2)).toBe('normal v1 n4 k4')
  })

  test('§4.2 a primary-elect that lags further gives up the view, at once', () => {
    const group = laggingElect(0)
    expect(group.state(2)).toBe('normal v2 n4 k4')
    expect(group.state(1)).toBe('normal v2 n4 k4')
  })
})

describe('STARTVIEW', () => {
  test('§4.2 it leaves when the log of the view and its number are on disk, in one write', () => {
    const { group } = changing()
    group.sync(2)
    group.deliver({ type: 'DOVIEWCHANGE' })
    group.sync(1, 1)
    expect(group.wire.filter(p => p.message.type === 'STARTVIEW')).toEqual([])
    expect(group.state(1)).toMatch(/^view-change v1/)
    group.sync(1)
    expect(group.wire.filter(p => p.message.type === 'STARTVIEW')).toHaveLength(2)
    expect(group.node(1).disk.image.vsr).toMatchObject({ viewNumber: 1, lastNormalView: 1 })
  })

  test('§4.2 an old one neither takes a replica back nor cuts its log', () => {
    const { group, session } = changing()
    group.sync(2)
    group.deliver({ type: 'DOVIEWCHANGE' })
    group.sync(1)
    const started = group.take({ type: 'STARTVIEW', to: 2 })
    group.give(started)
    group.request(1, operation(session, 2, 'put x 2'))
    group.settle()
    const before = group.state(2)
    group.give(started)
    expect(group.state(2)).toBe(before)
    group.step(1, { type: 'step-down' })
    group.settle()
    const later = group.state(2)
    expect(later).toMatch(/^normal v2/)
    group.give(started)
    expect(group.state(2)).toBe(later)
  })

  test('§4.2 one from a replica that is not the primary of its view is ignored', () => {
    const { group } = changing()
    group.sync(2)
    group.deliver({ type: 'DOVIEWCHANGE' })
    group.sync(1)
    const forged = group.take({ type: 'STARTVIEW', to: 2 }).map((p): Packet => ({ ...p, from: 0 }))
    group.give(forged)
    expect(group.at(2).status).toBe('view-change')
  })

  test('§4.2 who missed it asks with its DOVIEWCHANGE, and gets it again', () => {
    const { group } = changing()
    group.sync(2)
    group.deliver({ type: 'DOVIEWCHANGE' })
    group.sync(1)
    group.take()
    group.run(200, 1, 2)
    expect(group.state(2)).toBe('normal v1 n2 k2')
  })

  test('§4.2 step 5: acknowledgements for entries of earlier views go to the primary of the new one', () => {
    const group = new Replicas(3)
    const session = group.open(0, 's')
    group.request(0, operation(session, 1, 'put x 1'))
    group.deliver({ type: 'PREPARE' })
    group.sync(1)
    group.sync(2)
    group.take()
    group.crash(0)
    group.run(1500, 1, 2)
    expect(group.value(1, 'x')).toBe('1')
    expect(group.state(2)).toBe('normal v1 n2 k2')
  })
})

test('§4.2 two replicas of three go on with what was acknowledged, whichever dies first', () => {
  for (const dead of [0, 1, 2]) {
    const group = new Replicas(3)
    const session = group.open(0, 's')
    group.request(0, operation(session, 1, 'put x 1'))
    group.settle()
    expect(group.answer(0, session, 1)?.answer.type).toBe('executed')
    group.crash(dead)
    const alive = [0, 1, 2].filter(i => i !== dead)
    group.run(2500, ...alive)
    for (const i of alive) expect(group.value(i, 'x')).toBe('1')
  }
})

test('§4.2 a group of four needs three, a group of five three: two of either are not enough', () => {
  for (const n of [4, 5]) {
    const group = new Replicas(n)
    group.settle()
    group.crash(0, ...(n === 5 ? [4, 3] : [3]))
    group.run(4000, 1, 2)
    expect(group.at(1).status === 'normal' && group.at(1).viewNumber > 0).toBe(false)
    group.start(3)
    group.run(12_000, 1, 2, 3)
    expect([1, 2, 3].map(i => group.at(i).status)).toEqual(['normal', 'normal', 'normal'])
  }
})
