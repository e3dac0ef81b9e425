/** cluster.*: the nodes, their roles, and what happens to them. */
import type { ClusterEvent } from '../../node/api.ts'
import { type EventSource, method } from '../method.ts'
import { list, may, text } from '../schema.ts'
import { BOOLEAN, headed, INTEGER, listOf, result, STRING, shape } from './result.ts'
import { sinkOf } from './sub.ts'

const KINDS_MAX = 64
const NAME = text(256)
const ROLE = { type: 'string', enum: ['replica', 'standby'] }
const TEXT_OR_NULL = { type: ['string', 'null'] }

export const CLUSTER = [
  method('cluster.status', {
    kind: 'free',
    doc: 'This node: its replicas and how far they are, its peers, its alarms. `lagMs` and `follows`: at a standby, for how long it has not known that it had all, and whom it asks.',
    result: result({
      name: STRING,
      peerId: STRING,
      role: STRING,
      shards: listOf(
        shape({
          shard: STRING,
          status: STRING,
          epoch: INTEGER,
          view: INTEGER,
          primary: TEXT_OR_NULL,
          isPrimary: BOOLEAN,
          op: INTEGER,
          commit: INTEGER,
          applied: INTEGER,
          checkpoint: INTEGER,
          lag: INTEGER,
          'lagMs?': { type: ['integer', 'null'] },
          'follows?': TEXT_OR_NULL,
        }),
      ),
      'rpc?': TEXT_OR_NULL,
      peers: listOf(
        shape({
          name: STRING,
          peerId: STRING,
          role: ROLE,
          connected: BOOLEAN,
          addresses: listOf(STRING),
          rpc: TEXT_OR_NULL,
        }),
      ),
      uptimeMs: { type: 'number' },
      alarms: listOf(STRING),
      'scrub?': shape({
        bytes: INTEGER,
        passes: INTEGER,
        lastPassMs: { type: ['integer', 'null'] },
      }),
      'mended?': shape({ times: INTEGER, lastMs: INTEGER, why: STRING }),
    }),
    run: (_, meta, { node }) => headed(node.status(), node.header(meta.shard)),
  }),
  method('cluster.health', {
    kind: 'free',
    doc: 'The nodes as seen from here: is there a quorum, how many more may fail, what to do.',
    result: result({
      nodes: listOf(
        shape({
          name: STRING,
          peerId: STRING,
          role: ROLE,
          up: BOOLEAN,
          self: BOOLEAN,
          primaryOf: listOf(STRING),
        }),
      ),
      quorum: BOOLEAN,
      faultsTolerated: INTEGER,
      advice: listOf(STRING),
    }),
    run: (_, meta, { node }) => headed(node.health(), node.header(meta.shard)),
  }),
  method('cluster.members', {
    kind: 'free',
    doc: 'The cluster and its members.',
    result: result({
      clusterId: STRING,
      foundingId: STRING,
      shards: INTEGER,
      epoch: INTEGER,
      members: listOf(
        shape({ name: STRING, peerId: STRING, role: STRING, addresses: listOf(STRING) }),
      ),
    }),
    run: (_, meta, { node }) => headed(node.members(), node.header(meta.shard)),
  }),
  method('cluster.stepDown', {
    kind: 'free',
    doc: 'Asks the primary to hand over; answers once another view has started.',
    params: { shard: may(NAME, 'of which shard (main)'), to: may(NAME, 'to which node') },
    result: result({ view: INTEGER, primary: TEXT_OR_NULL }),
    run: async ({ shard, to }, meta, { node }) => {
      const where = shard ?? meta.shard
      return headed(await node.stepDown(where, to, meta), node.header(where))
    },
  }),
  method('cluster.watch', {
    kind: 'free',
    doc: 'WebSocket only. View changes, members and peers as they come and go, as sub.event.',
    params: { kinds: may(list(NAME, KINDS_MAX), 'only these; `member_*` for all of a family') },
    result: result({ subscription: STRING }),
    run: ({ kinds }, meta, caller) => {
      const sink = sinkOf(caller, 'cluster.watch', 'cluster.status')
      const { subscription } = sink.subscriptions.open(caller, clusterSource(caller.node, kinds))
      return headed({ subscription }, caller.node.header(meta.shard))
    },
  }),
]

function clusterSource(
  node: { watchCluster(deliver: (event: ClusterEvent) => void): { cancel(): void } },
  kinds: readonly string[] | undefined,
): EventSource {
  return {
    method: 'cluster.watch',
    resumable: false,
    start: (_, deliver) =>
      node.watchCluster(event => {
        if (kinds !== undefined && !kinds.some(kind => matches(kind, event.kind))) return
        const { kind, view, timeMs } = event
        deliver({ kind, view, timeMs, result: event })
      }),
  }
}

function matches(wanted: string, kind: string): boolean {
  return wanted.endsWith('*') ? kind.startsWith(wanted.slice(0, -1)) : wanted === kind
}
