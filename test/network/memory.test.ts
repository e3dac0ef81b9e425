import { describe, expect, test } from 'vitest'
import { MemoryHub } from '../../src/network/memory.ts'
import type { Network } from '../../src/network/port.ts'

interface Node {
  readonly network: Network
  readonly log: string[]
}

async function cluster(hub: MemoryHub, ids: readonly string[]): Promise<Node[]> {
  const nodes: Node[] = []
  for (const id of ids) {
    const network = hub.network(id)
    const log: string[] = []
    await network.start({
      frame: (from, frame) => log.push(`${from}: ${Buffer.from(frame)}`),
      up: peer => log.push(`up ${peer}`),
      down: peer => log.push(`down ${peer}`),
    })
    nodes.push({ network, log })
  }
  const members = ids.map(peerId => ({ peerId, addresses: [] }))
  for (const { network } of nodes) network.setMembers(members)
  for (const { log } of nodes) log.length = 0
  return nodes
}

const manual = (): MemoryHub => new MemoryHub({ delivery: 'manual' })

describe('MemoryHub', () => {
  test('delivers in the order of sending, over all nodes', async () => {
    const hub = manual()
    const [a, b, c] = await cluster(hub, ['a', 'b', 'c'])
    if (!a || !b || !c) return expect.unreachable()
    a.network.send('c', Buffer.from('1'))
    b.network.send('c', Buffer.from('2'))
    a.network.send('c', Buffer.from('3'))
    expect(c.log).toEqual([])
    expect(hub.deliver()).toBe(3)
    expect(c.log).toEqual(['a: 1', 'b: 2', 'a: 3'])
  })

  test('delivers by itself in the next turn', async () => {
    const [a, b] = await cluster(new MemoryHub(), ['a', 'b'])
    a?.network.send('b', Buffer.from('x'))
    await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
    expect(b?.log).toEqual(['a: x'])
  })

  test('partitions, loses what was under way, and heals', async () => {
    const hub = manual()
    const [a, b, c] = await cluster(hub, ['a', 'b', 'c'])
    if (!a || !b || !c) return expect.unreachable()
    a.network.send('c', Buffer.from('lost'))
    hub.partition(['a', 'b'], ['c'])
    expect(a.network.send('c', Buffer.from('lost too'))).toBe(false)
    hub.deliver()
    expect(c.log).toEqual(['down a', 'down b'])
    hub.heal()
    a.network.send('c', Buffer.from('through'))
    hub.deliver()
    expect(c.log).toEqual(['down a', 'down b', 'up a', 'up b', 'a: through'])
    expect(a.log).toEqual(['down c', 'up c'])
  })

  test('cuts one way only', async () => {
    const hub = manual()
    const [a, b] = await cluster(hub, ['a', 'b'])
    hub.cut('a', 'b')
    a?.network.send('b', Buffer.from('lost'))
    b?.network.send('a', Buffer.from('heard'))
    hub.deliver()
    expect(b?.log).toEqual([])
    expect(a?.log).toEqual(['b: heard'])
  })

  test('connects members only, and not those that have stopped', async () => {
    const hub = manual()
    const [a, b] = await cluster(hub, ['a', 'b', 'c'])
    a?.network.setMembers([{ peerId: 'b', addresses: [] }])
    expect(a?.network.send('c', Buffer.from('x'))).toBe(false)
    await b?.network.stop()
    expect(a?.log).toEqual(['down c', 'down b'])
  })

  test('disconnect gives down and up again', async () => {
    const [a, b] = await cluster(manual(), ['a', 'b'])
    a?.network.disconnect('b', 'silent')
    expect(a?.log).toEqual(['down b', 'up b'])
    expect(b?.log).toEqual(['down a', 'up a'])
  })
})
