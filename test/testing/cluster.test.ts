/** `viewstamp/testing`: what a user's tests can do to a cluster. */
import { afterEach, expect, test } from 'vitest'
import {
  type Asked,
  type Cluster,
  type Interval,
  isLinearizable,
  register,
  startCluster,
} from '../../src/testing/index.ts'

let cluster: Cluster

afterEach(() => cluster.stop())

const put = (node: string, value: number, meta = {}) =>
  cluster.call(node, 'kv.put', { key: 'x', value, meta })
const get = async (node: string, meta = {}) => {
  const { kv } = await cluster.call(node, 'kv.get', { key: 'x', meta })
  return (kv as { value: number } | null)?.value
}

test('a minority cannot write, the majority goes on, and all agree when it is healed', async () => {
  cluster = await startCluster()
  await put('n1', 1)
  cluster.partition(['n1'], ['n2', 'n3'])
  await put('n2', 2)
  expect(cluster.primary()).toBe('n2')
  await expect(put('n1', 3, { timeoutMs: 100 })).rejects.toMatchObject({
    outcome: expect.stringMatching(/none|unknown/),
  })
  expect(await get('n1', { consistency: 'local' })).toBe(1)
  cluster.heal()
  await put('n1', 4)
  expect(await get('n3')).toBe(4)
})

test('a killed primary is replaced; restarted, it has everything', async () => {
  cluster = await startCluster({ nodes: 3, shards: 2 })
  await put('n3', 1)
  const { header } = await put('n3', 2)
  const first = String((header as { primary: string }).primary)
  await cluster.kill(first)
  const others = cluster.names.filter(name => name !== first)
  for (const name of others) await put(name, 3)
  expect(() => cluster.api(first)).toThrow(`${first} is not running`)
  await cluster.restart(first)
  expect(await get(first)).toBe(3)
  for (const name of cluster.names) await cluster.restart(name)
  expect(await get(first)).toBe(3)
})

test('what clients saw through any node is judged by the checker', async () => {
  cluster = await startCluster()
  const seen: Interval<Asked>[] = []
  const client = async (node: string, first: number) => {
    for (let value = first; value < first + 5; value++) {
      const called = performance.now()
      await put(node, value)
      const between = performance.now()
      const result = (await get(node)) ?? null
      seen.push({ op: { op: 'put', args: [value], result: null }, called, returned: between })
      const returned = performance.now()
      seen.push({ op: { op: 'get', args: [], result }, called: between, returned })
    }
  }
  await Promise.all(cluster.names.map((name, i) => client(name, 10 * i)))
  expect(isLinearizable(register, seen).linearizable).toBe('yes')
  const never = { op: 'get', args: [], result: 99 }
  const wrong = [...seen, { op: never, called: 0, returned: Number.MAX_VALUE }]
  expect(isLinearizable(register, wrong).linearizable).toBe('no')
})

test('calls are those of the contract: copies in and out, the same refusals', async () => {
  cluster = await startCluster({ nodes: 1 })
  const value = { list: [1] }
  await cluster.call('n1', 'kv.put', { key: 'x', value })
  value.list.push(2)
  const { kv } = await cluster.call('n1', 'kv.get', { key: 'x' })
  expect(kv).toMatchObject({ value: { list: [1] } })
  await expect(cluster.call('n1', 'kv.putt', {})).rejects.toMatchObject({
    errorName: 'METHOD_NOT_FOUND',
  })
  await expect(cluster.call('n1', 'kv.put', { key: 7, value: 1 })).rejects.toMatchObject({
    errorName: 'INVALID_PARAMS',
    details: { path: 'key' },
  })
  await expect(cluster.call('n1', 'kv.watch', { key: 'x' })).rejects.toMatchObject({
    errorName: 'NEEDS_SOCKET',
  })
  await expect(cluster.start('n1')).rejects.toThrow('n1 is running')
  await expect(cluster.restart('n9')).rejects.toThrow(/n9/)
})
