import { describe, expect, test } from 'vitest'
import { lamport } from '../../src/sim/check/lamport.ts'
import type { HostView } from '../../src/sim/world.ts'
import { chainOf, executed, lines, worldOf } from './fixtures.ts'

const [first, second] = chainOf(lines('put r1 a', 'put r1 b')) as [
  ReturnType<typeof chainOf>[0],
  ReturnType<typeof chainOf>[0],
]

function checkOf(seen = 0) {
  const world = worldOf(3)
  for (const requestNumber of [1, 2]) {
    const asked = { client: 1, session: 'c1', requestNumber, key: 'r1', operation: '' }
    world.history.call({ ...asked, seen, calledMs: 0 })
  }
  const [host] = world.hosts as unknown as [HostView]
  return { check: lamport(world), host }
}

describe('lamport', () => {
  test('times that rise, whoever executes', () => {
    const { check, host } = checkOf(1)
    for (const entry of [first, second]) check.executed?.(host, executed(entry))
    check.executed?.(host, executed(first))
  })
  test('an entry that is not behind the one before', () => {
    const { check, host } = checkOf()
    check.executed?.(host, executed(first))
    const early = { ...second, lamport: first.lamport + 1 }
    expect(() => check.executed?.(host, executed(early))).toThrow(
      'op 2 is of time 2, behind one of 2',
    )
  })
  test('a command that is not behind what its client had seen', () => {
    const { check, host } = checkOf(2)
    expect(() => check.executed?.(host, executed(first))).toThrow('its client had seen 2')
  })
  test('an answer that tells another time', () => {
    const { check, host } = checkOf()
    const told = executed({ ...first, lamport: 5 })
    expect(() => check.executed?.(host, { ...told, entry: first })).toThrow('op 1 with 6')
  })
  test('a replica that forgot', () => {
    const { check, host } = checkOf()
    check.executed?.(host, executed(first))
    const replica = (time: number) =>
      ({ commitNumber: 1, lamport: 0, log: { base: { lamport: time }, entries: [] } }) as never
    check.stepped?.({ ...host, replica: replica(2) })
    expect(() => check.stepped?.({ ...host, replica: replica(1) })).toThrow('goes on from 1')
  })
})
