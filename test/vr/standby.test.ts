/** A standby has what is committed, soon, and nothing of it counts. */
import { describe, expect, test } from 'vitest'
import type { Message } from '../../src/vr/message.ts'
import type { ReplicaOptions } from '../../src/vr/options.ts'
import { opNumber, replicaNumber, viewNumber } from '../../src/vr/terms.ts'
import { operation, Replicas, register, type Which } from '../support/replicas.ts'

/** Three replicas, and the standby s with number 3. */
const s = 3
function withStandby(options: Partial<ReplicaOptions> = {}): { group: Replicas; session: string } {
  const group = new Replicas(3, options, undefined, 1)
  group.run(200)
  const session = group.open(0, 's')
  return { group, session }
}

describe('follows', () => {
  test('an entry is executed there as soon as it is committed: no time passes', () => {
    const { group, session } = withStandby()
    group.write(session, 1, 3)
    expect(group.state(s)).toBe(group.state(0))
    expect(group.value(s, 'k3')).toBe('3')
    expect(group.at(s).followers.size + group.at(1).followers.size).toBe(0)
  })

  test('what is not committed is not there', () => {
    const { group, session } = withStandby()
    const before = group.state(s)
    group.request(0, operation(session, 1, 'put x 1'))
    group.settle({ from: 0, to: s }, { from: s, to: 0 })
    expect(group.log(0)).toContain('put x 1')
    expect([group.state(s), group.log(s)]).toEqual([before, group.log(1)])
  })

  test('to the primary of the next view, and through it', () => {
    const { group, session } = withStandby()
    group.write(session, 1, 3)
    group.crash(0)
    const lost = { type: 'peer', replica: replicaNumber(0), connected: false } as const
    for (const i of [1, 2, s]) group.step(i, lost)
    group.run(1000, 1, 2, s)
    expect(group.state(s)).toBe(group.state(1))
    group.request(1, operation(session, 4, 'put x 4'))
    group.settle()
    expect(group.value(s, 'x')).toBe('4')
  })

  test('whoever answers: the primary is cut off from it, and nobody tells it so', () => {
    const { group, session } = withStandby()
    group.write(session, 1, 3)
    const others = [1, 2].flatMap(i => [
      { from: i, to: s },
      { from: s, to: i },
    ])
    const replicas = [0, 1, 2].flatMap(from => [0, 1, 2].map(to => ({ from, to })))
    group.request(0, operation(session, 4, 'put x 4'))
    for (let i = 0; i < 200; i++) {
      group.tick(10)
      group.settle(...replicas, ...others)
    }
    expect(group.value(s, 'x')).toBe('4')
  })

  test('nobody who is cut off from the others himself', () => {
    const { group, session } = withStandby()
    const rest = [1, 2, s].flatMap(from => [1, 2, s].map(to => ({ from, to })))
    for (let i = 0; i < 300; i++) {
      group.tick(10)
      group.settle(...rest, { from: 0, to: s }, { from: s, to: 0 })
    }
    expect(group.at(1).viewNumber).toBeGreaterThan(0)
    const primary = group.at(s).viewNumber % 3
    group.request(primary, operation(session, 1, 'put x 1'))
    group.settle(...rest, { from: 0, to: s }, { from: s, to: 0 })
    expect(group.value(s, 'x')).toBe('1')
  })

  test('nobody who hears how far the others are, and is not heard when he asks for it', () => {
    const { group, session } = withStandby()
    group.step(s, { type: 'peer', replica: replicaNumber(0), connected: false })
    group.settle()
    expect(group.at(1).followers.size).toBe(1)
    const links: Which[] = [0, 2, s].flatMap(from => [0, 2, s].map(to => ({ from, to })))
    const open = links.filter(
      ({ from, to }) => !(from === 0 && to === s) && !(from === s && to === 0),
    )
    const mute: Which[] = [
      { from: 1, to: s },
      { from: s, to: 1 },
      { from: 0, to: 1, type: 'COMMIT' },
    ]
    group.request(0, operation(session, 1, 'put x 1'))
    for (let i = 0; i < 300; i++) {
      group.tick(10)
      group.settle(...open, ...mute)
    }
    expect(group.at(1).knownCommit).toBeGreaterThan(group.at(1).commitNumber)
    expect(group.value(s, 'x')).toBe('1')
  })

  test('from far behind, by a checkpoint, and after a restart from where its disk is', () => {
    const { group, session } = withStandby({
      checkpointEvery: 50,
      checkpointIntervalMs: 0,
      keepLogOperations: 1,
      keepLogMs: 0,
      logTailMax: 10,
      transferBytesMax: 200,
    })
    group.crash(s)
    group.write(session, 1, 300)
    group.start(s)
    group.run(3000)
    expect(group.state(s)).toBe(group.state(0))
    expect(group.node(s).events.some(event => event.type === 'checkpoint')).toBe(true)
    expect(group.node(s).service.stateHash()).toBe(group.node(0).service.stateHash())
    group.write(session, 301, 320)
    group.crash(s)
    const held = group.node(s).disk.image.checkpoint.opNumber
    group.start(s)
    expect(held).toBeGreaterThan(250)
    expect(group.at(s).commitNumber).toBeGreaterThanOrEqual(held)
    group.run(500)
    expect(group.value(s, 'k0')).toBe(group.value(0, 'k0'))
    expect(group.state(s)).toBe(group.state(0))
  })
})

describe('does not count', () => {
  test('with both backups down nothing commits, however well the standby follows', () => {
    const { group, session } = withStandby()
    group.crash(1, 2)
    group.request(0, operation(session, 1, 'put x 1'))
    for (let i = 0; i < 30; i++) {
      group.tick(10, 0, s)
      group.settle()
    }
    expect(group.answer(0, session, 1)).toBeUndefined()
    expect(group.value(s, 'x')).toBeUndefined()
  })

  test('whatever it says', () => {
    const { group, session } = withStandby()
    group.crash(1, 2)
    group.request(0, operation(session, 1, 'put x 1'))
    group.settle()
    const before = group.at(0)
    const n = opNumber(before.log.entries.length)
    const state = { opNumber: opNumber(0), stateHash: '' }
    const ok = { viewNumber: viewNumber(0), opNumber: n }
    const parent = before.log.base.checksum
    const said: Message[] = [
      { type: 'PREPAREOK', ...ok },
      { type: 'COMMITOK', ...ok, probe: 0, state, isShortOfSpace: false, wallMs: 0 },
      { type: 'STARTVIEWCHANGE', viewNumber: viewNumber(0) },
      {
        type: 'DOVIEWCHANGE',
        wallMs: 0,
        viewNumber: viewNumber(3),
        lastNormalView: viewNumber(0),
        opNumber: opNumber(0),
        commitNumber: opNumber(0),
        parent,
        suffix: [],
      },
      { type: 'RECOVERY', viewNumber: viewNumber(9), nonce: 1 },
    ]
    const state0 = group.state(0)
    group.give(said.map(message => ({ from: s, to: 0, message })))
    group.settle()
    expect(group.state(0)).toBe(state0)
    expect([
      before.primary.acked.has(replicaNumber(s)),
      before.primary.heardMs.has(replicaNumber(s)),
    ]).toEqual([false, false])
  })

  test('it asks, and says nothing else, over elections and restarts', () => {
    const { group, session } = withStandby()
    const types = new Set<string>()
    const note = () => {
      for (const { from, message } of group.wire) if (from === s) types.add(message.type)
    }
    for (let n = 1; n <= 40; n++) {
      group.request(n % 3, operation(session, n, `put x ${n}`, n - 1))
      if (n % 7 === 0) group.step(group.at(0).viewNumber % 3, { type: 'step-down' })
      if (n % 11 === 0) {
        group.crash(s)
        group.start(s)
      }
      for (let i = 0; i < 30; i++) {
        group.tick(10)
        for (const node of group.nodes) group.sync(node.number)
        note()
        group.deliver()
      }
    }
    group.run(1000)
    expect([...types]).toEqual(['GETSTATE'])
    expect(group.at(0).viewNumber).toBeGreaterThan(2)
    expect(group.state(s)).toBe(group.state(0))
    expect(group.value(s, 'x')).toBe('40')
  })

  test('alone it stays as it is: it starts no view, and becomes no primary', () => {
    const { group } = withStandby()
    const before = group.state(s)
    group.crash(0, 1, 2)
    group.run(5000, s)
    group.step(s, { type: 'step-down' })
    expect(group.state(s)).toBe(before)
  })
})

describe('serves', () => {
  test('a linearizable read: it asks the primary for the op to wait for', () => {
    const { group, session } = withStandby()
    group.write(session, 1, 2)
    group.step(s, { type: 'read', readNumber: 1 })
    group.settle()
    expect(group.node(s).reads).toEqual([{ readNumber: 1, opNumber: group.at(0).commitNumber }])
  })

  test('a write, which it passes on; the answer comes though it never acknowledged', () => {
    const { group } = withStandby()
    group.request(s, register('w'))
    group.settle()
    expect(group.answer(s, 'w', 0)?.answer.type).toBe('executed')
  })
})

test('a standby whose state is not that of the others stops', () => {
  const { group, session } = withStandby({ checkpointEvery: 5, checkpointIntervalMs: 0 })
  group.node(s).service.load({ id: 'k9', value: 'rotten' })
  group.write(session, 1, 12)
  group.run(500)
  expect(group.node(s).events.at(-1)).toMatchObject({ type: 'diverged' })
})
