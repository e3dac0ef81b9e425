/**
 * The composition root: configuration → store, network, node, RPC. Nothing else in the house knows
 * all of them.
 */
import '../base/polyfill.ts'
import { createHash } from 'node:crypto'
import { access, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { useSha256 } from '../base/hash.ts'
import { Chaos } from '../chaos/chaos.ts'
import { ownProcess } from '../chaos/own-process.ts'
import type { MachineDefinition } from '../machine/define.ts'
import { type FoundedRecord, foundCluster } from '../network/founding.ts'
import { loadLibp2p } from '../network/host.ts'
import { createLibp2pNetwork, type Libp2pNetwork } from '../network/libp2p.ts'
import type { FeedDefaults } from '../node/feeds.ts'
import type { Node } from '../node/node.ts'
import { openNode } from '../node/open.ts'
import { createRpcServer, type RpcServer } from '../rpc/server.ts'
import { createStore, openStore, storeExists } from '../storage/open.ts'
import { StorageError, type Store } from '../storage/port.ts'
import { openingRefusal } from '../storage/refusal.ts'
import { replaceFile } from '../storage/replace-file.ts'
import { setDatabaseAside } from '../storage/set-aside.ts'
import { SnapshotShelf } from '../storage/snapshot-shelf.ts'
import { VERSION } from '../version.ts'
import type { ReplicaOptions } from '../vr/options.ts'
import { DEFAULTS } from '../vr/options.ts'
import { standingOf } from '../wire/promised.ts'
import { logClusterEvent } from './cluster-log.ts'
import type { Config } from './config.ts'
import { ConfigError } from './config-source.ts'
import { type Logger, makeLog } from './log.ts'
import { loadMachines } from './machines.ts'
import { DaemonMetrics } from './metrics.ts'

useSha256(bytes => createHash('sha256').update(bytes).digest('hex'))
// The slowest part of a start goes on while the log is read.
loadLibp2p().catch(() => undefined)

export interface Daemon {
  readonly ready: {
    readonly name: string
    readonly pid: number
    /** URL; undefined without a port. */
    readonly rpc: string | undefined
    readonly peerId: string
  }
  readonly node: Node
  stop(): Promise<void>
  /** Resolves with the reason when the daemon has to end by itself; it is logged already. */
  readonly finished: Promise<unknown>
}

/** What a program may give besides the configuration. */
export interface DaemonOptions {
  readonly log?: Logger
  readonly machines?: readonly MachineDefinition[]
  /** False: without the RPC port. */
  readonly rpc?: boolean
}

export async function startDaemon(config: Config, options: DaemonOptions = {}): Promise<Daemon> {
  const log = options.log ?? makeLog(config)
  const machines = loadMachines(config, options.machines ?? [], error =>
    log.warn(
      { error: error instanceof Error ? error.stack : String(error) },
      'a state machine failed',
    ),
  )
  machines.catch(() => undefined)
  const { dataDir } = config.node
  await mkdir(dataDir, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw openingRefusal(dataDir, error)
  })
  await assertNotWiped(dataDir)
  const service = await machines
  const means: Means = { log, service, hasPort: options.rpc ?? true }
  try {
    return await openDaemon(config, means)
  } catch (error) {
    if (!isDamage(error)) throw error
    log.warn(error.message)
    const { kept } = await setDatabaseAside(dataDir)
    log.warn(
      `the damaged data is in ${kept}; ${config.node.name} votes for nothing until it has fetched everything from the others`,
    )
    return await openDaemon(config, means)
  }
}

/** What the superblock, which is whole, says was there and is not: the others have it. */
function isDamage(error: unknown): error is StorageError {
  if (!(error instanceof StorageError)) return false
  return error.reason === 'damaged' || error.reason === 'rolled-back'
}

interface Means {
  readonly log: Logger
  readonly service: Awaited<ReturnType<typeof loadMachines>>
  readonly hasPort: boolean
}

async function openDaemon(config: Config, means: Means): Promise<Daemon> {
  const { log } = means
  const network = await createNetwork(config, log)
  const store = await openOrFound(config, network, log)
  const opened: { close: (() => Promise<void>)[] } = { close: [() => store.close()] }
  try {
    assertRole(config, store)
    introduce(network, store)
    return await compose(config, means, store, network, opened)
  } catch (error) {
    for (const close of opened.close.reverse()) await close().catch(() => undefined)
    throw error
  }
}

async function compose(
  config: Config,
  { log, service, hasPort }: Means,
  store: Store,
  network: Libp2pNetwork,
  opened: { close: (() => Promise<void>)[] },
): Promise<Daemon> {
  let finish: (reason: unknown) => void = () => {}
  const finished = new Promise<unknown>(resolve => {
    finish = resolve
  })
  const url = hasPort ? `http://${config.rpc.listen}` : undefined
  const metrics = new DaemonMetrics()
  opened.close.push(() => network.stop())
  const chaos = config.chaos ? chaosOf(config, store) : undefined
  const node = await openNode({
    version: VERSION,
    standbys: config.cluster.standbys,
    minFreeBytes: config.storage.minFree,
    rpcUrl: () => url,
    feeds: feedDefaults(config),
    scrub: {
      everyMs: config.storage.scrub.every,
      bytesPerSecond: config.storage.scrub.rate,
    },
    warn: message => log.warn(message),
    snapshots: new SnapshotShelf(join(config.node.dataDir, 'snapshots')),
    store: chaos?.store(store) ?? store,
    network: chaos?.network(network) ?? network,
    every: chaos?.every,
    replica: replicaOptions(config),
    service,
    metrics,
    metricsText: () => metrics.text(),
    log: {
      info: (message, more = {}) => log.info(more, message),
      warn: (message, more = {}) => log.warn(more, message),
    },
    fail: error => {
      log.fatal(error instanceof Error ? error.message : String(error))
      log.debug(error)
      finish(error)
    },
    onContext: (context, writer) => {
      metrics.watch(context, writer)
      chaos?.watch(context)
    },
  })
  node.watchCluster(event => logClusterEvent(log, event))
  const rpc = hasPort ? rpcServer(config, log, node, chaos) : undefined
  opened.close.push(() => node.stop())
  const rpcUrl = (await rpc?.start())?.url
  if (config.metrics) {
    metrics.load().catch(error => log.warn({ error: String(error) }, 'metrics are not available'))
  }
  return {
    ready: { name: node.name, pid: process.pid, rpc: rpcUrl, peerId: node.peerId },
    node,
    finished,
    stop: async () => {
      // A paused node could not close anything.
      chaos?.heal()
      await node.stop()
      await rpc?.stop()
    },
  }
}

function chaosOf({ cluster: { standbys } }: Config, { cluster }: Store): Chaos {
  return new Chaos({ cluster, standbys, process: ownProcess() })
}

function rpcServer(config: Config, log: Logger, node: Node, chaos: Chaos | undefined): RpcServer {
  return createRpcServer({
    node: chaos?.callers(node) ?? node,
    chaos,
    listen: config.rpc.listen,
    limits: config.rpc.limits,
    tokensFile: config.rpc.tokensFile,
    allowedHosts: config.rpc.allowedHosts,
    allowedOrigins: config.rpc.allowedOrigins,
    insecure: config.rpc.insecureNoAuth,
    log,
  })
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
 * with it could lose what the old data had acknowledged.
 */
async function assertNotWiped(dataDir: string): Promise<void> {
  const there = (file: string) =>
    access(join(dataDir, file)).then(
      () => true,
      () => false,
    )
  if (!(await there('identity.key')) || (await there('founding.json'))) return
  const { state } = await storeExists(dataDir)
  if (state !== 'none') return
  throw new StorageError(
    'missing',
    `${dataDir} holds the identity of a node but none of its data: it looks wiped, and a node that forgot its promises must not vote. Put the data directory back; if it is lost, see viewstamp recover. (If this node never ran, remove identity.key and start again.)`,
  )
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
    loadPromise: async () => {
      try {
        return JSON.parse(await readFile(promise, 'utf8'))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    persistPromise: doc => replaceFile(promise, JSON.stringify(doc)),
    onFounded: async record => {
      await createStore(config.node.dataDir, record)
      await rm(promise, { force: true })
    },
    log,
  })
  return record
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

function feedDefaults({ feeds: { autoCreate, retention } }: Config): FeedDefaults {
  const { age: ageMs, bytes, records } = retention
  return {
    autoCreate,
    retention: {
      ...(ageMs !== undefined && { ageMs }),
      ...(bytes !== undefined && { bytes }),
      ...(records !== undefined && { records }),
    },
  }
}

function replicaOptions(config: Config): ReplicaOptions {
  const { replication, storage } = config
  return {
    ...DEFAULTS,
    heartbeatMs: replication.heartbeat,
    viewChangeTimeoutMs: replication.viewChangeTimeout,
    resendMs: Math.max(2 * replication.heartbeat, DEFAULTS.resendMs),
    pipelineMax: replication.pipeline,
    batchCommandsMax: replication.batch.ops,
    batchBytesMax: replication.batch.bytes,
    clientsMax: replication.clients,
    checkpointEvery: storage.checkpointEvery,
    keepLogOperations: storage.keepLog.ops,
    keepLogMs: storage.keepLog.age,
  }
}
