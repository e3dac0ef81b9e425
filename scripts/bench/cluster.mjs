/** A cluster of daemons on loopback, made with `viewstamp init` and `viewstamp start`. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { callOnce } from './client-http.mjs'
import { Program, sleep } from './processes.mjs'

/** This checkout's daemon; another one's, to compare two versions. */
const program =
  process.env['VIEWSTAMP_PROGRAM'] ?? fileURLToPath(new URL('../../bin/viewstamp', import.meta.url))

export class Cluster {
  /** Writes the nodes' directories below `dir`; starts nothing. `profile`: a directory for --cpu-prof. */
  constructor({ dir, size = 3, basePort, profile }) {
    if (!existsSync(program)) throw new Error(`${program} does not exist: run npm run build first`)
    mkdirSync(dir, { recursive: true })
    init(dir, size, basePort)
    this.endpoints = numbers(size, i => `127.0.0.1:${basePort + 10 * i + 1}`)
    this.directories = numbers(size, i => join(dir, `n${i + 1}`))
    this.nodes = numbers(size, i => node(dir, i, profile))
  }

  get pids() {
    return this.nodes.map(node => node.pid)
  }

  start() {
    for (const node of this.nodes) node.start()
  }

  async stop() {
    await Promise.all(this.nodes.map(node => node.stop()))
  }

  /** `cluster.status` of every node, undefined for one that does not answer. */
  statuses() {
    return Promise.all(
      this.endpoints.map((endpoint, i) =>
        this.nodes[i].alive()
          ? callOnce(endpoint, 'cluster.status').catch(() => undefined)
          : undefined,
      ),
    )
  }

  /** Index of the node that believes to be primary, in the latest view if two do; -1 if none. */
  async primary() {
    let found = -1
    let latest = -1
    for (const [i, status] of (await this.statuses()).entries()) {
      const shard = status?.shards[0]
      if (shard?.isPrimary !== true || shard.view <= latest) continue
      found = i
      latest = shard.view
    }
    return found
  }

  /** The highest view that any node is in. */
  async view() {
    const views = (await this.statuses()).map(status => status?.shards[0]?.view ?? -1)
    return Math.max(...views)
  }

  /** Until every node is normal, in one view, and has executed all but the last few ops. */
  async settled(timeoutMs = 20_000) {
    const until = performance.now() + timeoutMs
    while (!isSettled(await this.statuses())) {
      if (performance.now() > until) throw new Error(this.complaint('did not settle'))
      await sleep(50)
    }
  }

  /** Says which nodes have died, if any: what was measured then is not a cluster of this size. */
  assertAlive(during) {
    const dead = this.nodes.filter(node => !node.alive()).map(node => node.name)
    if (dead.length > 0) throw new Error(this.complaint(`lost ${dead.join(' and ')} in ${during}`))
  }

  /** A sentence, and the last lines of every node's log. */
  complaint(what) {
    const tails = this.nodes.map(node => {
      const state = node.alive() ? 'running' : 'not running'
      return `--- ${node.name} (${state}${node.failure ? `: ${node.failure.message}` : ''})\n${tail(node.log)}`
    })
    return `the cluster ${what}\n${tails.join('\n')}`
  }
}

/** A port such that `base + 10 i` and the next are free for every node. */
export async function freeBasePort(size = 3) {
  for (let attempt = 0; attempt < 50; attempt++) {
    // Below the ports that Linux gives to outgoing connections (32768 and up).
    const base = 24_000 + 100 * Math.floor(Math.random() * 80)
    const ports = numbers(size, i => [base + 10 * i, base + 10 * i + 1]).flat()
    const free = await Promise.all(ports.map(isFree))
    if (free.every(Boolean)) return base
  }
  throw new Error('no free block of ports from 24000 to 32000: give --base-port')
}

function isFree(port) {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

function init(dir, size, basePort) {
  const args = ['init', '--dir', dir, '-n', String(size), '--base-port', String(basePort)]
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8', timeout: 30_000 })
  if (status !== 0) throw new Error(`viewstamp ${args.join(' ')} failed: ${error ?? stderr}`)
}

function node(dir, i, profile) {
  const name = `n${i + 1}`
  const args = ['start', '--config', join(dir, name, 'config.yaml')]
  const log = join(dir, `${name}.log`)
  if (profile === undefined) return new Program(name, program, args, { log })
  const flags = ['--cpu-prof', `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${name}.cpuprofile`]
  return new Program(name, process.execPath, [...flags, program, ...args], { log })
}

function isSettled(statuses) {
  const shards = statuses.map(status => status?.shards[0])
  if (shards.some(shard => shard === undefined || shard.status !== 'normal')) return false
  const commit = Math.max(...shards.map(shard => shard.commit))
  const oneView = shards.every(shard => shard.view === shards[0].view)
  return oneView && shards.every(shard => shard.applied >= commit - 5)
}

function tail(log) {
  const text = existsSync(log) ? readFileSync(log, 'utf8') : '(no log)'
  return text.split('\n').slice(-8).join('\n')
}

function numbers(size, each) {
  return Array.from({ length: size }, (_, i) => each(i))
}
