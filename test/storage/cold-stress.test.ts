/** Some MiB of cold records through a node on a real disk: what is in memory meanwhile, and after a restart. */
import { expect, test, vi } from 'vitest'
import { createService } from '../../src/machine/compose.ts'
import { KvMachine } from '../../src/machine/kv/kv.ts'
import { MemoryHub } from '../../src/network/memory.ts'
import type { NodeContext } from '../../src/node/context.ts'
import { NO_METRICS } from '../../src/node/metrics.ts'
import type { Node } from '../../src/node/node.ts'
import { openNode } from '../../src/node/open.ts'
import { inspectStore } from '../../src/storage/inspect.ts'
import { createStore, openStore } from '../../src/storage/open.ts'
import { DEFAULTS } from '../../src/vr/options.ts'
import { Diary, pageId } from '../machine/diary.ts'
import { at, directory } from './build.ts'

const KIB = 1024
const PATIENCE = { timeout: 20_000 }
const COLD_MAX = 256 * KIB
const PAGES_KEPT = 30
const cluster = {
  clusterId: 'test',
  foundingId: 'f',
  peerId: 'peer-n1',
  name: 'n1',
  incarnation: 'i',
  members: [{ name: 'n1', peerId: 'peer-n1', addresses: [] }],
  shards: 1,
}

async function opened(dir: string): Promise<{ node: Node; diary: Diary; context: NodeContext }> {
  const diary = new Diary(4, PAGES_KEPT)
  let context: NodeContext | undefined
  const node = await openNode({
    version: 'test',
    minFreeBytes: 1024,
    rpcUrl: () => undefined,
    store: await openStore(dir),
    network: new MemoryHub().network('peer-n1'),
    onContext: given => {
      context = given
    },
    replica: {
      ...DEFAULTS,
      startGraceMs: 100,
      checkpointColdBytes: COLD_MAX,
      keepLogOperations: 50,
    },
    service: () => createService([new KvMachine(), diary]),
    metrics: NO_METRICS,
    metricsText: async () => undefined,
    log: { info() {}, warn() {} },
    fail: error => {
      throw error
    },
  })
  if (context === undefined) throw new Error('a node has a context')
  return { node, diary, context }
}

const lineOf = (i: number): string => `${i} `.padEnd(16 * KIB, String.fromCharCode(97 + (i % 26)))
const pageOf = (n: number): string => [0, 1, 2, 3].map(i => lineOf(4 * n + i)).join('\n')

test('4 MiB of pages go through memory a few at a time; the disk drops those that are gone', async () => {
  const dir = await directory()
  await createStore(dir, cluster)
  const first = await opened(dir)
  const LINES = 256
  for (let i = 0; i < LINES; i++) {
    const body = { line: lineOf(i) }
    await first.node.write({ machine: 'diary', keys: [], body, meta: { timeoutMs: 30_000 } })
  }
  await first.context.flush()
  await vi.waitFor(() => {
    const { checkpoint, durableCheckpoint } = at(first.context.shards, 0).replica
    expect(durableCheckpoint).toBe(checkpoint.opNumber)
  }, PATIENCE)
  expect(first.diary.held).toBeLessThan(COLD_MAX)
  expect(first.diary.pages).toHaveLength(PAGES_KEPT)
  const hash = at(first.context.shards, 0).service.stateHash()
  await first.node.stop()

  const second = await opened(dir)
  const shard = at(second.context.shards, 0)
  expect(shard.service.stateHash()).toBe(hash)
  // What was executed again behind the checkpoint is in memory, nothing else.
  expect(second.diary.held).toBeLessThan(COLD_MAX)
  for (let n = LINES / 4 - PAGES_KEPT; n < LINES / 4; n++) {
    expect(await shard.readCold(`diary/${pageId(n)}`)).toBe(pageOf(n))
  }
  await second.node.stop()
  const seen = await inspectStore(dir, { verify: true })
  expect(seen.problems).toEqual([])
  const texts = at(seen.shards, 0).tables.find(({ table }) => table === 'T')
  expect(texts?.count).toBeGreaterThanOrEqual(PAGES_KEPT - COLD_MAX / (64 * KIB))
  expect(texts?.count).toBeLessThan(LINES / 4)
})
