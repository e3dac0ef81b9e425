import { expect, test } from 'vitest'
import { text, utf8 } from '../../src/base/bytes.ts'
import { evaluate, SimService } from '../../src/sim/service.ts'

const context = { opNumber: 1, rev: 1, timeMs: 100, session: 'c1' }
const execute = (service: SimService, line: string): string =>
  text(service.execute(utf8(line), context, []))

test('registers, lists and counters', () => {
  const service = new SimService()
  expect(execute(service, 'put r1 a')).toBe('ok')
  expect(execute(service, 'cas r1 b c')).toBe('is a')
  expect(execute(service, 'cas r1 a c')).toBe('swapped')
  expect(execute(service, 'append a1 x')).toBe('x')
  expect(execute(service, 'append a1 y')).toBe('x,y')
  expect(execute(service, 'add c1 2')).toBe('2')
  expect(service.read('r1')).toBe('c')
  expect(evaluate(undefined, 'nonsense').result).toBe('?')
})

test('the state is its records: loaded elsewhere, and in another order, it hashes the same', () => {
  const service = new SimService()
  for (const line of ['put r1 a', 'append a1 x', 'hold t1 v 50', 'put r1 b', 'add c1 3']) {
    execute(service, line)
  }
  const other = new SimService()
  for (const record of [...service.freeze().records(undefined)].reverse()) other.load(record)
  expect(other.stateHash()).toBe(service.stateHash())
  expect(other.takeDirty()).toEqual([])
  execute(other, 'put r1 c')
  expect(other.stateHash()).not.toBe(service.stateHash())
})

test('dirty records alone bring a copy up to date', () => {
  const service = new SimService()
  const copy = new SimService()
  execute(service, 'hold t1 v 50')
  for (const record of service.takeDirty()) copy.load(record)
  service.advance(200, context, [])
  for (const record of service.takeDirty()) copy.load(record)
  expect(copy.stateHash()).toBe(service.stateHash())
  expect(service.read('t1')).toBeUndefined()
  expect(service.nextDeadline()).toBeUndefined()
})

test('a frozen state does not change', () => {
  const service = new SimService()
  execute(service, 'put r1 a')
  const frozen = service.freeze()
  execute(service, 'put r1 b')
  expect([...frozen.records(undefined)]).toEqual([{ id: 'v/r1', value: 'a' }])
  expect([...frozen.records('v/r1')]).toEqual([])
})
