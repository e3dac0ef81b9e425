/** Lamport's clock: what somebody has seen is earlier than what is made after it. */
import { describe, expect, test } from 'vitest'
import { LAMPORT_GIVEN_MAX, lamportOf } from '../../src/vr/lamport.ts'
import type { ReplicaOptions } from '../../src/vr/options.ts'
import { operation, Replicas } from '../support/replicas.ts'

const SHORT: Partial<ReplicaOptions> = {
  checkpointEvery: 10,
  checkpointIntervalMs: 0,
  keepLogOperations: 1,
  keepLogMs: 0,
  logTailMax: 5,
}

function group() {
  const replicas = new Replicas(3, SHORT)
  const session = replicas.open(0, 's')
  let written = 0
  /** Through replica i; gives the time of the command. */
  const write = (i: number, lamport = 0): number => {
    const n = ++written
    const commands = [operation(session, n, `put k ${n}`, n - 1)]
    replicas.step(i, { type: 'request', lamport, commands })
    replicas.settle()
    const told = replicas.answer(i, session, n)?.answer
    if (told?.type !== 'executed') throw new Error(`not executed: ${told?.type}`)
    return told.lamport
  }
  return { replicas, write }
}

describe('times rise', () => {
  test('along the log, whoever passes commands on', () => {
    const { write } = group()
    const times = [write(0), write(1), write(2), write(0)]
    expect(times).toEqual([...times].sort((a, b) => a - b))
    expect(new Set(times).size).toBe(4)
  })

  test('above what the client had seen, and what follows rises from there', () => {
    const { write, replicas } = group()
    expect(write(1, 5_000)).toBeGreaterThan(5_000)
    expect(write(2)).toBeGreaterThan(5_000)
    for (const i of [0, 1, 2]) expect(lamportOf(replicas.at(i))).toBeGreaterThan(5_000)
  })

  test('above all that was made before in other views', () => {
    const { replicas, write } = group()
    const before = write(0, 700)
    replicas.run(5_000, 1, 2)
    expect(replicas.at(1).viewNumber).toBeGreaterThan(0)
    expect(write(1)).toBeGreaterThan(before)
  })

  test('after a restart from a checkpoint, without a log behind it', () => {
    const { replicas, write } = group()
    let last = write(0, 900)
    for (let i = 0; i < 9; i++) last = write(0)
    expect(replicas.at(0).durableCheckpoint).toBe(replicas.at(0).commitNumber)
    replicas.crash(0, 1, 2)
    for (const i of [0, 1, 2]) replicas.start(i)
    for (const i of [0, 1, 2]) expect(lamportOf(replicas.at(i))).toBe(last)
    replicas.run(2_000)
    expect(write(0)).toBeGreaterThan(last)
  })
})

test('several commands of one entry have times of their own', () => {
  const { replicas } = group()
  const session = replicas.open(0, 'several')
  replicas.request(0, ...[1, 2, 3].map(n => operation(session, n, `put k ${n}`)))
  replicas.settle()
  const times = [1, 2, 3].map(n => {
    const told = replicas.answer(0, session, n)?.answer
    return told?.type === 'executed' ? told.lamport : 0
  })
  expect(times[1]).toBe((times[0] ?? 0) + 1)
  expect(times[2]).toBe((times[0] ?? 0) + 2)
})

test('as late as a client may say: the log goes on', () => {
  const { write } = group()
  expect(write(1, LAMPORT_GIVEN_MAX)).toBe(LAMPORT_GIVEN_MAX + 2)
  expect(write(2)).toBe(LAMPORT_GIVEN_MAX + 4)
})

test('a message that tells of an impossible time is not heard', () => {
  const { replicas, write } = group()
  const commands = [operation('x', 1, 'put k 1')]
  for (const lamport of [2 ** 53 - 1, 0.5, -1, Number.NaN]) {
    const message = { type: 'REQUEST', lamport, commands } as const
    replicas.step(0, { type: 'deliver', from: 1 as never, message })
  }
  expect(write(0)).toBeLessThan(100)
})
