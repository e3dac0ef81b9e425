/** What this node says of itself and of the cluster as seen from here. */
import { quorumOf } from '../vr/configuration.ts'
import type { Replica } from '../vr/state.ts'
import { isPrimary, isStandby } from '../vr/state.ts'
import type { Health, Mended, NodeApi, NodeStatus, ShardStatus } from './api.ts'
import type { NodeContext } from './context.ts'
import { primaryName, roleOf } from './context.ts'
import type { Shard } from './shard.ts'

export function shardStatus(context: NodeContext, shard: Shard): ShardStatus {
  const { replica } = shard
  return {
    shard: shard.name,
    status: statusOf(context, replica),
    epoch: replica.configuration.epochNumber,
    view: replica.viewNumber,
    primary: primaryName(context, shard),
    isPrimary: context.closing !== 'mending' && isPrimary(replica),
    op: shard.opNumber,
    commit: Math.max(replica.commitNumber, Math.min(replica.knownCommit, shard.opNumber)),
    applied: replica.commitNumber,
    checkpoint: replica.durableCheckpoint,
    lag: Math.max(0, replica.knownCommit - replica.commitNumber),
    ...followingOf(context, shard),
  }
}

function statusOf({ closing }: NodeContext, replica: Replica): string {
  if (closing === 'mending') return 'mending'
  return isSyncing(replica) ? 'syncing' : replica.status
}

/** A standby always asks for more. */
const isSyncing = (replica: Replica): boolean =>
  (isStandby(replica) ? replica.transfer?.fetch : replica.transfer) !== undefined

/** Of a standby. */
function followingOf(
  { nodes }: NodeContext,
  { replica, lagMs }: Shard,
): Pick<ShardStatus, 'lagMs' | 'follows'> {
  if (!isStandby(replica)) return {}
  const { transfer } = replica
  const known = lagMs === undefined ? null : Math.round(lagMs)
  return { lagMs: known, follows: (transfer && nodes[transfer.from]?.name) ?? null }
}

export function nodeStatus(context: NodeContext): NodeStatus {
  const { cluster, nodes, network, options } = context
  const connected = new Map(network.peers().map(peer => [peer.peerId, peer]))
  return {
    name: cluster.name,
    peerId: cluster.peerId,
    role: roleOf(context, cluster.peerId),
    rpc: options.rpcUrl() ?? null,
    shards: context.shards.map(shard => shardStatus(context, shard)),
    peers: nodes
      .filter(node => node.peerId !== cluster.peerId)
      .map(({ name, peerId, addresses }) => ({
        name,
        peerId,
        role: roleOf(context, peerId),
        connected: connected.get(peerId)?.connected ?? false,
        addresses,
        rpc: context.rpcUrls.get(peerId) ?? null,
      })),
    uptimeMs: Date.now() - context.startedAtMs,
    alarms: [...context.alarms.values()],
    ...scrubOf(context),
    ...mendedOf(context),
  }
}

function mendedOf({ options }: NodeContext): Pick<NodeStatus, 'mended'> {
  const mended = options.mended?.()
  return mended === undefined ? {} : { mended }
}

function scrubOf({ scrub }: NodeContext): Pick<NodeStatus, 'scrub'> {
  if (scrub === undefined) return {}
  const { bytes, passes, lastPassMs } = scrub
  return { scrub: { bytes, passes, lastPassMs: lastPassMs ?? null } }
}

export function health(context: NodeContext): Health {
  const { cluster, network, shards } = context
  const up = new Set(network.peers().flatMap(peer => (peer.connected ? [peer.peerId] : [])))
  up.add(cluster.peerId)
  const nodes = context.nodes.map(({ name, peerId }) => ({
    name,
    peerId,
    role: roleOf(context, peerId),
    up: up.has(peerId),
    self: peerId === cluster.peerId,
    primaryOf: shards.filter(s => primaryName(context, s) === name).map(s => s.name),
  }))
  const first = shards[0]
  const needed = first ? quorumOf(first.replica.configuration) : 1
  const replicas = nodes.filter(node => node.role === 'replica')
  const alive = replicas.filter(node => node.up).length
  const spare = alive - needed
  return {
    nodes,
    quorum: spare >= 0,
    faultsTolerated: Math.max(0, spare),
    advice: [...advise(context, replicas, spare), ...standbyAdvice(nodes)],
  }
}

function advise(context: NodeContext, nodes: Health['nodes'], spare: number): string[] {
  const advice: string[] = []
  const down = nodes.filter(node => !node.up).map(node => node.name)
  if (spare < 0) {
    advice.push(
      `no quorum: ${-spare} more of ${down.join(', ')} must be started before anything can be written`,
    )
  } else if (down.length > 0) {
    advice.push(
      `start ${down.join(', ')} again: ${spare === 0 ? 'one more failure stops all writes' : `${spare} more may fail`}`,
    )
  }
  if (nodes.length === 2) advice.push('two members tolerate no failure: three do')
  for (const shard of context.shards) {
    if (spare >= 0 && primaryName(context, shard) === null) {
      advice.push(`shard ${shard.name} is between two primaries`)
    }
  }
  const mended = context.options.mended?.()
  if (mended !== undefined) advice.push(mendedAdvice(context, mended))
  return [...advice, ...context.alarms.values()]
}

function mendedAdvice({ cluster }: NodeContext, { times, lastMs, why }: Mended): string {
  const often = times === 1 ? 'once' : `${times} times`
  return `${cluster.name} found its data damaged and mended it ${often} since its start, the last time at ${new Date(lastMs).toISOString()}: look at its disk (dmesg, SMART). ${why}`
}

/** Nothing depends on them but who reads there. */
const standbyAdvice = (nodes: Health['nodes']): string[] =>
  nodes
    .filter(({ role, up }) => role === 'standby' && !up)
    .map(
      ({ name }) =>
        `the standby ${name} is not connected: who reads there waits, or reads old state`,
    )

export function members(context: NodeContext): ReturnType<NodeApi['members']> {
  const { clusterId, foundingId, shards } = context.cluster
  return {
    clusterId,
    foundingId,
    shards,
    epoch: context.shards[0]?.replica.configuration.epochNumber ?? 0,
    members: context.nodes.map(({ name, peerId, addresses }) => ({
      name,
      peerId,
      role: roleOf(context, peerId),
      addresses,
    })),
  }
}

/** A standby claims to serve what is committed, soon: from its own state, whether there is a primary or not. */
const FRESH_MS = 3000

function followingCheck(context: NodeContext, shard: Shard) {
  const { lag, lagMs, follows } = shardStatus(context, shard)
  const ok = typeof lagMs === 'number' && lagMs < FRESH_MS
  const known = lagMs === null ? 'has not caught up yet' : `${lag} ops, ${lagMs} ms behind`
  return {
    name: `shard ${shard.name}`,
    ok,
    detail: `standby, follows ${follows ?? 'nobody'}: ${known}`,
  }
}

export function readiness(context: NodeContext) {
  const checks = context.shards.map(shard => {
    if (isStandby(shard.replica)) return followingCheck(context, shard)
    const { replica } = shard
    const primary = primaryName(context, shard)
    const detail = primary === null ? `${replica.status}, no primary` : `primary ${primary}`
    return { name: `shard ${shard.name}`, ok: shard.reachable && !replica.transfer, detail }
  })
  for (const [name, detail] of context.alarms) checks.push({ name, ok: false, detail })
  const { closing } = context
  if (closing === 'stopping') checks.push({ name: 'shutdown', ok: false, detail: 'shutting down' })
  if (closing === 'mending') checks.push({ name: 'mending', ok: false, detail: 'opens its data' })
  return { ready: checks.length > 0 && checks.every(check => check.ok), checks }
}
