import { expect, test } from 'vitest'
import { opOf } from '../../src/vr/state.ts'
import { operation, Replicas } from '../support/replicas.ts'

const ops = (session: string, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => operation(session, from + i, `put x ${from + i}`))

test('§6.2 while an entry is under way the next one gathers, until it commits', () => {
  const group = new Replicas(3, { pipelineCommandsMin: 8, appendsInFlightMax: 4 })
  const session = group.open(0, 's')
  group.settle()
  const before = group.at(0).commitNumber
  for (const command of ops(session, 1, 5)) group.request(0, command)
  expect(opOf(group.at(0))).toBe(before + 1)
  group.settle()
  expect(group.at(0).commitNumber).toBe(before + 2)
})

test('§6.2 an entry that is full enough does not wait', () => {
  const group = new Replicas(3, { pipelineCommandsMin: 4, appendsInFlightMax: 4 })
  const session = group.open(0, 's')
  group.settle()
  const before = opOf(group.at(0))
  for (const command of ops(session, 1, 5)) group.request(0, command)
  expect(opOf(group.at(0))).toBe(before + 2)
})

test('§6.2 a tick ends the waiting: a long round trip keeps its pipeline', () => {
  const group = new Replicas(3, { pipelineCommandsMin: 8, appendsInFlightMax: 4 })
  const session = group.open(0, 's')
  group.settle()
  const before = opOf(group.at(0))
  for (const command of ops(session, 1, 3)) group.request(0, command)
  expect(opOf(group.at(0))).toBe(before + 1)
  group.tick(10, 0)
  expect(opOf(group.at(0))).toBe(before + 2)
})
