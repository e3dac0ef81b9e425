/** kv.import: what it refuses before anything is written, and what it says when a part of it failed. */
import { expect, test } from 'vitest'
import { ViewstampError } from '../../src/base/errors.ts'
import { call, serve } from './harness.ts'

const put = (key: string, more: object = {}) => [{ key, value: 1, ...more }]

test('operations for another rev are not handed in: they would take revs', async () => {
  const { url, node } = await serve()
  await call(url, 'kv.put', ['foreign', 1])
  const { error } = await call(url, 'kv.import', [1, [put('a'), put('b')]])
  expect(error.data).toMatchObject({ name: 'COMPARE_FAILED', outcome: 'none', rev: 1 })
  expect(error.data.retryable).toBe(false)
  expect(JSON.stringify(node.calls)).not.toContain('"op":"import"')
  expect((await call(url, 'kv.hash')).result.rev).toBe(1)
  const { result } = await call(url, 'kv.import', [2, [put('a'), [], put('b')]])
  expect(result.rev).toBe(4)
})

test('what became of feeds is handed in apart, in the shard of the feed’s name; a record may be larger than a value', async () => {
  const { url, node } = await serve()
  const large = 'x'.repeat(1_048_570)
  const feed = (key: string, value?: object) => ({ machine: 'feed', key, value })
  const record = feed('f/0/3', { value: large, headers: { a: 'b' } })
  await call(url, 'kv.import', [1, [[...put('a'), feed('f', { partitions: 1 }), record]]])
  const imported = node.calls.filter(({ body }) =>
    JSON.stringify(body).startsWith('{"op":"import"'),
  )
  expect(imported.map(({ keys }) => keys)).toEqual([['a', 'f']])
  expect(imported[0]?.body).toMatchObject({ changes: put('a'), feeds: [{ key: 'f' }, record] })
  const { error } = await call(url, 'kv.import', [2, [put('a', { value: [large, 'more'] })]])
  expect(error.data).toMatchObject({ outcome: 'none', path: 'operations[0][0].value' })
  expect(error.message).toContain('larger than the limit')
})

test('a failure after a part was done is unknown, tells how much, and is not to be repeated', async () => {
  const { url } = await serve()
  const operations = [put('a'), put('b', { createRev: 99 }), put('c')]
  const { error } = await call(url, 'kv.import', { rev: 1, operations })
  expect(error.data).toMatchObject({ outcome: 'unknown', retryable: false, imported: 2 })
  expect(error.message).toContain('2 of 3 operations were imported')
})

test('one that was lost makes the others fail: the refusal is told, and that all of it is unknown', async () => {
  const { url, node } = await serve()
  node.failNext = new ViewstampError('TIMEOUT', 'no answer in time')
  const { error } = await call(url, 'kv.import', [1, [put('a'), put('b')]])
  expect(error.data).toMatchObject({
    ...{ name: 'COMPARE_FAILED', outcome: 'unknown', retryable: false, imported: 0 },
  })
})

test('where no operation reached the log, the error is as it came', async () => {
  const { url, node } = await serve()
  node.failNext = new ViewstampError('NOT_PRIMARY', 'ask another')
  const { error } = await call(url, 'kv.import', [1, [put('a')]])
  expect(error.data).toMatchObject({ name: 'NOT_PRIMARY', outcome: 'none', retryable: true })
})
