/** What this node says of itself and of the cluster as seen from here. */
import { quorumOf } from '../vr/configuration.ts'
import { isPrimary } from '../vr/state.ts'
import type { Health, NodeApi, NodeStatus, ShardStatus } from './api.ts'
import type { NodeContext } from './context.ts'
import { primaryName } from './context.ts'
import type { Shard } from './shard.ts'

export function shardStatus(context: NodeContext, shard: Shard): ShardStatus {
  const { replica } = shard
  return {
    shard: shard.name,
    status: replica.transfer ? 'syncing' : replica.status,
    epoch: replica.configuration.epochNumber,
    view: replica.viewNumber,
    primary: primaryName(context, shard),
    isPrimary: isPrimary(replica),
    op: shard.opNumber,
    commit: Math.max(replica.commitNumber, Math.min(replica.knownCommit, shard.opNumber)),
    applied: replica.commitNumber,
    checkpoint: replica.durableCheckpoint,
    lag: Math.max(0, replica.knownCommit - replica.commitNumber),
  }
}

export function nodeStatus(context: NodeContext): NodeStatus {
  const { cluster, network, options } = context
  const connected = new Map(network.peers().map(peer => [peer.peerId, peer]))
  return {
    name: cluster.name,
    peerId: cluster.peerId,
    role: options.role,
    rpc: options.rpcUrl() ?? null,
    shards: context.shards.map(shard => shardStatus(context, shard)),
    peers: cluster.members
      .filter(member => member.peerId !== cluster.peerId)
      .map(({ name, peerId, addresses }) => ({
        name,
        peerId,
        connected: connected.get(peerId)?.connected ?? false,
        addresses,
        rpc: context.rpcUrls.get(peerId) ?? null,
      })),
    uptimeMs: Date.now() - context.startedAtMs,
    alarms: [...context.alarms.values()],
    ...scrubOf(context),
  }
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
  const nodes = cluster.members.map(({ name, peerId }) => ({
    name,
    peerId,
    up: up.has(peerId),
    self: peerId === cluster.peerId,
    primaryOf: shards.filter(s => primaryName(context, s) === name).map(s => s.name),
  }))
  const first = shards[0]
  const needed = first ? quorumOf(first.replica.configuration) : 1
  const alive = nodes.filter(node => node.up).length
  const spare = alive - needed
  return {
    nodes,
    quorum: spare >= 0,
    faultsTolerated: Math.max(0, spare),
    advice: advise(context, nodes, spare),
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
  return [...advice, ...context.alarms.values()]
}

export function members(context: NodeContext): ReturnType<NodeApi['members']> {
  const { clusterId, foundingId, shards } = context.cluster
  return {
    clusterId,
    foundingId,
    shards,
    epoch: context.shards[0]?.replica.configuration.epochNumber ?? 0,
    members: context.cluster.members.map(({ name, peerId, addresses }) => ({
      name,
      peerId,
      role: 'replica',
      addresses,
    })),
  }
}

export function readiness(context: NodeContext) {
  const checks = context.shards.map(shard => {
    const { replica } = shard
    const primary = primaryName(context, shard)
    const detail = primary === null ? `${replica.status}, no primary` : `primary ${primary}`
    return { name: `shard ${shard.name}`, ok: shard.reachable && !replica.transfer, detail }
  })
  for (const [name, detail] of context.alarms) checks.push({ name, ok: false, detail })
  if (context.stopping) checks.push({ name: 'shutdown', ok: false, detail: 'shutting down' })
  return { ready: checks.length > 0 && checks.every(check => check.ok), checks }
}
