/** Disk, timers and callers of a node with faults. */
import { expect, test, vi } from 'vitest'
import { overlay } from '../../src/base/overlay.ts'
import { Faults } from '../../src/chaos/faults.ts'
import { Gate, WAITING_BYTES_MAX } from '../../src/chaos/gate.ts'
import { LINE_BYTES_MAX, Line } from '../../src/chaos/line.ts'
import { chaosNode, chaosStore } from '../../src/chaos/ports.ts'
import type { Store } from '../../src/storage/port.ts'
import { FakeNode } from '../rpc/fake-node.ts'
import { VirtualClock } from './clock.ts'

/** Runs what is ready, without time. */
const turn = () => new Promise<void>(resolve => setImmediate(resolve))

function makeStore() {
  const clock = new VirtualClock()
  const faults = new Faults(clock, () => 0.5)
  const gate = new Gate()
  const commits: unknown[] = []
  const inner = { bootCounter: 7, commit: async (writes: unknown) => void commits.push(writes) }
  const store = chaosStore(inner as unknown as Store, { faults, gate, clock })
  let done = 0
  const commit = () => void store.commit([]).then(() => done++)
  return { clock, faults, gate, commits, store, commit, finished: () => done }
}

test('a slow disk: durable at once, told later', async () => {
  const { clock, faults, commits, store, commit, finished } = makeStore()
  expect(store.bootCounter).toBe(7)
  commit()
  await turn()
  expect(finished()).toBe(1)
  faults.inject({ kind: 'slow-disk', ms: 50 })
  commit()
  await turn()
  clock.advance(49)
  await turn()
  expect([commits.length, finished()]).toEqual([2, 1])
  clock.advance(1)
  await turn()
  expect(finished()).toBe(2)
})

test('a paused node begins no write, and does not hear of one that ends', async () => {
  const { clock, faults, gate, commits, commit, finished } = makeStore()
  faults.inject({ kind: 'slow-disk', ms: 10 })
  commit()
  await turn()
  gate.close()
  commit()
  clock.advance(10)
  await turn()
  expect([commits.length, finished()]).toEqual([1, 0])
  gate.open()
  await turn()
  expect([commits.length, finished()]).toEqual([2, 1])
})

test('timers missed while paused run once, before what waited', () => {
  const gate = new Gate()
  const seen: string[] = []
  const tick = () => void seen.push('tick')
  gate.close()
  for (let i = 0; i < 3; i++) gate.timer(tick)
  gate.pass(() => seen.push('a'))
  gate.pass(() => {
    seen.push('b')
    gate.close()
  })
  gate.pass(() => seen.push('c'))
  gate.open()
  expect(seen).toEqual(['tick', 'a', 'b'])
  gate.pass(() => seen.push('d'))
  gate.open()
  expect(seen).toEqual(['tick', 'a', 'b', 'c', 'd'])
  gate.timer(tick)
  expect(seen).toHaveLength(6)
})

test('what waits is bounded, at the gate and on a line', () => {
  const gate = new Gate()
  gate.close()
  expect(gate.pass(() => {}, WAITING_BYTES_MAX)).toBe(false)
  expect(gate.pass(() => {}, WAITING_BYTES_MAX / 2)).toBe(true)
  expect(gate.pass(() => {}, WAITING_BYTES_MAX / 2)).toBe(false)
  const line = new Line(new VirtualClock())
  expect(line.put(1, LINE_BYTES_MAX, () => {})).toBe(true)
  expect(line.put(1, 1, () => {})).toBe(false)
  line.clear()
  expect(line.put(1, 1, () => {})).toBe(true)
})

test('callers of a paused node wait, in order; what it says of itself is answered', async () => {
  const node = new FakeNode()
  const gate = new Gate()
  const held = chaosNode(node, gate)
  const put = (value: number) =>
    held.write({ machine: 'kv', keys: ['k'], body: { op: 'put', key: 'k', value }, meta: {} })
  await put(1)
  gate.close()
  const late = [put(2), put(3)]
  const read = held.read({ machine: 'kv', keys: ['k'], body: { op: 'get', key: 'k' }, meta: {} })
  await turn()
  expect(node.calls).toHaveLength(1)
  expect(held.status().name).toBe('n1')
  expect(held.readiness()).toMatchObject({ ready: false })
  gate.open()
  await Promise.all([...late, read])
  expect(node.calls.map(({ body }) => (body as { op: string }).op)).toEqual([
    'put',
    'put',
    'put',
    'get',
  ])
  expect(held.readiness()).toMatchObject({ ready: true })
})

test('an overlay: own members first, the rest with its own this', () => {
  class Inner {
    #n = 1
    bump = vi.fn(() => ++this.#n)
    value(): number {
      return this.#n
    }
  }
  const inner = new Inner()
  const over = overlay(inner, { bump: vi.fn(() => 0) })
  expect([over.bump(), over.value(), over.value]).toEqual([0, 1, over.value])
  expect(inner.bump).not.toHaveBeenCalled()
})
