/** Clusters, chains of entries and view numbers to build with; nothing here needs a test to run in. */
import { utf8 } from '../../src/base/bytes.ts'
import type { ClusterRecord } from '../../src/storage/port.ts'
import type { VsrRecord } from '../../src/vr/effect.ts'
import type { Command, Entry } from '../../src/vr/entry.ts'
import { genesisChecksum, lamportAfter, makeEntry, revAfter } from '../../src/vr/entry.ts'
import type { CheckpointId } from '../../src/vr/message.ts'
import {
  clientId,
  epochNumber,
  opNumber,
  requestNumber,
  revOf,
  viewNumber,
} from '../../src/vr/terms.ts'

export const CLUSTER: ClusterRecord = {
  clusterId: 'bank',
  foundingId: '5f1d0c',
  peerId: '12D3KooWone',
  name: 'n1',
  incarnation: '00000000000000a1',
  members: [{ name: 'n1', peerId: '12D3KooWone', addresses: ['/ip4/127.0.0.1/tcp/7400'] }],
  shards: 2,
}

export const genesis = (shard = 0): Entry['parent'] =>
  genesisChecksum(`${CLUSTER.clusterId}/${CLUSTER.foundingId}`, shard)

const command = (bytes: number): Command => ({
  kind: 'operation',
  clientId: clientId('client-1'),
  requestNumber: requestNumber(1),
  ackedNumber: requestNumber(0),
  meta: '',
  operation: utf8('x'.repeat(bytes)),
})

export interface ChainOptions {
  readonly shard?: number
  readonly view?: number
  /** Goes on from this entry. */
  readonly after?: Entry | undefined
  readonly bytes?: number
}

/** `count` entries, each the parent of the next. */
export function chain(count: number, options: ChainOptions = {}): Entry[] {
  const { shard = 0, view = 0, bytes = 40 } = options
  const entries: Entry[] = []
  let last = options.after
  for (let i = 0; i < count; i++) {
    last = makeEntry({
      shard,
      epochNumber: epochNumber(0),
      viewNumber: viewNumber(view),
      opNumber: opNumber((last?.opNumber ?? 0) + 1),
      parent: last?.checksum ?? genesis(shard),
      timeMs: 1_000,
      lamport: last === undefined ? 1 : lamportAfter(last) + 1,
      revBefore: last === undefined ? revOf(0) : revAfter(last),
      commitNumber: opNumber(0),
      commands: [command(bytes)],
    })
    entries.push(last)
  }
  return entries
}

export const vsr = (view: number, lastNormal = view): VsrRecord => ({
  epochNumber: epochNumber(0),
  viewNumber: viewNumber(view),
  lastNormalView: viewNumber(lastNormal),
})

export const checkpointAt = (entry: Entry, stateHash = 'a'.repeat(32)): CheckpointId => ({
  opNumber: entry.opNumber,
  checksum: entry.checksum,
  rev: revAfter(entry),
  timeMs: entry.timeMs,
  lamport: lamportAfter(entry),
  stateHash,
})
