/** The stations of an op: each by the clock of its node, bounded, and in the order that the protocol has. */
import { afterEach, expect, test } from 'vitest'
import { Timeline } from '../../src/node/timeline.ts'
import { TestCluster } from '../support/cluster.ts'

let cluster: TestCluster | undefined
afterEach(async () => {
  await cluster?.stop()
  cluster = undefined
})

function line(replicas = 3) {
  const clock = { nowMs: 1 }
  return { clock, line: new Timeline(replicas, () => clock.nowMs) }
}

test('stations in order of time; an acknowledgement speaks for all ops below', () => {
  const { clock, line: of } = line()
  of.pass(1, 'prepared')
  of.pass(2, 'prepared')
  clock.nowMs = 2
  of.acknowledge(2, 1)
  clock.nowMs = 3
  of.pass(1, 'durable')
  of.acknowledge(2, 1)
  of.acknowledge(2, 9)
  expect(of.of(1)).toEqual([
    { event: 'prepared', atMs: 1 },
    { event: 'acknowledged', replica: 1, atMs: 2 },
    { event: 'durable', atMs: 3 },
  ])
  expect(of.of(2)).toHaveLength(2)
  expect(of.of(3)).toEqual([])
})

test('a later op takes the place of an old one, never the other way round', () => {
  const { line: of } = line()
  of.pass(5, 'prepared')
  of.pass(5 + 1_024, 'prepared')
  expect(of.of(5)).toEqual([])
  of.pass(5, 'executed')
  expect(of.of(5)).toEqual([])
  expect(of.of(5 + 1_024)).toEqual([{ event: 'prepared', atMs: 1 }])
  of.acknowledge(2 ** 40, 0)
  expect(of.of(2 ** 40)).toEqual([{ event: 'acknowledged', replica: 0, atMs: 1 }])
})

test('a write on its way through three nodes', async () => {
  cluster = new TestCluster(3)
  await cluster.start()
  const { header } = await cluster.put('n2', 'x', 1)
  for (const name of cluster.names) await cluster.get(name, 'x')
  const eventsAt = (name: string) =>
    cluster
      ?.node(name)
      .logTimeline(header.op)
      .map(({ event, by }) => by ?? event)
  const primary = eventsAt('n1') ?? []
  expect(primary.filter(event => event !== 'n2' && event !== 'n3')).toEqual(
    expect.arrayContaining(['prepared', 'durable', 'executed']),
  )
  expect(primary.some(event => event === 'n2' || event === 'n3')).toBe(true)
  for (const backup of ['n2', 'n3']) {
    expect(eventsAt(backup)).toEqual(['received', 'prepared', 'durable', 'executed'])
  }
  expect(cluster.node('n1').logTimeline(header.op + 1)).toEqual([])
})
