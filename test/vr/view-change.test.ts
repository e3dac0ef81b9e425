/** What view changes need beyond the paper's text: liveness, and the order in which a host does things. */
import { describe, expect, test } from 'vitest'
import { operation, Replicas } from '../support/replicas.ts'

describe('the primary of a new view', () => {
  test('§4.2 it counts itself for what the view starts with, though its own PREPAREOK comes before it is normal', () => {
    const group = new Replicas(3)
    const session = group.open(0, 's')
    group.request(0, operation(session, 1, 'put x 1'))
    // Only r1 has it, and r0 dies.
    group.sync(0)
    group.deliver({ to: 1, type: 'PREPARE' })
    group.crash(0)
    group.run(1500, 1, 2)
    expect(group.at(1).viewNumber).toBe(1)
    // No new request comes: what was inherited commits on r1 and r2 all the same.
    expect(group.value(1, 'x')).toBe('1')
    expect(group.at(1).commitNumber).toBe(2)
  })

  test('§4.2 a group of one commits at its start what it had on disk', () => {
    const group = new Replicas(1)
    const session = group.open(0, 's')
    group.request(0, operation(session, 1, 'put x 1'))
    group.node(0).disk.apply(group.node(0).jobs[0] as never)
    group.crash(0)
    group.start(0)
    group.settle()
    expect(group.value(0, 'x')).toBe('1')
    expect(group.state(0)).toBe('normal v1 n2 k2')
  })

  test('§4.2 it gives its backups time to answer, however long the view took to start', () => {
    const group = new Replicas(3)
    group.settle()
    group.crash(0)
    group.tick(1500, 1, 2)
    group.settle({ type: 'STARTVIEWCHANGE' })
    expect(group.state(1)).toBe('view-change v1 n0 k0')
    // r2's DOVIEWCHANGE gets through only after more than a second.
    group.tick(1200, 1)
    group.take()
    group.tick(100, 2)
    group.deliver({ type: 'DOVIEWCHANGE', to: 1 })
    group.sync(1)
    expect(group.state(1)).toBe('normal v1 n0 k0')
    group.take()
    group.tick(100, 1)
    expect(group.take({ type: 'STARTVIEWCHANGE' })).toEqual([])
    expect(group.take({ type: 'COMMIT', to: 2 })).not.toEqual([])
  })
})

describe('abdication', () => {
  test('a primary whose disk hangs while commands wait makes others take over', () => {
    const group = new Replicas(3)
    const session = group.open(0, 's')
    group.request(0, operation(session, 1, 'put x 1'))
    // r0's disk hangs; r1 and r2 commit the entry without it.
    const others = (ms: number) => {
      for (let passed = 0; passed < ms; passed += 10) {
        group.tick(10)
        group.sync(1)
        group.sync(2)
        group.deliver()
      }
    }
    others(100)
    expect(group.at(0).commitNumber).toBe(2)
    group.request(0, operation(session, 2, 'put x 2'))
    others(3000)
    expect(group.at(1).viewNumber).toBeGreaterThan(0)
    expect([group.at(1).status, group.at(2).status]).toEqual(['normal', 'normal'])
  })

  test('a group of one has nobody to hand over to: it waits for its disk', () => {
    const group = new Replicas(1)
    group.open(0, 's')
    const view = group.at(0).viewNumber
    group.request(0, operation('s@1', 1, 'put x 1'))
    group.tick(10_000)
    expect(group.at(0).viewNumber).toBe(view)
    group.settle()
    expect(group.value(0, 'x')).toBe('1')
  })
})
