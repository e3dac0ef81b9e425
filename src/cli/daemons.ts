/**
 * The daemons of a demo: child processes whose logs are passed on with their names in front. One
 * that dies stays dead; its death is told, with the line that starts it again. One that asked to come
 * back before it died (chaos.restart) is started again.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { isObject } from '../base/json.ts'
import { quote } from '../base/shell.ts'
import { COME_BACK, END_WITH_ME } from '../chaos/own-process.ts'
import { pause } from '../client/pause.ts'
import type { Context } from './context.ts'

export interface Seat {
  readonly name: string
  readonly config: string
  readonly rpc: string
  readonly ports: readonly number[]
  /** Faults may be injected, if its configuration is asked. */
  readonly chaos: boolean
}

export interface Program {
  readonly program: string
  readonly typed: string
  /** Go with `start`, for every daemon. */
  readonly flags: readonly string[]
}

interface Daemon {
  readonly seat: Seat
  readonly child: ChildProcess
  readonly ready: Promise<boolean>
  readonly gone: Promise<void>
  alive: boolean
  /** It asked to be started again. */
  comesBack: boolean
  /** It answers again, started by hand. */
  elsewhere: boolean
}

const STOP_MS = 10_000
const LOOK_MS = 500

export class Daemons {
  readonly #context: Context
  readonly #seats: readonly Seat[]
  /** The program to run, and how a user would type it. */
  readonly #program: Program
  readonly #daemons: Daemon[] = []
  /** A death before all were up is a failed start, after the end began no news. */
  #phase: 'starting' | 'up' | 'stopping' = 'starting'

  constructor(context: Context, seats: readonly Seat[], program: Program) {
    this.#context = context
    this.#seats = seats
    this.#program = program
  }

  /** Resolves when all answer, or when one has failed to start. */
  async start(): Promise<'up' | 'failed'> {
    for (const seat of this.#seats) this.#daemons.push(this.#spawn(seat))
    const all = await Promise.all(this.#daemons.map(daemon => daemon.ready))
    if (all.includes(false)) return 'failed'
    this.#phase = 'up'
    this.#lookForReturns()
    return 'up'
  }

  running(): readonly { readonly name: string; readonly pid: number; readonly rpc: string }[] {
    return this.#daemons
      .filter(daemon => daemon.alive)
      .map(({ seat, child }) => ({ name: seat.name, rpc: seat.rpc, pid: child.pid ?? 0 }))
  }

  /** Name of the primary, waiting a little for the first view; undefined if there is none. */
  async primary(): Promise<string | undefined> {
    const client = this.#context.client(this.running().map(node => node.rpc))
    for (let attempt = 0; attempt < 40; attempt++) {
      const status = await client.call('cluster.status', {}).catch(() => undefined)
      const shards = status?.['shards']
      const shard = Array.isArray(shards) ? shards[0] : undefined
      if (isObject(shard) && typeof shard['primary'] === 'string' && shard['status'] === 'normal') {
        return shard['primary']
      }
      await pause(50)
    }
    return undefined
  }

  /** Stops ours; gives the names of those that were started by hand and run on. */
  async stop(): Promise<readonly string[]> {
    this.#phase = 'stopping'
    const ours = this.#daemons.filter(daemon => daemon.alive)
    for (const { child } of ours) child.kill('SIGTERM')
    const late = setTimeout(() => this.killAll(), STOP_MS)
    await Promise.all(ours.map(daemon => daemon.gone))
    clearTimeout(late)
    return this.#daemons.filter(daemon => daemon.elsewhere).map(daemon => daemon.seat.name)
  }

  killAll(): void {
    for (const { child, alive } of this.#daemons) if (alive) child.kill('SIGKILL')
  }

  #spawn(seat: Seat): Daemon {
    const { colored } = this.#context.terminal
    const { program, flags } = this.#program
    // A process group of its own: Ctrl-C reaches the demo alone, which then stops each one once.
    const child = spawn(
      process.execPath,
      [program, 'start', '--config', seat.config, '--log-format', 'pretty', ...flags],
      {
        // The last is for one word each way: start me again; end with me.
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        detached: true,
        // Few arenas of malloc: docs/operations.md, What to look at.
        env: { MALLOC_ARENA_MAX: '2', ...process.env, ...(colored && { FORCE_COLOR: '1' }) },
      },
    )
    // One that has ended already hears nothing, and its end is told below.
    child.send(END_WITH_ME, () => undefined)
    const ready = new Promise<boolean>(done => {
      this.#firstLine(child.stdout, () => done(true))
      child.once('exit', () => done(false))
    })
    this.#passOn(seat.name, child.stderr)
    const gone = new Promise<void>(done => child.once('exit', () => done()))
    const state = { alive: true, comesBack: false, elsewhere: false }
    const daemon: Daemon = { seat, child, ready, gone, ...state }
    child.on('message', message => {
      if (isObject(message) && message['viewstamp'] === COME_BACK.viewstamp) daemon.comesBack = true
    })
    child.once('exit', (code, signal) => {
      daemon.alive = false
      if (this.#phase === 'up' && daemon.comesBack) void this.#restart(daemon)
      else if (this.#phase !== 'stopping') {
        this.#announceDeath(daemon, signal ?? `exit code ${code}`)
      }
    })
    return daemon
  }

  async #restart(former: Daemon): Promise<void> {
    const { terminal } = this.#context
    const name = terminal.node(former.seat.name)
    terminal.message(`${name} ${terminal.style('has ended', 'bold', 'red')} and is started again`)
    const daemon = this.#spawn(former.seat)
    this.#daemons[this.#daemons.indexOf(former)] = daemon
    if (!(await daemon.ready)) return
    const back = terminal.style('is back', 'green')
    terminal.message(`${name} ${back} (pid ${daemon.child.pid})`)
  }

  /** A daemon prints one line when it is ready. */
  #firstLine(stream: Readable | null, then: () => void): void {
    if (stream !== null) createInterface({ input: stream }).once('line', then)
  }

  #passOn(name: string, stream: Readable | null): void {
    if (stream === null) return
    const { terminal } = this.#context
    const label = terminal.node(name, name.padEnd(3))
    createInterface({ input: stream }).on('line', line => {
      // That nodes lose each other at the end is no news; what goes wrong then is.
      if (this.#phase === 'stopping' && !/ (WARN|ERROR|FATAL) /.test(line)) return
      this.#context.note(`${label} ${terminal.style('│', 'dim')} ${line}`)
    })
  }

  #announceDeath({ seat }: Daemon, how: string): void {
    const { terminal } = this.#context
    const { typed } = this.#program
    if (this.#phase === 'starting') {
      return terminal.message(
        `${terminal.node(seat.name)} did not start (${how}); its messages are above`,
      )
    }
    terminal.message(
      `\n${terminal.node(seat.name)} ${terminal.style('is dead', 'bold', 'red')} (${how}). To start it again, in another terminal:\n  ${typed} start --config ${quote(seat.config)}\n`,
    )
  }

  /** Dead ones that were started again by hand are told about, too. */
  #lookForReturns(): void {
    const timer = setInterval(() => {
      for (const daemon of this.#daemons) if (!daemon.alive) void this.#look(daemon)
    }, LOOK_MS)
    timer.unref()
  }

  async #look(daemon: Daemon): Promise<void> {
    const { seat } = daemon
    const answers = await this.#answers(seat.rpc)
    if (answers === daemon.elsewhere || this.#phase === 'stopping') return
    daemon.elsewhere = answers
    const { terminal } = this.#context
    const what = answers
      ? terminal.style('is back', 'green')
      : terminal.style('is gone again', 'red')
    terminal.message(`${terminal.node(seat.name)} ${what}`)
  }

  #answers(rpc: string): Promise<boolean> {
    const client = this.#context.client([rpc])
    return client.call('system.ping', {}, { timeoutMs: LOOK_MS }).then(
      () => true,
      () => false,
    )
  }
}
