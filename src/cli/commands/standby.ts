/** standby: the data directory of a node that follows a cluster which is there already. Starts nothing. */
import { join, resolve } from 'node:path'
import { quote } from '../../base/shell.ts'
import { newIdentity } from '../../network/identity.ts'
import { memberOf, objects } from '../cluster-nodes.ts'
import type { Run } from '../command.ts'
import type { Context } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { type Member, memberText, refuseUsed, writeNode } from '../new-cluster.ts'
import { ownName } from '../own-name.ts'
import { UsageError } from '../usage-error.ts'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/

export const standby: Run = async (context, [name = ''], given) => {
  const dir = given.text('dir')
  const basePort = given.integer('basePort', 1)
  if (!NAME.test(name)) {
    throw new UsageError(
      `NAME must be 1–63 letters, digits, dots, dashes or underscores, not '${name}'`,
    )
  }
  if (dir === undefined) throw new UsageError('give --dir DIR, where its directory shall be')
  if (basePort === undefined || basePort > 65_534) {
    throw new UsageError('give --base-port PORT below 65535, for libp2p; RPC has the next')
  }
  const { clusterId, foundingId, shards, members, standbys } = await clusterOf(context, name)
  await refuseUsed(join(resolve(dir), name))
  const identity = newIdentity()
  const addresses = [`/ip4/127.0.0.1/tcp/${basePort}`]
  const node = { name, peerId: identity.peerId, addresses }
  const cluster = { dir: resolve(dir), nodes: members.length, basePort, clusterId, shards }
  const rpc = `127.0.0.1:${basePort + 1}`
  const all = [...standbys, node]
  const made = await writeNode(cluster, { members, standbys: all, foundingId, identity, node, rpc })
  const line = memberText(node).trimEnd()
  context.output.print({
    whole: { ...made, peerId: node.peerId, line: line.trim() },
    raw: () => made.config,
    people: () => `${made.config}`,
  })
  const program = ownName(process.argv[1] ?? 'viewstamp', process.cwd(), process.env['PATH'] ?? '')
  context.note('add it to cluster.standbys in the config.yaml of every node:')
  context.note(`  standbys:\n${line}`)
  context.note('then start those nodes again, one after the other, and the standby:')
  context.note(`  ${program} start --config ${quote(made.config)}`)
  return EXIT.ok
}

interface KnownCluster {
  readonly clusterId: string
  readonly foundingId: string
  readonly shards: number
  readonly members: readonly Member[]
  readonly standbys: readonly Member[]
}

async function clusterOf(context: Context, name: string): Promise<KnownCluster> {
  const { clusterId, foundingId, shards, members } = await context.client().call('cluster.members')
  const nodes = objects(members)
  if (nodes.some(node => node['name'] === name)) {
    throw new UsageError(`the cluster has a node ${name} already: give the standby another name`)
  }
  const isStandby = ({ role }: (typeof nodes)[number]) => role === 'standby'
  return {
    clusterId,
    foundingId,
    shards,
    members: nodes.filter(node => !isStandby(node)).map(memberOf),
    standbys: nodes.filter(isStandby).map(memberOf),
  }
}
