/** What the machine and Node allow before any replication: the figures are read beside these. */
import { fork } from 'node:child_process'
import { closeSync, fdatasync, openSync, statfsSync, unlinkSync, write } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { load } from './load.mjs'
import { adopt, median } from './processes.mjs'

const writeTo = promisify(write)
const syncData = promisify(fdatasync)
const tmpfs = 0x01021994
const ramfs = 0x858458f6

/** A directory in memory makes every fsync free, and the figures worthless. */
export function refuseMemory(dir) {
  const { type } = statfsSync(dir)
  if (type !== tmpfs && type !== ramfs) return
  throw new Error(`${dir} is in memory, where fsync costs nothing: give --dir on a disk`)
}

/** Appends of 4 KiB, each made durable, one after the other, as LevelDB's log does it. */
export async function syncsPerSecond(dir, secs) {
  const path = join(dir, 'sync-probe')
  const file = openSync(path, 'w')
  const block = Buffer.alloc(4096, 7)
  const times = []
  try {
    const until = performance.now() + secs * 1000
    let last = performance.now()
    while (last < until) {
      await writeTo(file, block, 0, block.length, null)
      await syncData(file)
      const now = performance.now()
      times.push(now - last)
      last = now
    }
  } finally {
    closeSync(file)
    unlinkSync(path)
  }
  return { perSecond: times.length / secs, p50Ms: median(times) }
}

/** An echo server in its own process; `use` gets its endpoint and pid. */
export async function withEcho(use) {
  const program = fileURLToPath(new URL('./echo-server.mjs', import.meta.url))
  const child = adopt(fork(program, ['0']))
  try {
    const port = await new Promise((resolve, reject) => {
      child.once('message', message => resolve(message.port))
      child.once('exit', code => reject(new Error(`the echo server ended with code ${code}`)))
    })
    return await use(`127.0.0.1:${port}`, child.pid)
  } finally {
    child.kill('SIGKILL')
  }
}

/** The same generator against a server that only parses and answers. */
export function echoLimits(secs) {
  return withEcho(async (endpoint, pid) => {
    const base = { endpoints: [endpoint], pids: [pid], secs, warmSecs: 0.3 }
    return {
      http: await load({ ...base, path: 'http', op: 'put', inFlight: 64 }),
      ws: await load({ ...base, path: 'ws', op: 'put', inFlight: 64 }),
      batch: await load({ ...base, path: 'http', op: 'batch', inFlight: 16 }),
    }
  })
}
