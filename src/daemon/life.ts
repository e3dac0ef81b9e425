/**
 * One opening of the data and all that ends when it is closed: network, store, the life of the node on them. A
 * process has one; or several, when damage is met and mended (mending.ts).
 */
import { join } from 'node:path'
import { Chaos } from '../chaos/chaos.ts'
import { ownProcess } from '../chaos/own-process.ts'
import type { Mended } from '../node/api.ts'
import type { NodeContext } from '../node/context.ts'
import type { FeedDefaults } from '../node/feeds.ts'
import type { NodeLife } from '../node/node.ts'
import { openLife } from '../node/open.ts'
import { StorageError, type Store } from '../storage/port.ts'
import { setDatabaseAside } from '../storage/set-aside.ts'
import { SnapshotShelf } from '../storage/snapshot-shelf.ts'
import { VERSION } from '../version.ts'
import type { ReplicaOptions } from '../vr/options.ts'
import { DEFAULTS } from '../vr/options.ts'
import type { Config } from './config.ts'
import { type Opened, openData } from './data.ts'
import type { Logger } from './log.ts'
import type { loadMachines } from './machines.ts'
import type { DaemonMetrics } from './metrics.ts'

export interface Means {
  readonly config: Config
  readonly log: Logger
  readonly service: Awaited<ReturnType<typeof loadMachines>>
  readonly metrics: DaemonMetrics
  /** Where RPC will be answered; undefined: nowhere. */
  readonly url: string | undefined
  /** The process has to end. */
  readonly fail: (error: unknown) => void
  /** The data has to be opened again. */
  readonly damaged: (error: StorageError) => void
  readonly mended: () => Mended | undefined
}

export class Lives {
  readonly #means: Means
  #chaos: Chaos | undefined

  constructor(means: Means) {
    this.#means = means
  }

  /** Faults stay in force from life to life. Undefined: not allowed, or there was no life yet. */
  get chaos(): Chaos | undefined {
    return this.#chaos
  }

  /** What is damaged beyond repair is set aside, once. */
  async open(before?: NodeContext): Promise<NodeLife> {
    const { config, log } = this.#means
    try {
      return await this.#openOnce(before)
    } catch (error) {
      if (!isDamage(error)) throw error
      log.warn(error.message)
      const { kept } = await setDatabaseAside(config.node.dataDir)
      log.warn(
        `the damaged data is in ${kept}; ${config.node.name} votes for nothing until it has fetched everything from the others`,
      )
      return await this.#openOnce(before)
    }
  }

  async #openOnce(before: NodeContext | undefined): Promise<NodeLife> {
    const { config, log } = this.#means
    const opened = await openData(config, log)
    try {
      return await this.#live(opened, before)
    } catch (error) {
      await opened.network.stop()
      await opened.store.close()
      throw error
    }
  }

  #live({ store, network }: Opened, before: NodeContext | undefined): Promise<NodeLife> {
    const { config, log, service, metrics, url, fail, damaged, mended } = this.#means
    if (config.chaos) this.#chaos ??= chaosOf(config, store)
    const chaos = this.#chaos
    return openLife({
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
      fail,
      damaged,
      mended,
      before,
      onContext: (context, writer) => {
        metrics.watch(context, writer)
        chaos?.watch(context)
      },
    })
  }
}

/** What the superblock, which is whole, says was there and is not: the others have it. */
function isDamage(error: unknown): error is StorageError {
  if (!(error instanceof StorageError)) return false
  return error.reason === 'damaged' || error.reason === 'rolled-back'
}

function chaosOf({ cluster: { standbys } }: Config, { cluster }: Store): Chaos {
  return new Chaos({ cluster, standbys, process: ownProcess() })
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
