import { describe, expect, test } from 'vitest'
import type { TraceEvent } from '../../src/node/api.ts'
import { inOrder } from '../../src/node/trace-order.ts'

const event = (id: string, more: Partial<TraceEvent> = {}): TraceEvent => {
  const [shard = '', lamport = ''] = id.split('@')
  const of = { op: Number(lamport), view: 0, rev: 1, timeMs: 1, node: 'n1', machine: 'kv' }
  const named = { method: 'kv.put', keys: [], records: [], session: 's' }
  return { id, shard, lamport: Number(lamport), ...of, ...named, ...more }
}
const order = (...events: TraceEvent[]) => {
  const { events: all, edges } = inOrder(events)
  return { ids: all.map(({ id }) => id), edges: edges.map(e => `${e.from} ${e.why} ${e.to}`) }
}

describe('the order of a trace', () => {
  test('of one shard is that of its log; of others nothing is said', () => {
    const { ids, edges } = order(event('a@5'), event('a@2'), event('b@3'))
    expect(ids).toEqual(['a@2', 'b@3', 'a@5'])
    expect(edges).toEqual(['a@2 order a@5'])
  })

  test('a cause comes before, whatever the clocks say', () => {
    const { ids, edges } = order(event('b@3', { causationId: 'a@9' }), event('a@9'), event('b@4'))
    expect(ids).toEqual(['a@9', 'b@3', 'b@4'])
    expect(edges).toEqual(['b@3 order b@4', 'a@9 cause b@3'])
  })

  test('a record is called by its place or its id, and has causes of its own', () => {
    const records = [{ feed: 'orders', partition: 1, offset: 7, id: 'order-7' }]
    const own = [{ feed: 'paid', causationId: 'order-7' }]
    const { edges } = order(
      event('a@1', { records }),
      event('b@2', { causationId: 'orders/1/7' }),
      event('c@3', { records: own }),
    )
    expect(edges).toEqual(['a@1 cause b@2', 'a@1 cause c@3'])
  })

  test('what contradicts the log, goes round in a circle or is not there is no cause', () => {
    expect(order(event('a@1', { causationId: 'a@2' }), event('a@2')).edges).toEqual([
      'a@1 order a@2',
    ])
    const [x, y] = [event('a@1', { causationId: 'b@1' }), event('b@1', { causationId: 'a@1' })]
    expect(order(x, y).edges).toHaveLength(1)
    expect(order(event('a@1', { causationId: 'a@1' })).edges).toEqual([])
    expect(order(event('a@1', { causationId: '00f067aa0ba902b7' })).edges).toEqual([])
  })
})
