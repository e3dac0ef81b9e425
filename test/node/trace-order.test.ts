import { describe, expect, test } from 'vitest'
import { Prng } from '../../src/base/prng.ts'
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

  test('in a circle the causes that Lamport time has after their effect are none, and no others', () => {
    const [x, y] = [event('a@1', { causationId: 'b@2' }), event('b@2', { causationId: 'c@3' })]
    const z = event('c@3', { causationId: 'b@2' })
    const { ids, edges } = order(x, y, z)
    expect(edges).toEqual(['b@2 cause a@1', 'b@2 cause c@3'])
    expect(ids).toEqual(['b@2', 'a@1', 'c@3'])
  })

  test('of any causes: no edge is contradicted, and none is left out that is not in a circle', () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = new Prng(seed)
      const count = 2 + random.int(0, 11)
      const idAt = (i: number) => `${'abc'[i % 3]}@${i + 1}`
      const events = Array.from({ length: count }, (_, i) => {
        return event(
          idAt(i),
          random.chance(0.7) ? { causationId: idAt(random.int(0, count - 1)) } : {},
        )
      })
      const { ids, edges } = order(...events)
      const placeOf = new Map(ids.map((id, place) => [id, place]))
      expect([...ids].sort()).toEqual(events.map(({ id }) => id).sort())
      const all = edges.map(edge => edge.split(' '))
      for (const [from = '', , to = ''] of all) {
        expect(placeOf.get(from), `seed ${seed}`).toBeLessThan(placeOf.get(to) ?? -1)
      }
      const named = events.flatMap(({ id, causationId }) =>
        causationId === undefined || causationId === id ? [] : [[causationId, 'cause', id]],
      )
      const claimed = [...named, ...all.filter(([, why]) => why === 'order')]
      for (const [from = '', why, to = ''] of named) {
        const isForwards = Number(from.split('@')[1]) < Number(to.split('@')[1])
        const isKept = isForwards || !leads(claimed, to, from)
        expect(edges.includes(`${from} ${why} ${to}`), `seed ${seed}: ${from} ${to}`).toBe(isKept)
      }
    }
  })

  test('of very many events, each with a cause that the clocks have behind it', () => {
    const count = 20_000
    const events = Array.from({ length: count }, (_, i) => {
      const cause = i % 2 === 0 ? { causationId: `b@${i + 2}` } : {}
      return event(`${i % 2 === 0 ? 'a' : 'b'}@${i + 1}`, cause)
    })
    const { ids, edges } = order(...events)
    expect(edges).toHaveLength(count - 2 + count / 2)
    expect(ids.slice(0, 4)).toEqual(['b@2', 'a@1', 'b@4', 'a@3'])
    expect(ids.slice(-2)).toEqual([`b@${count}`, `a@${count - 1}`])
  })
})

function leads(edges: readonly string[][], from: string, to: string): boolean {
  const seen = new Set([from])
  for (const id of seen) for (const [a, , b = ''] of edges) if (a === id) seen.add(b)
  return seen.has(to)
}
