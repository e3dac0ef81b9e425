/**
 * The life of a node with everything in it that a data directory can hold, and what it means: keys of all
 * kinds, programs, transactions, lifetimes, sessions, a machine of one's own, two shards, checkpoints and
 * the log behind them.
 */
import type { Json } from '../../src/base/json.ts'
import { createService } from '../../src/machine/compose.ts'
import { checkDefinition } from '../../src/machine/define.ts'
import { instantiate } from '../../src/machine/defined.ts'
import { KvMachine } from '../../src/machine/kv/kv.ts'
import { MemoryHub } from '../../src/network/memory.ts'
import type { Meta } from '../../src/node/api.ts'
import { NO_METRICS } from '../../src/node/metrics.ts'
import type { Node } from '../../src/node/node.ts'
import { openNode } from '../../src/node/open.ts'
import { openStore } from '../../src/storage/open.ts'
import type { ClusterRecord } from '../../src/storage/port.ts'
import { DEFAULTS } from '../../src/vr/options.ts'

export const CLUSTER: ClusterRecord = {
  clusterId: 'golden',
  foundingId: '5f1d0c5f1d0c5f1d',
  peerId: 'peer-n1',
  name: 'n1',
  incarnation: '00000000000000a1',
  members: [{ name: 'n1', peerId: 'peer-n1', addresses: ['/ip4/127.0.0.1/tcp/7400'] }],
  shards: 2,
}

const bank = '../../config/machines/bank.js'
const CENTURY_MS = 99 * 365 * 86_400_000

export async function nodeOn(dir: string): Promise<Node> {
  const definition = checkDefinition(Reflect.get(await import(bank), 'default'))
  return openNode({
    version: 'golden',
    minFreeBytes: 1024,
    rpcUrl: () => 'http://127.0.0.1:7401',
    store: await openStore(dir),
    network: new MemoryHub().network('peer-n1'),
    replica: { ...DEFAULTS, checkpointEvery: 12, checkpointIntervalMs: 0, keepLogOperations: 24 },
    service: () => createService([new KvMachine(), instantiate(definition)]),
    metrics: NO_METRICS,
    metricsText: async () => undefined,
    log: { info() {}, warn() {} },
    fail: error => {
      throw error
    },
  })
}

const call = (machine: string, body: Json, meta: Meta = {}) => ({ machine, keys: [], body, meta })
/** Of both shards, whichever they are in. */
const NAMES = ['a', 'b', 'ключ 🔑', '\uffff', '__proto__', 'n/1', 'n/2', 'o', 't', '\ufeffmark']

const WRITES: readonly Json[] = [
  ...NAMES.map((key, i) => ({
    op: 'put',
    key,
    value: { i, text: `ü${i}`, list: [null, true, 1.5] },
  })),
  { op: 'put', key: 'bytes', value: { $bytes: 'AAECAw==' } },
  { op: 'put', key: 'long lived', value: 1, ttlMs: CENTURY_MS },
  { op: 'put', key: 'half a pair', value: '\ud800' },
  { op: 'put', key: 'large', value: 'x'.repeat(5_000) },
  { op: 'put', key: 'gone', value: 1 },
  { op: 'del', key: 'gone', prev: true },
  { op: 'cas', key: 'n/1', expect: { absent: true }, value: 0 },
  { op: 'cas', key: 'c', expect: { absent: true }, value: [1] },
  { op: 'incr', key: 'n', by: 41, init: 1 },
  { op: 'apply', program: 'x=0; x+=2; x*=4; x=x+x%3' },
  {
    op: 'txn',
    compare: [{ key: 'a', target: 'exists', value: true }],
    then: [{ put: { key: 'a', value: 'changed' } }, { get: { key: 'a' } }],
    else: [{ del: { key: 'a' } }],
  },
]

/** Gives the session that stays, for the meaning. */
export async function live(node: Node): Promise<string> {
  const opened = await node.openSession(CENTURY_MS, {})
  const { session } = opened.result as { session: string }
  const other = await node.openSession(undefined, { shard: 's1' })
  for (const body of WRITES) {
    const meta = { correlationId: 'c-1', causationId: 'c-0', lamport: 7 }
    for (const key of keysOf(body)) await node.write({ ...call('kv', body, meta), keys: [key] })
  }
  await node.closeSession((other.result as { session: string }).session, { shard: 's1' })
  const orders = [
    { do: 'open', account: 'alice' },
    { do: 'open', account: 'bob' },
    { do: 'credit', account: 'alice', amount: 100 },
    { do: 'transfer', from: 'alice', to: 'bob', amount: 40 },
  ]
  for (const order of orders) await node.write(call('bank', order))
  await repeated(node, session)
  for (let i = 0; i < 30; i++) {
    const key = `many/${i % 5}`
    await node.write({ ...call('kv', { op: 'put', key, value: i }), keys: [key] })
  }
  return session
}

function keysOf(body: Json): string[] {
  const { key, op } = body as { key?: string; op: string }
  return [key ?? (op === 'apply' ? 'x' : 'a')]
}

/** The same answer however often it is sent, in this life of the node and in others. */
async function repeated(node: Node, session: string): Promise<Json> {
  const meta = { session, seq: 1, shard: 'main' }
  const { result, header } = await node.write(call('bank', { do: 'open', account: 'carol' }, meta))
  return { result, op: header.op }
}

/** All that the directory says, as a caller sees it. */
export async function meaningOf(node: Node, session: string): Promise<Json> {
  const shards: Record<string, Json> = {}
  for (const shard of ['main', 's1']) {
    // A linearizable question: the answer waits until this node serves.
    const { result: hash } = await node.stateHash({ shard })
    const { first, op, commit, checkpoint } = node.logInfo(shard)
    const entries = await node.logRead({ from: first, limit: 1_000, as: 'both' }, shard)
    shards[shard] = { log: { first, op, commit, checkpoint }, hash, entries: plain(entries) }
  }
  const page = { op: 'range', prefix: '', limit: 1_000 }
  const balance = { get: 'balance', account: 'bob' }
  return {
    shards,
    keys: plain((await node.read(call('kv', page))).result),
    bob: plain((await node.read(call('bank', balance))).result),
    repeated: await repeated(node, session),
  }
}

const plain = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json
