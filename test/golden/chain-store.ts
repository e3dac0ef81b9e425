/**
 * A store written by hand: what one replica alone never has. A suffix that a later view replaced, a
 * checkpoint with records of all kinds, a view that was promised and not reached, peers seen twice.
 */
import type { Json } from '../../src/base/json.ts'
import { createStore, openStore } from '../../src/storage/open.ts'
import type { Store } from '../../src/storage/port.ts'
import { opNumber } from '../../src/vr/terms.ts'
import { CLUSTER, chain, checkpointAt, vsr } from '../storage/chain.ts'

const RECORDS = [
  { id: 'ta@1', value: '[1,2]' },
  { id: 'skv/\0zero', value: 'x' },
  { id: 'skv/\ud800', value: '\ud800 half' },
  { id: 'skv/ключ', value: '\ufeffmark' },
  { id: 'skv/gone', value: 'soon' },
]

export async function writeChain(dir: string): Promise<void> {
  await createStore(dir, CLUSTER)
  const store = await openStore(dir)
  const first = chain(10, { view: 1 })
  await store.commit([{ shard: 0, append: first, vsr: vsr(1) }])
  const changes = first.slice(0, 7).map(entry => ({ opNumber: entry.opNumber, text: '[{"a":1}]' }))
  await store.commit([{ shard: 0, changes }])
  const fourth = first[3]
  if (fourth === undefined) throw new Error('the chain is too short')
  await store.commit([{ shard: 0, records: { opNumber: 4, records: RECORDS } }])
  await store.commit([{ shard: 0, checkpoint: checkpointAt(fourth) }])
  const gone = [{ id: 'skv/gone', value: undefined }]
  await store.commit([{ shard: 0, records: { opNumber: 6, records: gone } }])
  await store.commit([{ shard: 0, checkpoint: checkpointAt(first[5] ?? fourth) }])
  const second = chain(3, { view: 3, after: first[7] })
  await store.commit([{ shard: 0, truncateFrom: opNumber(9), append: second, vsr: vsr(3) }])
  await store.commit([{ shard: 0, trimBelow: 3 }])
  await store.commit([{ shard: 1, append: chain(2, { shard: 1 }), vsr: vsr(5, 0) }])
  await store.notePeer('peer-2', { incarnation: 'b', boot: 0 })
  await store.notePeer('peer-3', { incarnation: 'c', boot: 9, nonce: '00ff' })
  await store.close()
}

/** What it holds, from an audit and from reading all of it. */
export async function chainMeaning(dir: string): Promise<Json> {
  const store = await openStore(dir)
  const shards = []
  for (const image of store.shards) shards.push(await shardMeaning(store, image.shard))
  const peers = ['peer-2', 'peer-3', 'peer-4'].map(id => store.peerSeen(id) ?? null)
  const meaning = { cluster: store.cluster, shards, peers }
  await store.close()
  return JSON.parse(JSON.stringify(meaning)) as Json
}

async function shardMeaning(store: Store, shard: number): Promise<object> {
  const image = store.shards[shard]
  if (image === undefined) throw new Error(`no shard ${shard}`)
  const entries = await store.readEntries(shard, image.first, image.head, 1 << 30)
  const records = []
  for await (const record of store.readRecords(shard)) records.push(record)
  const changes = await store.readChanges(shard, image.first, image.head)
  const log = entries.map(({ bytes, ...entry }) => ({ ...entry, bytes: bytes.length }))
  return { image, log, records, changes }
}
