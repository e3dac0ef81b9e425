/** Real daemons on loopback, started, killed and stopped as processes; ended by their own pid. */
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const PROGRAM = fileURLToPath(new URL('../../bin/viewstamp', import.meta.url))
const READY_MS = 30_000

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
    const child = spawn(PROGRAM, ['start', '--config', config], { stdio: ['ignore', 'pipe', log] })
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

  async #shard(i) {
    try {
      const response = await fetch(`${this.url(i)}/rpc`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"jsonrpc":"2.0","id":1,"method":"cluster.status"}',
        signal: AbortSignal.timeout(1_000),
      })
      return (await response.json()).result?.shards[0]
    } catch {
      // It is down or stopped: it is not the primary that anyone hears of.
      return undefined
    }
  }
}
