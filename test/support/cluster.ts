/** A cluster of real nodes in one process: memory network, memory disks, real time. */

import { Chaos } from '../../src/chaos/chaos.ts'
import { createService, type MachineService } from '../../src/machine/compose.ts'
import { FeedMachine } from '../../src/machine/feed/feed-machine.ts'
import { KvMachine } from '../../src/machine/kv/kv.ts'
import type { Machine } from '../../src/machine/machine.ts'
import { MemoryHub } from '../../src/network/memory.ts'
import type { Meta } from '../../src/node/api.ts'
import type { NodeContext } from '../../src/node/context.ts'
import { NO_METRICS } from '../../src/node/metrics.ts'
import type { Node } from '../../src/node/node.ts'
import { openNode } from '../../src/node/open.ts'
import { shardOfKey } from '../../src/node/route.ts'
import { MemoryDisk } from '../../src/storage/memory.ts'
import type { SnapshotShelf } from '../../src/storage/snapshot-shelf.ts'
import { DEFAULTS, type ReplicaOptions } from '../../src/vr/options.ts'

const NO_PROCESS = {
  pid: 0,
  hasSupervisor: false,
  commandLine: '',
  kill: () => {
    throw new Error('a test is not to be killed')
  },
}

export class TestCluster {
  readonly hub = new MemoryHub()
  readonly names: readonly string[]
  readonly disks: readonly MemoryDisk[]
  readonly nodes = new Map<string, Node>()
  readonly failures: unknown[] = []
  readonly warnings: string[] = []
  /** Where all of them keep their snapshots, if anywhere. */
  snapshots: SnapshotShelf | undefined
  /** Of the nodes as they were started last. */
  readonly services = new Map<string, MachineService>()
  /** Of the nodes that run, where faults may be injected. */
  readonly chaos = new Map<string, Chaos>()
  readonly #options: ReplicaOptions
  readonly #faults: boolean

  /** Of nodes whose clock is not the machine's. */
  readonly clocks = new Map<string, () => number>()
  readonly contexts = new Map<string, NodeContext>()
  readonly #machines: () => readonly Machine[]

  constructor(
    n = 3,
    options: Partial<ReplicaOptions> = {},
    shards = 1,
    faults = false,
    machines: () => readonly Machine[] = () => [new KvMachine()],
  ) {
    this.#faults = faults
    this.#machines = machines
    this.names = Array.from({ length: n }, (_, i) => `n${i + 1}`)
    const members = this.names.map(name => ({ name, peerId: `peer-${name}`, addresses: [] }))
    this.disks = members.map(
      ({ name, peerId }) =>
        new MemoryDisk({
          clusterId: 'test',
          foundingId: 'f',
          peerId,
          name,
          incarnation: `i-${name}`,
          members,
          shards,
        }),
    )
    this.#options = { ...DEFAULTS, startGraceMs: 300, viewChangeTimeoutMs: 150, ...options }
  }

  async start(...names: string[]): Promise<void> {
    await Promise.all((names.length > 0 ? names : this.names).map(name => this.#start(name)))
  }

  async #start(name: string): Promise<void> {
    const disk = this.disks[this.names.indexOf(name)]
    if (disk === undefined) throw new Error(`no node ${name}`)
    const store = await disk.open()
    const network = this.hub.network(`peer-${name}`)
    const chaos = this.#faults
      ? new Chaos({ cluster: store.cluster, process: NO_PROCESS })
      : undefined
    const node = await openNode({
      version: 'test',
      minFreeBytes: 1024,
      rpcUrl: () => `http://${name}`,
      store: chaos?.store(store) ?? store,
      network: chaos?.network(network) ?? network,
      every: chaos?.every,
      wallMs: () => (this.clocks.get(name) ?? Date.now)(),
      onContext: context => {
        this.contexts.set(name, context)
        chaos?.watch(context)
      },
      snapshots: this.snapshots,
      replica: this.#options,
      service: (shard, shards) => {
        const owns = (feed: string) => shardOfKey(feed, shards) === shard
        const service = createService([...this.#machines(), new FeedMachine({ owns })])
        this.services.set(name, service)
        return service
      },
      metrics: NO_METRICS,
      metricsText: async () => undefined,
      log: { info() {}, warn() {} },
      warn: message => void this.warnings.push(message),
      fail: error => void this.failures.push(error),
    })
    this.nodes.set(name, node)
    if (chaos !== undefined) this.chaos.set(name, chaos)
  }

  node(name: string): Node {
    const node = this.nodes.get(name)
    if (node === undefined) throw new Error(`${name} is not running`)
    return node
  }

  async stop(...names: string[]): Promise<void> {
    for (const name of names.length > 0 ? names : [...this.nodes.keys()]) {
      this.chaos.get(name)?.heal()
      await this.node(name).stop()
      this.nodes.delete(name)
      this.chaos.delete(name)
    }
  }

  put(name: string, key: string, value: number | string, meta: Meta = {}) {
    const body = { op: 'put', key, value }
    return this.node(name).write({ machine: 'kv', keys: [key], body, meta })
  }

  async get(name: string, key: string, meta: Meta = {}): Promise<unknown> {
    const body = { op: 'get', key }
    const { result } = await this.node(name).read({ machine: 'kv', keys: [key], body, meta })
    return (result as { kv: { value: unknown } | null }).kv?.value
  }
}
