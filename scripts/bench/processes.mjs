/**
 * Child processes of a benchmark: started, measured and ended by their own handle, never by name.
 * Whatever way this process ends (finished, failed, Ctrl-C), none of them outlives it.
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'

const children = new Set()
const directories = new Set()

process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})

/** Ctrl-C and a polite kill end in the same clean-up as everything else. */
export function exitOnSignals() {
  process.once('SIGINT', () => process.exit(130))
  process.once('SIGTERM', () => process.exit(143))
  process.once('SIGHUP', () => process.exit(129))
}

/** The directory goes away with this process. */
export function removeAtExit(directory) {
  directories.add(directory)
}

/** Ends `child` with this process, if it has not ended by itself. */
export function adopt(child) {
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

/** A program that can be started again after it was killed, as a node of a cluster is. */
export class Program {
  constructor(name, command, args, { log, env } = {}) {
    this.name = name
    this.command = command
    this.args = args
    this.log = log
    this.env = env
    this.child = undefined
    this.exited = Promise.resolve()
  }

  get pid() {
    return this.child?.pid
  }

  start() {
    const out = this.log === undefined ? 'ignore' : openSync(this.log, 'a')
    const env = { ...process.env, ...this.env }
    const child = adopt(spawn(this.command, this.args, { stdio: ['ignore', out, out], env }))
    if (typeof out === 'number') closeSync(out)
    this.child = child
    this.exited = new Promise(resolve => {
      child.once('exit', resolve)
      child.once('error', error => {
        this.failure = error
        resolve()
      })
    })
    return this
  }

  alive() {
    const child = this.child
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null
  }

  /** Resolves when the process is gone. */
  kill(signal = 'SIGKILL') {
    this.child?.kill(signal)
    return this.exited
  }

  /** SIGTERM, and SIGKILL for one that does not listen. */
  async stop(patienceMs = 5_000) {
    const timer = setTimeout(() => this.child?.kill('SIGKILL'), patienceMs)
    await this.kill('SIGTERM')
    clearTimeout(timer)
  }
}

export function sleep(ms) {
  return new Promise(resolve => setTimeout(resolve, ms))
}

export function median(numbers) {
  const sorted = numbers.filter(n => Number.isFinite(n)).sort((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

// Linux counts process time in ticks of 10 ms for every program that asks through /proc.
const ticksPerSecond = 100

/** CPU seconds a process has used, all threads; NaN where there is no /proc, or no process. */
export function cpuSeconds(pid) {
  const stat = readProc(`/proc/${pid}/stat`)
  // The name in parentheses may hold spaces: count fields from its end.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields === undefined
    ? Number.NaN
    : (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** Resident memory in MiB; NaN where there is no /proc, or no process. */
export function residentMiB(pid) {
  const kib = /VmRSS:\s+(\d+)/.exec(readProc(`/proc/${pid}/status`) ?? '')?.[1]
  return kib === undefined ? Number.NaN : Number(kib) / 1024
}

/**
 * What a process holds, and what is mapped into it of files: its program, and tables that were read, which the system
 * takes back when it wants room. In MiB; NaN where there is no /proc, or no process.
 */
export function memoryMiB(pid) {
  const status = readProc(`/proc/${pid}/status`) ?? ''
  const of = name => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024
  return { held: of('RssAnon'), mapped: of('RssFile') }
}

/** CPU seconds the whole machine was busy since it started; NaN where there is no /proc. */
export function machineBusySeconds() {
  const line = readProc('/proc/stat')?.split('\n')[0]
  if (line === undefined) return Number.NaN
  const [user, nice, system, , , irq, softirq] = line.trim().split(/\s+/).slice(1).map(Number)
  return (user + nice + system + irq + softirq) / ticksPerSecond
}

function readProc(path) {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // No /proc on this system, or the process is gone: the figure is shown as unknown.
    return undefined
  }
}
