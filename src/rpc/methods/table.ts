/** All methods by name. A Map: `constructor` and `__proto__` are names like any other. */
import type { ChaosApi } from '../../chaos/api.ts'
import { type Method, method } from '../method.ts'
import { openRpcDocument } from '../openrpc.ts'
import { chaosMethods } from './chaos.ts'
import { CLUSTER } from './cluster.ts'
import { FEED_WRITES } from './feed.ts'
import { FEED_READS } from './feed-read.ts'
import { GROUPS } from './group.ts'
import { KV_IMPORT } from './kv-import.ts'
import { KV_READS } from './kv-read.ts'
import { KV_TXN } from './kv-txn.ts'
import { KV_WATCH } from './kv-watch.ts'
import { KV_WRITES } from './kv-write.ts'
import { LOG } from './log.ts'
import { SESSIONS } from './session.ts'
import { SM } from './sm.ts'
import { SNAPSHOTS } from './snapshot.ts'
import { SUB } from './sub.ts'
import { SYSTEM } from './system.ts'
import { TRACE } from './trace.ts'

const DISCOVER = method('rpc.discover', {
  kind: 'free',
  doc: 'This document: every method, its parameters and result, by OpenRPC.',
  result: { type: 'object' },
  run: (_params, _meta, { methods, node }) => openRpcDocument(methods, node.version),
})

export const METHODS: ReadonlyMap<string, Method> = new Map(
  [
    DISCOVER,
    ...SYSTEM,
    ...SESSIONS,
    ...KV_WRITES,
    ...KV_TXN,
    ...KV_IMPORT,
    ...KV_READS,
    ...KV_WATCH,
    ...FEED_WRITES,
    ...FEED_READS,
    ...GROUPS,
    ...SM,
    ...LOG,
    ...TRACE,
    ...CLUSTER,
    ...SNAPSHOTS,
    ...chaosMethods(undefined),
    ...SUB,
  ].map(each => [each.name, each]),
)

/** The same where faults may be injected. */
export function methodsWith(chaos: ChaosApi): ReadonlyMap<string, Method> {
  return new Map([...METHODS, ...chaosMethods(chaos).map(each => [each.name, each] as const)])
}
