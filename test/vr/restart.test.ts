/** Restart from disk (instead of VRR §4.3): the table of roles, and a crash behind every single write. */
import { describe, expect, test } from 'vitest'
import type { ReplicaOptions } from '../../src/vr/options.ts'
import { operation, Replicas } from '../support/replicas.ts'

describe('what a restart makes of the view numbers on disk', () => {
  test('§4.3 a backup of its view is normal at once, and executes what it knows to be committed', () => {
    const group = new Replicas(3)
    const session = group.open(0, 's')
    for (const n of [1, 2]) {
      group.request(0, operation(session, n, `put x ${n}`))
      group.run(60)
    }
    group.crash(1)
    group.start(1)
    // The last entry's commit-number is on disk with it; its own commit has to be heard.
    expect(group.state(1)).toBe('normal v0 n3 k2')
    group.run(100)
    expect(group.state(1)).toBe('normal v0 n3 k3')
  })

  test('§4.3 a primary leaves its view: it may have sent a PREPARE that its disk never saw', () => {
    const group = new Replicas(3)
    const session = group.open(0, 's')
    group.request(0, operation(session, 1, 'put x A'))
    group.deliver({ type: 'PREPARE', to: 1 })
    group.sync(1)
    group.crash(0)
    group.start(0)
    expect(group.state(0)).toMatch(/^view-change v1 n1/)
    group.request(0, operation(session, 2, 'put x B'))
    expect(group.log(0)).toEqual(['{}'])
    group.take({ type: 'PREPAREOK' })
    group.run(1000)
    const [a, b] = [0, 2].map(i => group.at(i).log.entries.map(entry => entry.checksum))
    expect(a).toEqual(b)
    expect(group.value(2, 'x')).toBe('A')
  })

  test('§4.3 a replica in a view change sends the same DOVIEWCHANGE again', () => {
    const group = new Replicas(3)
    group.open(0, 's')
    group.crash(0)
    group.tick(1500, 1, 2)
    group.deliver({ type: 'STARTVIEWCHANGE' })
    group.sync(2)
    const [first] = group.take({ type: 'DOVIEWCHANGE', from: 2 })
    group.crash(2)
    group.start(2)
    const [again] = group.take({ type: 'DOVIEWCHANGE', from: 2 })
    // But for the clock.
    const told = expect.any(Number)
    expect(again).toEqual({ ...first, message: { ...first?.message, wallMs: told } })
  })

  test('§4.3 a group of one goes on in the next view', () => {
    const group = new Replicas(1)
    const session = group.open(0, 's')
    group.request(0, operation(session, 1, 'put x 1'))
    group.settle()
    group.crash(0)
    group.start(0)
    group.settle()
    expect(group.state(0)).toBe('normal v1 n2 k2')
    group.request(0, operation(session, 2, 'put x 2'))
    group.settle()
    expect(group.value(0, 'x')).toBe('2')
  })

  test('§4.3 replies survive: the client-table is rebuilt from checkpoint and log', () => {
    const group = new Replicas(3)
    const session = group.open(0, 's')
    group.request(0, operation(session, 1, 'add x 1'))
    group.run(60)
    const first = group.answer(0, session, 1)?.answer
    group.crash(0, 1, 2)
    for (const i of [0, 1, 2]) group.start(i)
    group.run(3000)
    for (const node of group.nodes) node.answers = []
    group.request(2, operation(session, 1, 'add x 1'))
    group.run(100)
    expect(group.answer(2, session, 1)?.answer).toEqual(first)
    expect(group.value(0, 'x')).toBe('1')
  })
})

/** Short logs, so that the sweep meets checkpoints, trims and installs as well. */
const SHORT: Partial<ReplicaOptions> = {
  checkpointEvery: 4,
  checkpointIntervalMs: 0,
  keepLogOperations: 1,
  keepLogMs: 0,
  logTailMax: 3,
  transferBytesMax: 150,
}

/**
 * Writes, fails r0 over, writes, brings r0 back, while r2 can make only `writes` jobs durable before it
 * crashes (and restarts, and is sound again).
 */
function crashBehind(writes: number): { done: boolean; group: Replicas; acknowledged: string[] } {
  const group = new Replicas(3, SHORT)
  const session = group.open(0, 's')
  let left = writes
  let hasCrashed = false
  const acknowledged: string[] = []
  const run = (ms: number, ...who: number[]) => {
    for (let passed = 0; passed < ms; passed += 10) {
      group.tick(10, ...who)
      for (let i = 0; i < 20; i++) {
        for (const node of who.filter(j => j !== 2 || hasCrashed)) group.sync(node)
        while (!hasCrashed && who.includes(2) && group.node(2).jobs.length > 0) {
          if (left-- > 0) group.sync(2, 1)
          else {
            hasCrashed = true
            group.crash(2)
            group.start(2)
          }
        }
        group.deliver()
      }
    }
  }
  const write = (via: number, n: number, ...who: number[]) => {
    group.request(via, operation(session, n, `put k${n} ${n}`))
    run(60, ...who)
    const answer = group.nodes.map(node => group.answer(node.number, session, n)).find(a => a)
    if (answer?.answer.type === 'executed') acknowledged.push(`k${n}`)
  }
  for (let n = 1; n <= 3; n++) write(0, n, 0, 1, 2)
  group.crash(0)
  run(2500, 1, 2)
  for (let n = 4; n <= 12; n++) write(1, n, 1, 2)
  group.crash(1)
  group.start(0)
  run(6000, 0, 2)
  for (let n = 13; n <= 15; n++) write(2, n, 0, 2)
  group.start(1)
  run(4000, 0, 1, 2)
  return { done: hasCrashed, group, acknowledged }
}

test('§4.3 a crash behind any of its writes loses nothing that was acknowledged, and heals', () => {
  let writes = 0
  for (; ; writes++) {
    const { done, group, acknowledged } = crashBehind(writes)
    const at = `crash behind write ${writes}`
    for (const key of acknowledged) {
      expect([at, group.value(2, key)]).toEqual([at, key.slice(1)])
    }
    expect([at, group.state(0), group.state(1)]).toEqual([at, group.state(2), group.state(2)])
    const hashes = group.nodes.map(node => node.service.stateHash())
    expect([at, ...hashes]).toEqual([at, hashes[0], hashes[0], hashes[0]])
    if (!done) break
    expect([at, acknowledged.length > 8]).toEqual([at, true])
  }
  expect(writes).toBeGreaterThan(20)
})
