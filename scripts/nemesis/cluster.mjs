/** Three real daemons, driven by the public contract only; each ended by its own handle. */
import { spawn } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { CallError, call } from './rpc.mjs'
import { output, sleep, unmountAll } from './system.mjs'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
export const PROGRAM = join(ROOT, 'bin/viewstamp')
const BASE_PORT = 32_100
const READY_MS = 30_000

const children = new Set()
const directories = new Set()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
  unmountAll()
  for (const dir of directories) rmSync(dir, { recursive: true, force: true })
})

/** The directory goes away with this process. */
export function scratch() {
  const dir = mkdtempSync(join(tmpdir(), 'viewstamp-nemesis-'))
  directories.add(dir)
  return dir
}

export class Cluster {
  /**
   * `program`: another build. `wrap`: what goes before the command of node i. `host`: its address, for
   * daemons that have a network of their own; they found the cluster by themselves. `door`: the multiaddr at
   * which the others find it, if that is another one than where it listens.
   */
  constructor({ program = PROGRAM, wrap = () => [], host, door, yaml = () => '' } = {}) {
    this.n = 3
    this.dir = join(scratch(), 'c')
    this.program = program
    this.wrap = wrap
    this.host = host
    this.door = door
    this.nodes = Array.from({ length: this.n }, () => ({ child: undefined, exit: undefined }))
    if (host !== undefined) {
      for (let i = 0; i < this.n; i++) mkdirSync(this.dataDir(i), { recursive: true, mode: 0o700 })
      return
    }
    output(PROGRAM, ['init', '--dir', this.dir, '-n', '3', '--base-port', String(BASE_PORT)])
    for (let i = 0; i < this.n; i++) {
      const config = join(this.dataDir(i), 'config.yaml')
      writeFileSync(config, `${readFileSync(config, 'utf8')}\n${yaml(i)}\n`)
    }
  }

  get all() {
    return Array.from({ length: this.n }, (_, i) => i)
  }

  dataDir(i) {
    return join(this.dir, `n${i + 1}`)
  }

  url(i) {
    return this.host === undefined
      ? `http://127.0.0.1:${BASE_PORT + 10 * i + 1}`
      : `http://${this.host(i)}:7401`
  }

  #command(i) {
    if (this.host === undefined) return ['start', '--config', join(this.dataDir(i), 'config.yaml')]
    const address = k => `/ip4/${this.host(k)}/tcp/7400`
    const door = this.door ?? address
    const peers = [0, 1, 2].filter(k => k !== i).flatMap(k => ['--peer', door(k)])
    const own = ['--name', `n${i + 1}`, '--data-dir', this.dataDir(i), '--listen', address(i)]
    const told = this.door === undefined ? [] : ['--announce', door(i)]
    const rpc = ['--rpc', `${this.host(i)}:7401`, '--insecure-no-auth']
    return ['start', ...own, ...told, ...rpc, '--bootstrap-expect', '3', ...peers]
  }

  logFile(i) {
    return join(dirname(this.dir), `n${i + 1}.log`)
  }

  /** Resolves with the ms until it answers; rejects with its last words when it ends before. */
  start(i) {
    const before = performance.now()
    const log = openSync(this.logFile(i), 'a')
    const [file, ...args] = [...this.wrap(i), this.program, ...this.#command(i)]
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', log] })
    closeSync(log)
    children.add(child)
    const exit = new Promise(resolve => {
      child.once('exit', (code, signal) => {
        children.delete(child)
        node.child = undefined
        resolve(signal ?? code)
      })
    })
    const node = { child, exit }
    this.nodes[i] = node
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`n${i + 1} is not ready in 30 s`)), READY_MS)
      createInterface({ input: child.stdout }).on('line', line => {
        if (!line.includes('"event":"ready"')) return
        clearTimeout(late)
        resolve(performance.now() - before)
      })
      exit.then(how => {
        clearTimeout(late)
        reject(Object.assign(new Error(`n${i + 1} ended (${how}): ${this.lastWords(i)}`), { how }))
      })
    })
  }

  /** The sentence that it ended with, without a stack. */
  lastWords(i) {
    const lines = readFileSync(this.logFile(i), 'utf8').trim().split('\n')
    const last = lines.findLast(line => !/^ +at /.test(line)) ?? ''
    return last.startsWith('{') ? JSON.parse(last).msg : last
  }

  async startAll() {
    return Math.max(...(await Promise.all([0, 1, 2].map(i => this.start(i)))))
  }

  isUp(i) {
    return this.nodes[i].child !== undefined
  }

  signal(i, name) {
    this.nodes[i].child?.kill(name)
  }

  async kill(i) {
    this.signal(i, 'SIGKILL')
    return this.nodes[i].exit
  }

  /** Asked to end, and gone when this resolves. */
  async end(i) {
    this.signal(i, 'SIGTERM')
    return this.nodes[i].exit
  }

  async stop() {
    for (let i = 0; i < this.n; i++) {
      this.signal(i, 'SIGCONT')
      await this.kill(i)
    }
  }

  /** The primary as the highest view says. */
  async primary() {
    for (;;) {
      const asked = [0, 1, 2].filter(i => this.isUp(i))
      const shards = await Promise.all(asked.map(i => this.#shard(i)))
      const found = shards.filter(shard => shard?.isPrimary).sort((a, b) => b.view - a.view)[0]
      if (found !== undefined) return found.i
      await sleep(50)
    }
  }

  async #shard(i) {
    const status = await call(this.url(i), 'cluster.status', {}, 1000).catch(() => undefined)
    return status && { ...status.shards[0], i }
  }

  /** Polls until a write through each running node is acknowledged. Gives the ms it took. */
  async untilWritable(ms = 30_000) {
    const before = performance.now()
    for (let i = 0; i < this.n; i++) {
      while (this.isUp(i)) {
        const left = ms - (performance.now() - before)
        if (left <= 0) throw new Error(`no write through n${i + 1} within ${ms} ms`)
        const params = { key: 'nemesis/ready', value: i, meta: { timeoutMs: 1000 } }
        if (await call(this.url(i), 'kv.put', params, 1500).catch(() => undefined)) break
        await sleep(20)
      }
    }
    return performance.now() - before
  }

  /** As untilWritable, behind the end of a fault; longer than `mostMs` is an error. */
  async untilHealed(what, mostMs) {
    const tookMs = await this.untilWritable()
    if (tookMs <= mostMs) return tookMs
    throw new Error(`${what}: healed, and not writable for ${Math.round(tookMs)} ms`)
  }

  /** Polls until all nodes have the same state at the same op. Gives the ms it took. */
  async agree(ms = 30_000) {
    const before = performance.now()
    let seen = []
    while (performance.now() - before < ms) {
      seen = await Promise.all([0, 1, 2].map(i => this.#hash(i)))
      if (new Set(seen).size === 1) return performance.now() - before
      await sleep(50)
    }
    throw new Error(`the replicas do not agree within ${ms} ms: ${seen.join(' ')}`)
  }

  async #hash(i) {
    try {
      const params = { meta: { consistency: 'local' } }
      const { op, hash } = await call(this.url(i), 'kv.hash', params, 3000)
      return `${op}:${hash}`
    } catch (error) {
      if (error instanceof CallError || error.code) return `(n${i + 1}: ${error.message})`
      throw error
    }
  }
}
