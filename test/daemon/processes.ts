/** Real daemons on loopback, driven through the public contract only; ended by their own pid. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export const ROOT = new URL('../..', import.meta.url).pathname
export const BIN = join(ROOT, 'bin/viewstamp')
export const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

export class RpcError extends Error {
  readonly code: number
  readonly data: { name?: string; outcome?: string; [member: string]: unknown }
  constructor(error: { code: number; message: string; data?: RpcError['data'] }) {
    super(`${error.data?.name ?? error.code}: ${error.message}`)
    this.code = error.code
    this.data = error.data ?? {}
  }
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 256 })
let nextId = 1

export function post(url: string, body: string, timeoutMs = 10_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    }
    const request = http.request(
      url,
      { agent, method: 'POST', headers, timeout: timeoutMs },
      res => {
        let text = ''
        res.setEncoding('utf8')
        res.on('data', (part: string) => {
          text += part
        })
        res.on('end', () => resolve(text))
        res.on('error', reject)
      },
    )
    request.on('timeout', () => request.destroy(new Error('no answer in time')))
    request.on('error', reject)
    request.end(body)
  })
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by the tests
export type Answer = any

export async function rpc(
  url: string,
  method: string,
  params: object = {},
  timeoutMs = 10_000,
): Promise<Answer> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: nextId++, method, params })
  const answer = JSON.parse(await post(`${url}/rpc`, body, timeoutMs))
  if (answer.error) throw new RpcError(answer.error)
  return answer.result
}

interface Running {
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
  isDead: boolean
}

export class Daemons {
  readonly dir: string
  readonly n: number
  readonly basePort: number
  readonly #running = new Map<number, Running>()
  /** What comes behind the members: standbys, or copies of members that a test makes. */
  #hasStandbys = false

  private constructor(dir: string, n: number, basePort: number) {
    this.dir = dir
    this.n = n
    this.basePort = basePort
  }

  /** `viewstamp init`; starts nothing. */
  static async init(n = 3, ...flags: string[]): Promise<Daemons> {
    const dir = mkdtempSync(join(tmpdir(), 'viewstamp-test-'))
    // And one more, for a copy that a test makes of a member.
    const daemons = new Daemons(join(dir, 'c'), n, await freeBase(n + 1))
    const base = String(daemons.basePort)
    cli(['init', '--dir', daemons.dir, '-n', String(n), '--base-port', base, ...flags])
    return daemons
  }

  /** With standbys: their numbers come behind those of the `n` replicas. */
  static async withStandbys(n: number, standbys: number): Promise<Daemons> {
    const dir = mkdtempSync(join(tmpdir(), 'viewstamp-test-'))
    const daemons = new Daemons(join(dir, 'c'), n, await freeBase(n + standbys + 1))
    daemons.#hasStandbys = true
    const base = String(daemons.basePort)
    const how = ['-n', String(n), '--standbys', String(standbys), '--base-port', base]
    cli(['init', '--dir', daemons.dir, ...how])
    return daemons
  }

  /** Nothing is written yet: the caller makes the directories. */
  static async planned(n = 3): Promise<Daemons> {
    const dir = mkdtempSync(join(tmpdir(), 'viewstamp-test-'))
    return new Daemons(join(dir, 'c'), n, await freeBase(n))
  }

  url(i: number): string {
    return `http://127.0.0.1:${this.basePort + 10 * i + 1}`
  }

  nameOf(i: number): string {
    return this.#hasStandbys && i >= this.n ? `standby${i - this.n + 1}` : `n${i + 1}`
  }

  config(i: number): string {
    return join(this.dir, this.nameOf(i), 'config.yaml')
  }

  /** Adds to a node's configuration file. */
  configure(i: number, yaml: string): void {
    writeFileSync(this.config(i), `${readFileSync(this.config(i), 'utf8')}\n${yaml}\n`)
  }

  /** Resolves when the daemon says that it is ready; rejects with its stderr when it ends before. */
  start(i: number, env: Record<string, string> = {}): Promise<void> {
    const log = join(this.dir, `${this.nameOf(i)}.log`)
    const fd = openSync(log, 'a')
    const child = spawn(BIN, ['start', '--config', this.config(i)], {
      stdio: ['ignore', 'pipe', fd],
      env: { ...process.env, ...env },
    })
    closeSync(fd)
    const running: Running = {
      child,
      isDead: false,
      exited: new Promise(resolve => {
        child.once('exit', code => {
          running.isDead = true
          resolve(code)
        })
      }),
    }
    this.#running.set(i, running)
    return new Promise((resolve, reject) => {
      const out = child.stdout
      if (out === null) return reject(new Error('no stdout'))
      createInterface({ input: out }).on('line', line => {
        if (line.includes('"event":"ready"')) resolve()
      })
      running.exited.then(code =>
        reject(
          new Error(
            `${this.nameOf(i)} ended with ${code}: ${readFileSync(log, 'utf8').slice(-2000)}`,
          ),
        ),
      )
    })
  }

  async startAll(): Promise<void> {
    await Promise.all(Array.from({ length: this.n }, (_, i) => this.start(i)))
  }

  isUp(i: number): boolean {
    return this.#running.get(i)?.isDead === false
  }

  signal(i: number, name: NodeJS.Signals): void {
    const running = this.#running.get(i)
    if (running && !running.isDead) running.child.kill(name)
  }

  async kill(i: number, name: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    this.signal(i, name)
    return (await this.#running.get(i)?.exited) ?? null
  }

  exited(i: number): Promise<number | null> {
    return this.#running.get(i)?.exited ?? Promise.resolve(null)
  }

  logOf(i: number): string {
    return readFileSync(join(this.dir, `${this.nameOf(i)}.log`), 'utf8')
  }

  /** The primary as the highest view says; −1: none is known. */
  async primary(): Promise<number> {
    let best = { view: -1, i: -1 }
    for (let i = 0; i < this.n; i++) {
      if (!this.isUp(i)) continue
      const status = await rpc(this.url(i), 'cluster.status', {}, 2000).catch(() => undefined)
      const shard = status?.shards[0]
      if (shard?.isPrimary && shard.view > best.view) best = { view: shard.view, i }
    }
    return best.i
  }

  /** Polls until a write through any running node is acknowledged. Gives the ms it took. */
  async untilWritable(ms = 20_000): Promise<number> {
    const start = Date.now()
    for (let k = 0; Date.now() - start < ms; k++) {
      for (let i = 0; i < this.n; i++) {
        if (!this.isUp(i)) continue
        const params = { key: 'test/ready', value: k, meta: { timeoutMs: 1000 } }
        const done = await rpc(this.url(i), 'kv.put', params, 1500).catch(() => undefined)
        if (done) return Date.now() - start
      }
      await sleep(20)
    }
    throw new Error(`not writable within ${ms} ms`)
  }

  /** Polls until the node answers, however it was started. */
  async untilServed(i: number, ms = 20_000): Promise<void> {
    const start = Date.now()
    while (Date.now() - start < ms) {
      if (await rpc(this.url(i), 'kv.hash', {}, 1000).catch(() => undefined)) return
      await sleep(20)
    }
    throw new Error(`n${i + 1} does not answer within ${ms} ms`)
  }

  /** Polls until all running nodes have the same state at the same op. */
  async agree(ms = 30_000): Promise<void> {
    const start = Date.now()
    let seen: string[] = []
    while (Date.now() - start < ms) {
      const up = Array.from({ length: this.n }, (_, i) => i).filter(i => this.isUp(i))
      seen = await Promise.all(
        up.map(async i => {
          const params = { meta: { consistency: 'local' } }
          const hash = await rpc(this.url(i), 'kv.hash', params, 3000).catch(() => undefined)
          return hash ? `${hash.op}:${hash.hash}` : `n${i + 1} does not answer`
        }),
      )
      if (new Set(seen).size === 1) return
      await sleep(100)
    }
    throw new Error(`replicas do not agree: ${seen}`)
  }

  async destroy(): Promise<void> {
    for (const [i] of this.#running) {
      this.signal(i, 'SIGCONT')
      await this.kill(i)
    }
    rmSync(join(this.dir, '..'), { recursive: true, force: true })
  }
}

/** Runs a command; gives its exit code and what it printed. */
export function cli(args: readonly string[]): { code: number; stdout: string; stderr: string } {
  try {
    const stdout = execFileSync(BIN, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    return { code: 0, stdout, stderr: '' }
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string }
    return { code: status, stdout, stderr }
  }
}

/** From 32768 on the system takes ports for connections of its own: one of a node that is down may be taken then. */
const PORTS_FROM = 20_000
const PORTS_TO = 32_000

/** A base port whose ports (libp2p and RPC of n nodes) are free now. */
export async function freeBase(n: number): Promise<number> {
  const bases = (PORTS_TO - PORTS_FROM) / 10 - n
  for (let k = 0; k < 100; k++) {
    const base = PORTS_FROM + 10 * Math.floor(Math.random() * bases)
    const ports = Array.from({ length: n }, (_, i) => [base + 10 * i, base + 10 * i + 1]).flat()
    const free = await Promise.all(ports.map(isFree))
    if (free.every(Boolean)) return base
  }
  throw new Error('no free ports')
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
