/** Publishing in the commit of another machine's operation. */
import { expect, test } from 'vitest'
import type { Json, JsonObject } from '../../../src/base/json.ts'
import { createService } from '../../../src/machine/compose.ts'
import { defineMachine } from '../../../src/machine/define.ts'
import { instantiate } from '../../../src/machine/defined.ts'
import { FeedMachine } from '../../../src/machine/feed/feed-machine.ts'
import { KvMachine } from '../../../src/machine/kv/kv.ts'
import { decodeResult, encodeOperation } from '../../../src/machine/operation.ts'

const teller = defineMachine<{ sum: number }>({
  name: 'teller',
  version: 1,
  init: () => ({ sum: 0 }),
  apply: (state, command, context) => {
    state.sum += Number(command)
    context.publish('audit', { sum: state.sum }, { key: 'sum' })
    if (state.sum > 100) context.publish('no name', 1)
    return state.sum
  },
  query: state => state.sum,
})

function driven() {
  let rev = 0
  const service = createService([new KvMachine(), new FeedMachine(), instantiate(teller)])
  const run = (machine: string, command: Json) => {
    rev++
    const context = { opNumber: rev, rev, timeMs: 1000 + rev, session: 's' }
    return decodeResult(service.execute(encodeOperation(machine, command), context, []))
  }
  const values = (feed: string) => {
    const page = service.query('feed', { op: 'read', feed }, 0) as { records: string[] }
    return page.records.map(text => (JSON.parse(text) as JsonObject)['value'])
  }
  return { service, run, values }
}

test('a transaction puts and publishes in one operation', () => {
  const { run, values, service } = driven()
  run('feed', { op: 'create', feed: 'orders' })
  const steps = [
    { op: 'publish', feed: 'orders', value: 'placed', key: 'o1' },
    { put: { key: 'o1', value: 1 } },
    { publish: { feed: 'orders', value: 'paid', key: 'o1' } },
  ]
  expect(run('kv', { op: 'txn', then: steps })).toMatchObject({
    result: {
      succeeded: true,
      results: [{ partition: 0, offset: 0, rev: 2 }, { rev: 2 }, { offset: 1, rev: 2 }],
    },
  })
  expect(values('orders')).toEqual(['placed', 'paid'])
  const page = service.query('feed', { op: 'read', feed: 'orders' }, 0) as { records: string[] }
  expect(JSON.parse(page.records[0] ?? '')).not.toHaveProperty('op')
})

test.each<[string, Json, string]>([
  ['what is put fails', { incr: { key: 's' } }, 'then[1]'],
  [
    'a partition is not there',
    { publish: { feed: 'orders', value: 1, partition: 1 } },
    'then[1].partition',
  ],
  ['a record is malformed', { publish: { feed: 'orders' } }, 'then[1].value'],
])('nothing is done when %s', (_, step, path) => {
  const { run, values, service } = driven()
  run('feed', { op: 'create', feed: 'orders' })
  run('kv', { op: 'put', key: 's', value: 'text' })
  const before = service.stateHash()
  const good = { publish: { feed: 'orders', value: 1 } }
  for (const steps of [
    [good, step],
    [{ put: { key: 'x', value: 1 } }, step, good],
  ]) {
    expect(run('kv', { op: 'txn', then: steps })).toMatchObject({
      type: 'error',
      error: { data: { path } },
    })
  }
  expect(service.stateHash()).toBe(before)
  expect(values('orders')).toEqual([])
})

test('a transaction makes no feed: whoever sends it has made it, or must not', () => {
  const { run, service } = driven()
  const steps = [{ put: { key: 'a', value: 1 } }, { publish: { feed: 'nobody', value: 1 } }]
  expect(run('kv', { op: 'txn', then: steps })).toMatchObject({
    type: 'error',
    error: { name: 'FEED_NOT_FOUND' },
  })
  expect(service.query('kv', { op: 'get', key: 'a' }, 0)).toEqual({ kv: null })
})

test('outside of a transaction kv does not publish', () => {
  const { run } = driven()
  expect(run('kv', { op: 'publish', feed: 'orders', value: 1 })).toMatchObject({
    error: { name: 'INVALID_PARAMS' },
  })
})

test('a machine publishes with its command, or both are refused', () => {
  const { run, values, service } = driven()
  expect(run('teller', 60)).toMatchObject({ result: 60 })
  expect(values('audit')).toEqual([{ sum: 60 }])
  expect(run('teller', 60)).toMatchObject({
    type: 'error',
    error: { name: 'INVALID_PARAMS', data: { path: 'records[1].feed' } },
  })
  expect(service.query('teller', null, 0)).toBe(60)
  expect(run('teller', 1)).toMatchObject({ result: 61 })
  expect(values('audit')).toEqual([{ sum: 60 }, { sum: 61 }])
})
