/**
 * The peers' harness as this benchmark uses it: its drivers and load generators, our order of work.
 * `directory` holds drivers/, lib/ and wrk/; its native generators lie beside it or in $LAB.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Probe } from '../probe.mjs'
import { residentMiB, sleep } from '../processes.mjs'
import { driverPath } from './driver-path.mjs'

const ourLua = fileURLToPath(new URL('./put.lua', import.meta.url))
const value = Buffer.alloc(128, 'v')
const keyCount = 10_000
const patienceMs = 30_000

/** Which driver starts the nodes, and which one writes to a single node that may be down. */
const drivers = {
  viewstamp: { cluster: 'viewstamp', writer: 'viewstamp' },
  etcd: { cluster: '_etcd', writer: 'etcd-http' },
  zookeeper: { cluster: 'zookeeper', writer: 'zookeeper' },
}

export class Harness {
  #directory
  #lab

  constructor(directory) {
    this.#directory = resolve(directory)
    this.#lab = process.env['LAB'] ?? resolve(this.#directory, '..')
    if (!existsSync(join(this.#directory, 'lib', 'gen.mjs'))) {
      throw new Error(
        `${directory} does not hold the peers' harness: it must have lib/ and drivers/`,
      )
    }
  }

  /** A running cluster, and ms from the start of its processes to the first acknowledged write. */
  async boot(system, dir) {
    const { Cluster } = await this.#driver(drivers[system].cluster)
    const cluster = new Cluster({ dir, n: 3 })
    const started = performance.now()
    await cluster.start()
    const startMs = await this.#firstWrite(system, cluster, started)
    return { system, cluster, startMs }
  }

  async shutDown({ cluster }) {
    await Promise.all(cluster.nodes.map(node => node.kill('SIGKILL')))
  }

  /** One sample: `path` is a driver of the harness or of ours, etcd-go, or wrk. */
  async sample({ system, cluster }, { path, op, inFlight }, { secs, warm }) {
    const pids = cluster.nodes.map(node => node.pid)
    const endpoint = cluster.endpoints[Math.max(0, await cluster.leader())]
    const window = { warm, secs, pids, meta: { op, conc: inFlight } }
    if (path === 'etcd-go') {
      const args = ['-endpoints', endpoint, '-op', op, '-clients', inFlight, '-secs', secs]
      return this.#external(join(this.#lab, 'etcdload'), [...args, '-warm', warm], window)
    }
    if (path === 'wrk') {
      const args = [
        '-t1',
        `-c${inFlight}`,
        `-d${secs + warm}s`,
        '-s',
        ...this.#wrk(system, endpoint),
      ]
      return this.#external('wrk', args, window)
    }
    const { load } = await this.#library('gen')
    const driver = this.#path(path)
    return load({ driver, endpoints: [endpoint], op, conc: inFlight, secs, warm, pids })
  }

  /** kill -9 of the leader: ms to the first acknowledgement of a write sent after it. */
  async failover({ system, cluster }) {
    const probe = await this.#probe(system, cluster)
    try {
      await sleep(1_500)
      const leader = await cluster.leader()
      if (leader < 0) throw new Error(`${system} had no leader`)
      const killed = performance.now()
      cluster.nodes[leader].kill('SIGKILL')
      const gap = await probe.firstAfter(killed, patienceMs)
      if (gap === undefined) throw new Error(`${system} took no write for ${patienceMs / 1000} s`)
      await sleep(200)
      cluster.nodes[leader].start()
      return gap
    } finally {
      probe.close()
    }
  }

  memory({ cluster }) {
    return cluster.nodes.map(node => residentMiB(node.pid))
  }

  async #firstWrite(system, cluster, started) {
    if (system === 'zookeeper') return this.#firstNode(cluster, started)
    const probe = await this.#probe(system, cluster)
    try {
      const ms = await probe.firstAfter(started, patienceMs)
      if (ms === undefined) throw new Error(`${system} took no write for ${patienceMs / 1000} s`)
      return ms
    } finally {
      probe.close()
    }
  }

  /** ZooKeeper writes only to what exists: its first write is the creation of a node. */
  async #firstNode(cluster, started) {
    const { connect } = await this.#driver('zookeeper')
    const create = async endpoint => {
      const client = await connect([endpoint], { conc: 1 })
      try {
        await client.create('/b')
      } finally {
        client.close()
      }
    }
    while (performance.now() < started + patienceMs) {
      for (const endpoint of cluster.endpoints) {
        const made = create(endpoint).then(
          () => true,
          () => false,
        )
        if (await made) return performance.now() - started
      }
      await sleep(10)
    }
    throw new Error(`zookeeper took no write for ${patienceMs / 1000} s`)
  }

  async #probe(system, cluster) {
    const { connect } = await this.#driver(drivers[system].writer)
    const connected = cluster.endpoints.map(e => connect([e], { conc: 1, lazy: true }))
    return new Probe(await Promise.all(connected), value)
  }

  async #external(command, args, window) {
    const { external } = await this.#library('ext')
    return external(command, args.map(String), window)
  }

  #wrk(system, endpoint) {
    if (system === 'viewstamp') return [ourLua, `http://${endpoint}`, '--', value.length, keyCount]
    const theirs = join(this.#directory, 'wrk', 'post.lua')
    return [theirs, `http://${endpoint}`, '--', '/v3/kv/put', 'etcdput', value.length, keyCount]
  }

  #path(name) {
    return name.startsWith('viewstamp') ? driverPath(name, this.#directory) : name
  }

  #driver(name) {
    return this.#import(join('drivers', `${this.#path(name)}.mjs`))
  }

  #library(name) {
    return this.#import(join('lib', `${name}.mjs`))
  }

  #import(path) {
    return import(pathToFileURL(join(this.#directory, path)).href)
  }
}
