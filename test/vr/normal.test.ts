/** Normal operation under load: batches, the pipeline, bounds. VRR §4.1, §6.2 */
import { expect, test } from 'vitest'
import { step } from '../../src/vr/replica.ts'
import { replicaNumber } from '../../src/vr/terms.ts'
import { operation, Replicas } from '../support/replicas.ts'

test('§6.2 what waits while an entry is made durable becomes one entry', () => {
  const group = new Replicas(3)
  const session = group.open(0, 's')
  for (let n = 1; n <= 5; n++) group.request(0, operation(session, n, `put x ${n}`))
  expect(group.log(0)).toEqual(['{}', 'put x 1'])
  group.settle()
  expect(group.state(0)).toBe('normal v0 n3 k3')
  expect(group.at(0).log.entries[2]?.commands).toHaveLength(4)
})

test('§4.1 a primary sends what waits before it executes what has committed, and says in it what has', () => {
  const group = new Replicas(3, { pipelineCommandsMin: 64 })
  const session = group.open(0, 's')
  group.request(0, operation(session, 1, 'put x 1'))
  group.request(0, operation(session, 2, 'put x 2'))
  group.sync(0)
  group.deliver({ type: 'PREPARE', to: 1 })
  group.sync(1)
  const [acknowledgement] = group.take({ type: 'PREPAREOK', to: 0 })
  if (acknowledgement === undefined) throw new Error('the backup acknowledges')
  const { from, message } = acknowledgement
  const input = { type: 'deliver' as const, from: replicaNumber(from), message }
  const effects = step(group.at(0), input)
  expect(effects.map(effect => effect.type)).toEqual(['send', 'send', 'write', 'execute'])
  const [prepare] = effects
  if (prepare?.type !== 'send' || prepare.message.type !== 'PREPARE')
    throw new Error('PREPARE first')
  expect(prepare.message.commitNumber).toBe(2)
  expect(group.state(0)).toBe('normal v0 n3 k1')
  const later = step(group.at(0), { type: 'execute' })
  expect(later.map(effect => effect.type)).toEqual(['executed'])
  expect(group.state(0)).toBe('normal v0 n3 k2')
})

test('§4.1 a backup acknowledges an entry before it executes those before it', () => {
  const group = new Replicas(3)
  const session = group.open(0, 's')
  group.request(0, operation(session, 1, 'put x 1'))
  group.settle()
  group.request(0, operation(session, 2, 'put x 2'))
  expect(group.state(1)).toBe('normal v0 n2 k1')
  group.deliver({ type: 'PREPARE', to: 1 })
  expect(group.state(1)).toBe('normal v0 n3 k1')
  group.sync(1)
  expect(group.take({ type: 'PREPAREOK', from: 1 })).toHaveLength(1)
  expect(group.state(1)).toBe('normal v0 n3 k2')
})

test('§6.2 the pipeline is bounded and drains when it opens', () => {
  const group = new Replicas(3, { pipelineMax: 2, batchCommandsMax: 1 })
  const session = group.open(0, 's')
  for (let n = 1; n <= 6; n++) group.request(0, operation(session, n, `put x ${n}`))
  for (let i = 0; i < 5; i++) group.sync(0)
  expect(group.state(0)).toBe('normal v0 n3 k1')
  group.settle()
  expect(group.state(0)).toBe('normal v0 n7 k7')
  expect(group.at(0).primary.inFlight.size).toBe(0)
})

test('commands that piled up at a backup go to the primary in messages of a bounded size', () => {
  const group = new Replicas(3, { batchBytesMax: 1000, batchCommandsMax: 10 })
  const session = group.open(0, 's')
  const many = Array.from({ length: 64 }, (_, i) => operation(session, i + 1, `put k${i} ${i}`))
  group.request(1, ...many, operation(session, 65, `put big ${'v'.repeat(5000)}`))
  const sizes = group.wire.map(p => (p.message.type === 'REQUEST' ? p.message.commands.length : 0))
  expect(Math.max(...sizes)).toBeLessThanOrEqual(10)
  expect(sizes.reduce((a, b) => a + b)).toBe(65)
  group.settle()
  expect(group.value(1, 'k63')).toBe('63')
  expect(group.answer(1, session, 65)?.answer.type).toBe('executed')
})

test('a primary with a shorter pipeline than the one before inherits what there is', () => {
  const group = new Replicas(3, { pipelineMax: 16, batchCommandsMax: 1 })
  const session = group.open(0, 's')
  for (let n = 1; n <= 10; n++) group.request(0, operation(session, n, `put x ${n}`))
  for (let i = 0; i < 12; i++) {
    group.sync(0)
    group.deliver({ type: 'PREPARE', to: 1 })
    group.sync(1)
  }
  group.crash(0, 1, 2)
  for (const i of [1, 2]) group.start(i, { pipelineMax: 4 })
  group.run(3000, 1, 2)
  expect(group.value(2, 'x')).toBe('10')
  expect(group.state(1)).toMatch(/^normal/)
})

test('§4.1 a repeat is answered, not prepared, wherever it comes from and however late', () => {
  const group = new Replicas(3)
  const session = group.open(0, 's')
  const add = operation(session, 1, 'add x 1')
  group.request(1, add)
  group.request(2, add)
  group.settle()
  group.request(2, add)
  group.run(60)
  expect(group.value(0, 'x')).toBe('1')
  expect(group.state(0)).toBe('normal v0 n2 k2')
  expect(group.answer(1, session, 1)?.answer).toEqual(group.answer(2, session, 1)?.answer)
})

test('§4.1 a refused command was not written and may be sent again', () => {
  const group = new Replicas(3, { queueCommandsMax: 1 })
  const session = group.open(0, 's')
  group.request(0, ...[1, 2, 3].map(n => operation(session, n, `put x ${n}`)))
  expect(group.answer(0, session, 3)?.answer).toEqual({ type: 'refused', reason: 'overloaded' })
  group.settle()
  group.request(0, operation(session, 3, 'put x 3'))
  group.run(60)
  expect(group.value(2, 'x')).toBe('3')
})
