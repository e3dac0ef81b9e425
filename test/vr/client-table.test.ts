/** The client-table in its repaired form: executed requests only, a function of the log. VRR §4.1 */
import { expect, test } from 'vitest'
import { text } from '../../src/base/bytes.ts'
import { expire } from '../../src/vr/client-table.ts'
import type { ReplyAnswer } from '../../src/vr/message.ts'
import { operation, Replicas, register } from '../support/replicas.ts'

const result = (answer: ReplyAnswer | undefined): string =>
  answer?.type === 'executed' ? text(answer.result) : (answer?.type ?? 'nothing')

test('registering twice under one name is one session', () => {
  const group = new Replicas(1)
  expect(group.open(0, 'a')).toBe(group.open(0, 'a'))
  expect(group.at(0).clientTable.sessions.size).toBe(1)
})

test('requests of one session may be many at once and out of order, each executed once', () => {
  const group = new Replicas(1)
  const session = group.open(0, 's')
  for (const n of [3, 1, 2, 3, 1]) group.request(0, operation(session, n, `append list ${n}`))
  group.settle()
  expect(group.value(0, 'list')).toBe('3,1,2')
})

test('what the client has acknowledged is forgotten, and a repeat of it is «too old»', () => {
  const group = new Replicas(1)
  const session = group.open(0, 's')
  for (let n = 1; n <= 3; n++) group.request(0, operation(session, n, 'add x 1', n - 1))
  group.settle()
  group.request(0, operation(session, 1, 'add x 1'))
  group.settle()
  expect(group.answer(0, session, 1)?.answer).toEqual({ type: 'forgotten', reason: 'too-old' })
  expect(group.value(0, 'x')).toBe('3')
})

test('the window is bounded: numbers far below the highest are «too old»', () => {
  const group = new Replicas(1)
  group.request(0, register('w', { window: 2 }))
  group.settle()
  for (const n of [1, 2, 3, 4]) group.request(0, operation('w@1', n, 'add x 1'))
  group.settle()
  group.request(0, operation('w@1', 1, 'add x 1'), operation('w@1', 4, 'add x 1'))
  group.settle()
  expect(result(group.answer(0, 'w@1', 1)?.answer)).toBe('forgotten')
  expect(result(group.answer(0, 'w@1', 4)?.answer)).toBe('4')
  expect(group.at(0).clientTable.sessions.get('w@1' as never)?.results.size).toBe(2)
})

test('a result too large to keep: a repeat learns that it was executed, and executes nothing', () => {
  const group = new Replicas(1)
  const session = group.open(0, 's')
  const line = `append big ${'v'.repeat(70_000)}`
  group.request(0, operation(session, 1, line))
  group.settle()
  group.request(0, operation(session, 1, line))
  group.settle()
  expect(group.answer(0, session, 1)?.answer).toEqual({
    type: 'forgotten',
    reason: 'result-dropped',
  })
  expect(group.value(0, 'big')).toHaveLength(70_000)
})

test('the results of one session are bounded: the oldest are dropped, not what was executed', () => {
  const group = new Replicas(3)
  const session = group.open(0, 's')
  for (let n = 1; n <= 6; n++) {
    group.request(0, operation(session, n, `append k${n} ${'v'.repeat(60_000)}`))
    group.settle()
  }
  const repeat = (n: number) => {
    group.request(0, operation(session, n, `append k${n} ${'v'.repeat(60_000)}`))
    return group.answer(0, session, n)?.answer
  }
  expect(repeat(1)).toEqual({ type: 'forgotten', reason: 'result-dropped' })
  expect(result(repeat(6))).toHaveLength(60_000)
  expect(group.value(0, 'k1')).toHaveLength(60_000)
})

test('which result is dropped first is decided by the number, not by what was executed first', () => {
  const group = new Replicas(1)
  const session = group.open(0, 's')
  const line = (n: number) => `append k${n} ${'v'.repeat(60_000)}`
  for (const n of [5, 4, 3, 2, 1]) {
    group.request(0, operation(session, n, line(n)))
    group.settle()
  }
  const kept = group.at(0).clientTable.sessions.get(session as never)?.results
  const dropped = [...(kept ?? [])].filter(([, { answer }]) => answer.result.length === 0)
  expect(dropped.map(([n]) => n)).toEqual([1])
})

test('when the table is full the session that was silent longest goes, the same everywhere', () => {
  const group = new Replicas(3, { clientsMax: 2 })
  const [a, b] = [group.open(0, 'a'), group.open(0, 'b')]
  group.request(0, operation(a, 1, 'put x 1'))
  group.settle()
  const c = group.open(0, 'c')
  group.run(60)
  for (const i of [0, 1, 2]) {
    expect([...group.at(i).clientTable.sessions.keys()].sort()).toEqual([a, c].sort())
  }
  expect(b).toBe('b@2')
})

test('a session ends by log time, with no traffic at all', () => {
  const group = new Replicas(3)
  group.run(20)
  group.request(0, register('short', { ttlMs: 300 }))
  group.settle()
  expect(group.at(0).clientTable.sessions.size).toBe(1)
  group.run(500)
  for (const i of [0, 1, 2]) expect(group.at(i).clientTable.sessions.size).toBe(0)
})

test('a session ends at the very time that it was to last until', () => {
  const group = new Replicas(1)
  group.request(0, register('short', { ttlMs: 300 }))
  group.settle()
  const { clientTable } = group.at(0)
  const [session] = clientTable.sessions.values()
  const expiresAt = session?.expiresAt ?? 0
  expire(clientTable, expiresAt - 1)
  expect(clientTable.sessions.size).toBe(1)
  expire(clientTable, expiresAt)
  expect(clientTable.sessions.size).toBe(0)
})

test('an acknowledgement beyond every number is taken without counting up to it', () => {
  const group = new Replicas(1)
  const session = group.open(0, 's')
  group.request(0, operation(session, 1, 'add x 1', Number.MAX_SAFE_INTEGER))
  group.settle()
  group.request(0, operation(session, 2, 'add x 1'))
  group.settle()
  expect(result(group.answer(0, session, 2)?.answer)).toBe('forgotten')
  expect(group.value(0, 'x')).toBe('1')
})

test('one number for two operations: the second is told so, also after restarts and from checkpoints', () => {
  const group = new Replicas(3, {
    checkpointEvery: 4,
    checkpointIntervalMs: 0,
    keepLogOperations: 4,
    logTailMax: 2,
  })
  const session = group.open(0, 's')
  const other = group.open(0, 'other')
  group.request(0, operation(session, 1, 'put x 1'))
  group.settle()
  group.crash(2)
  for (let n = 1; n <= 12; n++) {
    group.request(0, operation(other, n, 'add y 1'))
    group.settle()
  }
  // r0 and r1 come back with what their disks hold, r2 gets a checkpoint.
  group.crash(0, 1)
  for (const i of [0, 1, 2]) group.start(i)
  group.run(2000)
  expect(group.at(2).firstOp).toBeGreaterThan(2)
  for (const i of [0, 1, 2]) {
    const lines = ['put x 2', 'put x 1']
    const answers = lines.map(line => {
      group.request(i, operation(session, 1, line))
      group.settle()
      return result(group.answer(i, session, 1)?.answer)
    })
    expect(answers).toEqual(['reused', 'ok'])
    expect(group.value(i, 'x')).toBe('1')
  }
})

test('one number for two operations: told even where the result was too large to keep', () => {
  const group = new Replicas(1)
  const session = group.open(0, 's')
  group.request(0, operation(session, 1, `append big ${'v'.repeat(70_000)}`))
  group.settle()
  group.request(0, operation(session, 1, 'append big w'))
  group.settle()
  expect(group.answer(0, session, 1)?.answer).toEqual({ type: 'reused' })
})
