/**
 * Keys and values of a data directory, without its daemon: the checkpoint, and the log behind it executed
 * by the same code that a replica runs, as far as this log itself says that it is committed.
 */
import type { Json, JsonObject } from '../base/json.ts'
import { isObject } from '../base/json.ts'
import { createService } from '../machine/compose.ts'
import { FeedMachine } from '../machine/feed/feed-machine.ts'
import { KvMachine } from '../machine/kv/kv.ts'
import type { ShardView } from '../storage/inspect.ts'
import type { ClusterRecord } from '../storage/port.ts'
import { DEFAULTS } from '../vr/options.ts'
import { createReplica, replay, restore } from '../vr/restart.ts'
import type { ServiceRecord } from '../vr/service.ts'
import { replicaNumber } from '../vr/terms.ts'
import { objects } from './cluster-nodes.ts'

export interface KeysAt {
  /** Known to be committed. */
  readonly op: number
  readonly kvs: readonly JsonObject[]
  readonly more: boolean
}

/** Machines other than kv are left out: their code may not be here. */
const isOfKv = ({ id }: ServiceRecord): boolean => id.startsWith('t') || id.startsWith('skv/')

export async function keysOf(
  view: ShardView,
  cluster: ClusterRecord,
  { prefix, limit }: { readonly prefix: string; readonly limit: number },
): Promise<KeysAt> {
  const { shard, vsr, checkpoint, head } = view.image
  const service = createService([new KvMachine(), new FeedMachine()])
  const { epochNumber } = vsr
  const configuration = { epochNumber, replicaCount: cluster.members.length, primaryOffset: 0 }
  const replica = createReplica(
    { shard, replicaNumber: replicaNumber(0), configuration, options: DEFAULTS, nonce: 0 },
    { vsr, checkpoint, start: checkpoint },
    service,
  )
  for await (const records of view.records()) restore(replica, records.filter(isOfKv))
  for await (const entries of view.entries(checkpoint.opNumber + 1, head)) replay(replica, entries)
  const query = { op: 'range', prefix, limit } satisfies Json
  const found = service.query('kv', query, replica.log.base.timeMs)
  const kvs = isObject(found) ? objects(found['kvs'] as Json) : []
  return { op: replica.commitNumber, kvs, more: isObject(found) && found['more'] === true }
}
