/** Three nodes in one process: faults at the ports make the protocol do what it must. */
import { afterEach, expect, test } from 'vitest'
import type { Fault } from '../../src/chaos/api.ts'
import type { ClusterEvent } from '../../src/node/api.ts'
import { TestCluster } from '../support/cluster.ts'

let cluster: TestCluster

afterEach(async () => {
  const { failures } = cluster
  await cluster.stop()
  expect(failures).toEqual([])
})

async function start(): Promise<void> {
  cluster = new TestCluster(3, {}, 1, true)
  await cluster.start()
}

function faultsOf(name: string) {
  const chaos = cluster.chaos.get(name)
  if (chaos === undefined) throw new Error(`${name} has no chaos`)
  return chaos
}

const cutOff = (...peers: string[]): Fault => ({ kind: 'partition', peers, direction: 'both' })

const primaryAt = (name: string): string | null =>
  cluster.node(name).status().shards[0]?.primary ?? null

async function allAgree(): Promise<void> {
  const hashes = () =>
    Promise.all(
      cluster.names.map(async name => {
        const { result } = await cluster.node(name).stateHash({ consistency: 'local' })
        return JSON.stringify(result)
      }),
    )
  await expect.poll(async () => new Set(await hashes()).size, { timeout: 10_000 }).toBe(1)
}

test('the primary cut off: another takes over, the old one serves nothing; healed, they agree', async () => {
  await start()
  await cluster.put('n1', 'x', 1)
  const events: ClusterEvent[] = []
  cluster.node('n1').watchCluster(event => events.push(event))
  faultsOf('n1').inject(cutOff('n2', 'n3'))
  expect(cluster.node('n1').status().alarms).toEqual(['fault injection at n1: cut off from n2, n3'])
  await cluster.put('n2', 'x', 2)
  expect(primaryAt('n2')).toBe('n2')
  // What it would answer is old: it must not.
  const read = cluster.get('n1', 'x', { timeoutMs: 200 })
  await expect(read).rejects.toMatchObject({ errorName: 'NO_QUORUM', outcome: 'none' })
  const write = cluster.put('n1', 'y', 1, { timeoutMs: 200 })
  await expect(write).rejects.toMatchObject({ name: 'ViewstampError' })
  faultsOf('n1').heal()
  expect(await cluster.get('n1', 'x')).toBe(2)
  await expect.poll(() => primaryAt('n1')).toBe('n2')
  await allAgree()
  expect(cluster.node('n1').status().alarms).toEqual([])
  const alarms = events.filter(({ kind }) => kind.startsWith('alarm'))
  expect(alarms).toMatchObject([
    { kind: 'alarm_raised', alarm: 'chaos', reason: 'cut off from n2, n3' },
    { kind: 'alarm_cleared', alarm: 'chaos' },
  ])
})

test('the primary paused: another takes over; resumed, it serves no old value', async () => {
  await start()
  await cluster.put('n1', 'x', 1)
  faultsOf('n1').inject({ kind: 'pause' })
  await cluster.put('n2', 'x', 2)
  expect(primaryAt('n1')).toBe('n1')
  faultsOf('n1').heal('pause')
  expect(await cluster.get('n1', 'x')).toBe(2)
  await allAgree()
})

test('a fifth of all frames lost everywhere, the rest late: writes are executed once', async () => {
  await start()
  const peers = (name: string) => cluster.names.filter(other => other !== name)
  for (const name of cluster.names) {
    const reach = { peers: peers(name), direction: 'out' } as const
    faultsOf(name).inject({ kind: 'drop', rate: 0.2, ...reach })
    faultsOf(name).inject({ kind: 'delay', ms: 1, jitterMs: 5, ...reach })
  }
  const incr = (name: string) =>
    cluster.node(name).write({
      machine: 'kv',
      keys: ['c'],
      body: { op: 'incr', key: 'c' },
      meta: { timeoutMs: 30_000 },
    })
  for (let i = 0; i < 9; i++) await incr(`n${(i % 3) + 1}`)
  for (const name of cluster.names) faultsOf(name).heal()
  expect(await cluster.get('n2', 'c')).toBe(9)
  await allAgree()
}, 60_000)

test('a paused node closes: stopping ends every fault first', async () => {
  await start()
  await cluster.put('n1', 'x', 1)
  faultsOf('n3').inject({ kind: 'pause' })
  await cluster.stop('n3')
  await cluster.put('n1', 'x', 2)
  await cluster.start('n3')
  expect(await cluster.get('n3', 'x')).toBe(2)
})
