/** kv.import where there are several shards: the rev that counts is that of the shard of the keys. */
import { afterEach, expect, test } from 'vitest'
import { connect } from '../../src/client/client.ts'
import { Served } from './served.ts'

let served: Served

afterEach(() => served.stop())

test('the shard of the keys is looked at, named or not; keys of two are refused and take no rev', async () => {
  served = await Served.start({ shards: 2 })
  const client = await connect(served.urls)
  try {
    const revOf = async (shard: string) => (await client.call('kv.hash', { meta: { shard } })).rev
    const first = await client.call('kv.put', { key: 'a', value: 1 })
    const { shard } = first.header
    const operations = [[{ key: 'a', value: 2 }], []]
    const late = client.call('kv.import', { rev: 1, operations })
    await expect(late).rejects.toMatchObject({ name: 'COMPARE_FAILED', data: { rev: 1 } })
    expect((await client.call('kv.import', { rev: 2, operations })).rev).toBe(3)
    const named = { rev: 4, operations, meta: { shard } }
    expect((await client.call('kv.import', named)).rev).toBe(5)

    const keys = ['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map(key => ({ key, value: 1 }))
    const both = client.call('kv.import', { rev: 6, operations: [[{ key: 'a' }, ...keys]] })
    await expect(both).rejects.toMatchObject({ name: 'CROSS_SHARD', outcome: 'none' })
    expect(await revOf(shard)).toBe(5)
  } finally {
    await client.close()
  }
})
