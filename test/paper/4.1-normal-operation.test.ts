/** VRR §4.1, sentence by sentence, with §6.2. Each test: one behaviour of `step`. */
import { describe, expect, test } from 'vitest'
import { operation, Replicas } from '../support/replicas.ts'

/** A session, and `put x 1` prepared by r0, not yet delivered anywhere. */
function prepared(): { group: Replicas; session: string } {
  const group = new Replicas(3)
  const session = group.open(0, 's')
  group.request(0, operation(session, 1, 'put x 1'))
  return { group, session }
}

describe('the primary', () => {
  test('§4.1 it appends a request and sends PREPARE to the other replicas', () => {
    const { group } = prepared()
    expect(group.state(0)).toBe('normal v0 n2 k1')
    expect(group.take().map(p => [p.to, p.message.type])).toEqual([
      [1, 'PREPARE'],
      [2, 'PREPARE'],
    ])
  })

  test('§4.1 it commits with f PREPAREOKs and its own, all from disks', () => {
    const { group } = prepared()
    group.deliver({ type: 'PREPARE', to: 1 })
    group.sync(1)
    group.deliver({ type: 'PREPAREOK' })
    expect(group.at(0).commitNumber).toBe(1)
    group.sync(0)
    expect(group.at(0).commitNumber).toBe(2)
    expect(group.answer(0, 's@1', 1)?.answer).toMatchObject({ type: 'executed', opNumber: 2 })
  })

  test('§4.1 it commits without its own disk when a quorum of others has it', () => {
    const { group } = prepared()
    group.deliver({ type: 'PREPARE' })
    group.sync(1)
    group.sync(2)
    group.deliver({ type: 'PREPAREOK' })
    expect(group.at(0).durableOp).toBe(1)
    expect(group.at(0).commitNumber).toBe(2)
  })

  test('§4.1 a PREPAREOK delivered three times counts once', () => {
    const group = new Replicas(5)
    const session = group.open(0, 's')
    group.request(0, operation(session, 1, 'put x 1'))
    group.sync(0)
    group.deliver({ type: 'PREPARE', to: 1 })
    group.sync(1)
    const [ok] = group.take({ type: 'PREPAREOK' })
    if (ok) group.give([ok, ok, ok])
    expect(group.at(0).commitNumber).toBe(1)
  })

  test('§4.1 step 2: a request that it executed already gets the same reply, and no second entry', () => {
    const { group, session } = prepared()
    group.settle()
    const first = group.answer(0, session, 1)
    group.request(0, operation(session, 1, 'put x 1'))
    expect(group.answer(0, session, 1)).toEqual(first)
    expect(group.state(0)).toBe('normal v0 n2 k2')
  })

  test('§4.1 step 6: when idle it sends COMMIT, which carries its commit-number', () => {
    const { group } = prepared()
    group.settle()
    group.tick(50, 0)
    expect(group.take({ type: 'COMMIT', to: 1 })[0]?.message).toMatchObject({ commitNumber: 2 })
  })
})

describe('a backup', () => {
  test('§4.1 it sends no PREPAREOK before the entry is on its disk', () => {
    const { group } = prepared()
    group.deliver({ type: 'PREPARE', to: 1 })
    expect(group.take({ type: 'PREPAREOK' })).toEqual([])
    group.sync(1)
    expect(group.take({ type: 'PREPAREOK' })).toHaveLength(1)
  })

  test('§4.1 it does not accept a PREPARE across a gap: it asks for what it lacks', () => {
    const { group, session } = prepared()
    group.sync(0)
    const [first] = group.take({ type: 'PREPARE', to: 1 })
    group.request(0, operation(session, 2, 'put x 2'))
    group.deliver({ type: 'PREPARE', to: 1 })
    group.sync(1)
    expect(group.state(1)).toMatch(/n1 /)
    expect(group.take({ type: 'PREPAREOK', from: 1 })).toEqual([])
    expect(group.wire.filter(p => p.message.type === 'GETSTATE')).toHaveLength(1)
    expect(first).toBeDefined()
    group.settle()
    expect(group.state(1)).toMatch(/^normal v0 n3/)
  })

  test('§4.1 it acknowledges again what is sent again', () => {
    const { group } = prepared()
    const packets = group.take({ type: 'PREPARE', to: 1 })
    group.give(packets)
    group.sync(1)
    group.take({ type: 'PREPAREOK' })
    group.give(packets)
    expect(group.take({ type: 'PREPAREOK' })[0]?.message).toMatchObject({ opNumber: 2 })
  })

  test('§4.1 step 7: it executes when it learns the commit-number, in order, and never beyond its log', () => {
    const { group } = prepared()
    const [prepare] = group.take({ type: 'PREPARE', to: 1 })
    group.settle()
    group.tick(50, 0)
    group.deliver({ type: 'COMMIT', to: 1 })
    expect(group.state(1)).toBe('normal v0 n1 k1')
    if (prepare) group.give([prepare])
    // Behind its acknowledgement (decision 0015).
    group.sync(1)
    expect(group.state(1)).toBe('normal v0 n2 k2')
    expect(group.value(1, 'x')).toBe('1')
  })

  test('§4.1 a late COMMIT with a lower number executes nothing twice', () => {
    const { group, session } = prepared()
    group.settle()
    group.tick(50, 0)
    const early = group.take({ type: 'COMMIT', to: 1 })
    group.request(0, operation(session, 2, 'add c 1'))
    group.run(60)
    const executed = group.node(1).executed.length
    group.give(early)
    expect(group.node(1).executed).toHaveLength(executed)
    expect(group.value(1, 'c')).toBe('1')
  })

  test('§4.1 it passes requests on to the primary and learns the result by executing', () => {
    const { group, session } = prepared()
    group.request(1, operation(session, 2, 'add c 1'))
    group.settle()
    expect(group.answer(1, session, 2)?.answer).toMatchObject({ type: 'executed' })
  })
})

test('§4.4 log time does not go back with the clock of a new primary', () => {
  const group = new Replicas(3)
  const session = group.open(0, 's')
  group.step(0, { type: 'tick', nowMs: 50, wallMs: 9_000_000 })
  group.request(0, operation(session, 1, 'put x 1'))
  group.run(60)
  group.crash(0)
  group.run(2000, 1, 2)
  group.request(1, operation(session, 2, 'put x 2'))
  group.run(100, 1, 2)
  const times = group.at(1).log.entries.map(entry => entry.timeMs)
  expect(times.at(-1)).toBeGreaterThanOrEqual(9_000_000)
  expect([...times].sort((a, b) => a - b)).toEqual(times)
})
