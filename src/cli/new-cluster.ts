/**
 * The data directories of a new cluster: DIR/n1 … DIR/nN, each with its identity, a config.yaml
 * that names all members, and an empty store. A directory that has lost its store is thereby never
 * mistaken for a new one: `start` does not make stores for members.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { present } from '../base/assert.ts'
import { builtIn } from '../machine/built-in.ts'
import { type Identity, newIdentity } from '../network/identity.ts'
import { writeSecret } from '../network/secret-file.ts'
import { createStore } from '../storage/open.ts'
import type { ClusterRecord } from '../storage/port.ts'
import { startingState } from '../storage/restore.ts'
import type { SnapshotReport } from '../storage/snapshot-reader.ts'
import { UsageError } from './usage-error.ts'

export interface NewCluster {
  readonly dir: string
  readonly nodes: number
  /** Nodes that follow and never vote, besides; their ports come behind. */
  readonly standbys?: number | undefined
  /** libp2p of node i (from 0) listens on this + 10·i, RPC on the next port. */
  readonly basePort: number
  readonly clusterId: string
  readonly shards: number
  readonly chaos?: boolean | undefined
  /** A snapshot that has been verified: its state is what the cluster begins with. */
  readonly from?: { readonly path: string; readonly report: SnapshotReport } | undefined
}

export interface NewNode {
  readonly name: string
  readonly dir: string
  readonly config: string
  readonly rpc: string
}

export type Member = ClusterRecord['members'][number]

const NODES_MAX = 15
const STANDBYS_MAX = 15
const PORT_STEP = 10

/** All or nothing: what was made is removed again if something fails. */
export async function createCluster(cluster: NewCluster): Promise<readonly NewNode[]> {
  const { dir, nodes, standbys = 0, basePort } = cluster
  if (standbys < 0 || standbys > STANDBYS_MAX) {
    throw new UsageError(`a cluster has 0 to ${STANDBYS_MAX} standbys, not ${standbys}`)
  }
  if (nodes < 1 || nodes > NODES_MAX) {
    throw new UsageError(`a cluster has 1 to ${NODES_MAX} nodes, not ${nodes}`)
  }
  if (basePort < 1 || basePort + PORT_STEP * (nodes + standbys - 1) + 1 > 65_535) {
    const all = nodes + standbys
    throw new UsageError(`base port ${basePort} leaves no room for ${all} nodes below 65536`)
  }
  const names = Array.from({ length: nodes + standbys }, (_, i) =>
    i < nodes ? `n${i + 1}` : `standby${i - nodes + 1}`,
  )
  for (const name of names) await refuseUsed(join(dir, name))
  try {
    return await write(cluster, names)
  } catch (error) {
    for (const name of names) await rm(join(dir, name), { recursive: true, force: true })
    throw error
  }
}

export async function refuseUsed(dir: string): Promise<void> {
  const files = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new UsageError(`${dir} cannot be read (${error.code})`)
  })
  if (files.length > 0) {
    throw new UsageError(
      `${dir} is not empty; choose another --dir, or remove it if it is of no use`,
    )
  }
}

async function write(cluster: NewCluster, names: readonly string[]): Promise<readonly NewNode[]> {
  const identities = names.map(newIdentity)
  const all = names.map((name, i) => ({
    name,
    peerId: identities[i]?.peerId ?? '',
    addresses: [`/ip4/127.0.0.1/tcp/${cluster.basePort + PORT_STEP * i}`],
  }))
  const [members, standbys] = [all.slice(0, cluster.nodes), all.slice(cluster.nodes)]
  const foundingId = randomBytes(16).toString('hex')
  const made: NewNode[] = []
  for (const [i, identity] of identities.entries()) {
    const node = present(all[i], 'each identity is a node')
    const rpc = `127.0.0.1:${cluster.basePort + PORT_STEP * i + 1}`
    made.push(await writeNode(cluster, { members, standbys, foundingId, identity, node, rpc }))
  }
  return made
}

export interface Founding {
  readonly members: readonly Member[]
  readonly standbys: readonly Member[]
  readonly foundingId: string
  readonly identity: Identity
  readonly node: Member
  readonly rpc: string
}

/** One directory of it, which must be empty. */
export async function writeNode(cluster: NewCluster, founding: Founding): Promise<NewNode> {
  const { members, foundingId, identity, node, rpc } = founding
  const { name, peerId } = node
  const dir = join(cluster.dir, name)
  // The store comes first: it wants an empty directory, and only a founded one may be started.
  await mkdir(cluster.dir, { recursive: true })
  const incarnation = randomBytes(8).toString('hex')
  const { clusterId, shards } = cluster
  const { from } = cluster
  const record = { clusterId, foundingId, peerId, name, incarnation, members, shards }
  if (from === undefined) await createStore(dir, record)
  else {
    const restored = { ...record, restoredFrom: from.report.hash }
    await createStore(dir, restored, startingState(from.path, from.report, record))
  }
  await writeSecret(join(dir, 'identity.key'), identity.privateKey, 'the identity key of this node')
  const config = join(dir, 'config.yaml')
  await writeFile(config, configText(cluster, founding), { flag: 'wx' })
  return { name, dir, config, rpc: `http://${rpc}` }
}

function configText(cluster: NewCluster, founding: Founding): string {
  const { members, standbys, node, rpc } = founding
  const { name, addresses } = node
  const role = standbys.includes(node) ? ', role: standby' : ''
  const followers = standbys.length > 0 ? `  standbys:\n${listText(standbys)}` : ''
  return `# Node ${name} of a Viewstamp cluster. Everything that can be set: viewstamp config print
version: 1
node: { name: ${name}, dataDir: .${role} }
cluster:
  id: ${JSON.stringify(cluster.clusterId)}
  members:
${listText(members)}${followers}p2p: { listen: [${addresses.join(', ')}] }
rpc: { listen: '${rpc}' }
shards: ${cluster.shards}
${machinesText(cluster)}${cluster.chaos ? 'chaos: true\n' : ''}`
}

const listText = (nodes: readonly Member[]): string => nodes.map(memberText).join('')

/** As it stands in a configuration. */
export const memberText = ({ name, peerId, addresses }: Member): string =>
  `    - { name: ${name}, peerId: ${peerId}, addresses: [${addresses.join(', ')}] }\n`

/** A node does not start without the machines whose state it has; where their code is only the user knows. */
function machinesText({ from }: NewCluster): string {
  const names = from === undefined ? [] : machinesOfUsers(from.report)
  if (names.length === 0) return ''
  const list = names.map(name => `{ name: ${name}, module: ./${name}.js }`)
  return `# The snapshot holds state of these: name their modules before the first start.
# stateMachines: [${list.join(', ')}]
`
}

/** Names of the machines in a snapshot whose code is not in this program. */
export function machinesOfUsers({ manifest }: SnapshotReport): readonly string[] {
  const ours = new Set(builtIn().map(({ name }) => name))
  return manifest.machines.map(({ name }) => name).filter(name => !ours.has(name))
}
