/** Real daemons on loopback, started, killed and stopped as processes; ended by their own pid. */
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { call } from './rpc.mjs'
import { sleep } from './system.mjs'

export const PROGRAM = fileURLToPath(new URL('../../bin/viewstamp', import.meta.url))
const READY_MS = 30_000
const WRITABLE_MS = 30_000

const children = new Set()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** Ends with this process, however that ends. */
export function adopt(child) {
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

export class Daemons {
  #children = []

  /** Writes the directories of a new cluster below `dir`; starts nothing. */
  constructor(dir, n, basePort) {
    this.dir = dir
    this.n = n
    this.basePort = basePort
    const size = ['-n', String(n), '--base-port', String(basePort)]
    execFileSync(PROGRAM, ['init', '--dir', dir, ...size], { stdio: 'ignore' })
  }

  get all() {
    return Array.from({ length: this.n }, (_, i) => i)
  }

  url(i) {
    return `http://127.0.0.1:${this.basePort + 10 * i + 1}`
  }

  /** Resolves when it says that it is ready. */
  start(i) {
    const log = openSync(join(this.dir, `n${i + 1}.log`), 'a')
    const config = join(this.dir, `n${i + 1}`, 'config.yaml')
    const words = ['start', '--config', config]
    const child = adopt(spawn(PROGRAM, words, { stdio: ['ignore', 'pipe', log] }))
    closeSync(log)
    this.#children[i] = child
    return new Promise((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`n${i + 1} is not ready within ${READY_MS} ms`)),
        READY_MS,
      )
      let said = ''
      child.stdout.on('data', part => {
        said += part
        if (!said.includes('"event":"ready"')) return
        clearTimeout(late)
        resolve()
      })
      child.once('exit', code => {
        clearTimeout(late)
        reject(new Error(`n${i + 1} ended with ${code}: see its log in ${this.dir}`))
      })
    })
  }

  startAll() {
    return Promise.all(this.all.map(i => this.start(i)))
  }

  /** kill -9, and it is gone when this resolves. */
  kill(i) {
    const child = this.#children[i]
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
    const gone = new Promise(resolve => child.once('exit', resolve))
    // A process that is stopped is killed all the same.
    child.kill('SIGKILL')
    return gone
  }

  /** Asked to end, and gone when this resolves. */
  end(i) {
    const gone = new Promise(resolve => this.#children[i].once('exit', resolve))
    this.signal(i, 'SIGTERM')
    return gone
  }

  signal(i, name) {
    this.#children[i].kill(name)
  }

  killAll() {
    return Promise.all(this.#children.map((_, i) => this.kill(i)))
  }

  /** As most recent view has it; any node if nobody says. */
  async primary() {
    const answers = await Promise.all(this.all.map(i => this.#shard(i)))
    const best = answers
      .map((shard, i) => ({ i, view: shard?.isPrimary ? shard.view : -1 }))
      .sort((a, b) => b.view - a.view)[0]
    return best.view < 0 ? Math.floor(Math.random() * this.n) : best.i
  }

  /** Until a write is acknowledged, through whichever node. */
  async untilWritable() {
    const end = performance.now() + WRITABLE_MS
    for (let turn = 0; performance.now() < end; turn++) {
      const params = { key: 'nemesis/ready', value: turn, meta: { timeoutMs: 1000 } }
      try {
        return await call(this.url(turn % this.n), 'kv.put', params, 1500)
      } catch {
        // Not yet, or not through this node.
        await sleep(20)
      }
    }
    throw new Error(`no write within ${WRITABLE_MS} ms of the fault`)
  }

  async #shard(i) {
    try {
      return (await call(this.url(i), 'cluster.status', {}, 1_000)).shards[0]
    } catch {
      // It is down or stopped: it is not the primary that anyone hears of.
      return undefined
    }
  }
}
