/**
 * The data directory and the network of a daemon: looked at, founded or opened. Refusals are errors with a sentence
 * that says what to do.
 */
import { access, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type FoundedRecord, foundCluster } from '../network/founding.ts'
import { createLibp2pNetwork, type Libp2pNetwork } from '../network/libp2p.ts'
import { createStore, openStore, storeExists } from '../storage/open.ts'
import { StorageError, type Store } from '../storage/port.ts'
import { replaceFile } from '../storage/replace-file.ts'
import { standingOf } from '../wire/promised.ts'
import type { Config } from './config.ts'
import { ConfigError } from './config-source.ts'
import type { Logger } from './log.ts'

export interface Opened {
  readonly network: Libp2pNetwork
  readonly store: Store
}

/** The caller closes both, the network first. */
export async function openData(config: Config, log: Logger): Promise<Opened> {
  await assertNotWiped(config.node.dataDir)
  const network = await createNetwork(config, log)
  let store: Store | undefined
  try {
    store = await openOrFound(config, network, log)
    assertRole(config, store)
    introduce(network, store)
    return { network, store }
  } catch (error) {
    await network.stop()
    await store?.close()
    throw error
  }
}

async function createNetwork(config: Config, log: Logger): Promise<Libp2pNetwork> {
  return createLibp2pNetwork({
    identity: { file: join(config.node.dataDir, 'identity.key') },
    listen: config.p2p.listen,
    announce: config.p2p.announce,
    sharedKeyFile: config.p2p.sharedKeyFile,
    mdns: config.discovery.mdns,
    discoveryPeers: config.discovery.peers,
    log,
  })
}

/**
 * An identity without data, and without a founding under way, is what a wiped disk leaves. Founding anew
 * with it could lose what the old data had acknowledged. And with a new key the node of this data would be nobody.
 */
async function assertNotWiped(dataDir: string): Promise<void> {
  const there = (file: string) =>
    access(join(dataDir, file)).then(
      () => true,
      () => false,
    )
  const hasKey = await there('identity.key')
  if (hasKey && (await there('founding.json'))) return
  const { state } = await storeExists(dataDir)
  if (hasKey && state === 'none') {
    throw new StorageError(
      'missing',
      `${dataDir} holds the identity of a node but none of its data: it looks wiped, and a node that forgot its promises must not vote. Put the data directory back; if it is lost, see viewstamp recover. (If this node never ran, remove identity.key and start again.)`,
    )
  }
  if (!hasKey && state !== 'none') {
    throw new StorageError(
      'missing',
      `${dataDir} holds the data of a node and not its identity.key, by which the others know it. Put the key back; with another one this node would be a stranger to its cluster.`,
    )
  }
}

/** The same command every time: a directory without data takes part in a founding, any other is opened. */
async function openOrFound(config: Config, network: Libp2pNetwork, log: Logger): Promise<Store> {
  const { dataDir } = config.node
  const { state } = await storeExists(dataDir)
  const founded = state === 'none' ? await found(config, network, log) : undefined
  const store = await openStore(dataDir, { clusterId: config.cluster.id, peerId: network.peerId })
  // A founder that loses its disk before it is met as a member is known for another then.
  for (const { peerId, incarnation } of founded?.members ?? []) {
    if (peerId !== network.peerId) await store.notePeer(peerId, { incarnation, boot: 0 })
  }
  for (const note of store.notes) log.warn(note)
  warnOfDamage(config, store, log)
  return store
}

function warnOfDamage({ node }: Config, { shards }: Store, log: Logger): void {
  for (const { shard, damage } of shards) {
    const runs = damage?.runs.map(({ first, last }) => `${first} to ${last}`) ?? []
    if (runs.length === 0) continue
    const more = runs.length > 3 ? ` and ${runs.length - 3} more places` : ''
    log.warn(
      `the log of shard ${shard} in ${join(node.dataDir, 'db')} is damaged at op ${runs.slice(0, 3).join(', ')}${more}; ${node.name} votes for nothing until it has fetched those entries from the others. Look at the disk if it happens more than once`,
    )
  }
}

/** A replica that only followed would be missed by the quorums; a standby that voted would break them. */
function assertRole({ node: { role, dataDir } }: Config, { cluster }: Store): void {
  const { members, peerId, name } = cluster
  const isMember = members.some(member => member.peerId === peerId)
  if (isMember === (role === 'replica')) return
  const is = isMember ? 'a replica of its cluster' : 'none of the replicas of its cluster'
  throw new ConfigError([
    `node.role is ${role}, and ${name} in ${dataDir} is ${is}: set node.role to ${isMember ? 'replica' : 'standby'}`,
  ])
}

async function found(config: Config, network: Libp2pNetwork, log: Logger): Promise<FoundedRecord> {
  const { members, bootstrapExpect } = config.cluster
  if (config.node.role === 'standby') {
    throw new ConfigError([
      `${config.node.dataDir} holds no data, and a standby founds no cluster: make its directory with viewstamp init --standbys, or viewstamp standby for a cluster that is there`,
    ])
  }
  if (members.length === 0 && bootstrapExpect === undefined) {
    throw new ConfigError([
      `${config.node.dataDir} holds no data, and the configuration names no founders: give cluster.members or cluster.bootstrapExpect (--bootstrap-expect N)`,
    ])
  }
  const promise = join(config.node.dataDir, 'founding.json')
  log.info({ expect: members.length || bootstrapExpect }, 'no data yet: looking for the founders')
  const record = await foundCluster({
    transport: network.founding,
    name: config.node.name,
    clusterId: config.cluster.id,
    shards: config.shards,
    expect: bootstrapExpect,
    members: members.length > 0 ? members : undefined,
    loadPromise: () => loadPromise(promise),
    persistPromise: doc => replaceFile(promise, JSON.stringify(doc)),
    onFounded: async record => {
      await createStore(config.node.dataDir, record)
      await rm(promise, { force: true })
    },
    log,
  })
  return record
}

/** What is no JSON is no promise: it is read as one, and refused in those words. */
async function loadPromise(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function introduce(network: Libp2pNetwork, store: Store): void {
  const { clusterId, foundingId, name, incarnation, members } = store.cluster
  network.introduce({
    clusterId,
    foundingId,
    name,
    incarnation,
    bootCounter: store.bootCounter,
    members,
    standing: store.shards.map(({ vsr, head }) => standingOf(vsr, head)),
    peerSeen: peer => store.peerSeen(peer),
    notePeer: (peer, seen) => store.notePeer(peer, seen),
  })
}
