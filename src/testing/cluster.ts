/**
 * A cluster in one process: real nodes over a network and disks in memory, so a test needs no port and no
 * directory. Faults: partitions, nodes killed and started again, disks that fill up.
 */
import { createHash } from 'node:crypto'
import { present } from '../base/assert.ts'
import { useSha256 } from '../base/hash.ts'
import type { JsonObject } from '../base/json.ts'
import { createService, type MachineService } from '../machine/compose.ts'
import type { MachineDefinition } from '../machine/define.ts'
import { checkDefinition } from '../machine/define.ts'
import { instantiate } from '../machine/defined.ts'
import { FeedMachine } from '../machine/feed/feed-machine.ts'
import { KvMachine } from '../machine/kv/kv.ts'
import { MemoryHub } from '../network/memory.ts'
import type { Network } from '../network/port.ts'
import type { NodeApi } from '../node/api.ts'
import { NO_METRICS } from '../node/metrics.ts'
import type { Node } from '../node/node.ts'
import { openNode } from '../node/open.ts'
import { shardOfKey } from '../node/route.ts'
import { callMethod } from '../rpc/local.ts'
import { MemoryDisk } from '../storage/memory.ts'
import { VERSION } from '../version.ts'
import { DEFAULTS } from '../vr/options.ts'

useSha256(bytes => createHash('sha256').update(bytes).digest('hex'))

export interface ClusterOptions {
  /** How many; they are called n1, n2 … Default 3. */
  readonly nodes?: number
  readonly shards?: number
  /** State machines of your own, besides keys and values. */
  readonly machines?: readonly MachineDefinition[]
}

interface Running {
  readonly node: Node
  readonly network: Network
}

/** Impatient: a test's cluster is on one machine. */
const REPLICA = { ...DEFAULTS, startGraceMs: 300, viewChangeTimeoutMs: 150 }
const MIN_FREE_BYTES = 2 ** 20

/** Starts it; `stop` it at the end of the test. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = new Cluster(options)
  await Promise.all(cluster.names.map(name => cluster.start(name)))
  return cluster
}

export class Cluster {
  readonly names: readonly string[]
  readonly #hub = new MemoryHub()
  readonly #disks: ReadonlyMap<string, MemoryDisk>
  readonly #running = new Map<string, Running>()
  readonly #failures: unknown[] = []
  readonly #service: (shard: number, shards: number) => MachineService

  constructor({ nodes = 3, shards = 1, machines = [] }: ClusterOptions = {}) {
    for (const machine of machines) checkDefinition(machine)
    this.#service = (shard, of) =>
      createService([
        new KvMachine(),
        new FeedMachine({ owns: feed => shardOfKey(feed, of) === shard }),
        ...machines.map(machine => instantiate(machine)),
      ])
    this.names = Array.from({ length: nodes }, (_, i) => `n${i + 1}`)
    const members = this.names.map(name => ({ name, peerId: peerOf(name), addresses: [] }))
    const record = { clusterId: 'testing', foundingId: 'testing', members, shards }
    this.#disks = new Map(
      members.map(({ name, peerId }) => [
        name,
        new MemoryDisk({ ...record, peerId, name, incarnation: `first ${name}` }),
      ]),
    )
  }

  /** A node that is not running starts, with what its disk holds. */
  async start(name: string): Promise<void> {
    if (this.#running.has(name)) throw new Error(`${name} is running`)
    const network = this.#hub.network(peerOf(name))
    const node = await openNode({
      version: VERSION,
      minFreeBytes: MIN_FREE_BYTES,
      rpcUrl: () => undefined,
      store: await this.#disk(name).open(),
      network,
      replica: REPLICA,
      service: this.#service,
      metrics: NO_METRICS,
      metricsText: async () => undefined,
      log: { info() {}, warn() {} },
      fail: error => void this.#failures.push(error),
    })
    this.#running.set(name, { node, network })
  }

  /** Ends as a killed process does: nobody is told, and it hands nothing over. */
  async kill(name: string): Promise<void> {
    const { node, network } = this.#runningNode(name)
    this.#running.delete(name)
    await network.stop()
    await node.stop()
  }

  /** Killed, if it runs, and started again. */
  async restart(name: string): Promise<void> {
    if (this.#running.has(name)) await this.kill(name)
    await this.start(name)
  }

  /** Only nodes of one group reach each other; those in none are alone. */
  partition(...groups: readonly (readonly string[])[]): void {
    this.#hub.partition(...groups.map(group => group.map(peerOf)))
  }

  /** Everybody reaches everybody again. */
  heal(): void {
    this.#hub.heal()
  }

  /** The disk of the node has so much free from now on; less than 1 MiB is too little to write. */
  setFreeBytes(name: string, bytes: number): void {
    this.#disk(name).freeBytes = bytes
  }

  /** A method of the contract through one node: `call('n1', 'kv.put', { key: 'x', value: 1 })`. */
  call(name: string, method: string, params: JsonObject = {}): Promise<JsonObject> {
    return callMethod(this.api(name), method, params)
  }

  api(name: string): NodeApi {
    return this.#runningNode(name).node
  }

  /** Name of the primary as the running node with the highest view knows it. */
  primary(shard = 'main'): string | null {
    let best: { readonly view: number; readonly primary: string | null } | undefined
    for (const { node } of this.#running.values()) {
      const header = node.header(shard)
      if (best === undefined || header.view > best.view) best = header
    }
    return best?.primary ?? null
  }

  /** Stops all. Throws what made a node fail, if one did. */
  async stop(): Promise<void> {
    for (const name of [...this.#running.keys()]) await this.kill(name)
    if (this.#failures.length > 0) throw this.#failures[0]
  }

  #runningNode(name: string): Running {
    const running = this.#running.get(name)
    if (running) return running
    throw new Error(`${name} is not running; there are ${this.names.join(', ')}`)
  }

  #disk(name: string): MemoryDisk {
    return present(this.#disks.get(name), `the cluster has a node ${name}`)
  }
}

const peerOf = (name: string): string => `peer of ${name}`
