/** This machine: the runtime, limits and memory. */
import { readFile } from 'node:fs/promises'
import { freemem, totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import type { Finding } from './finding.ts'
import { fail, mib, ok, unless, warn } from './finding.ts'

const NODE_MIN = [20, 19] as const
const FILES_MIN = 4_096
const FREE_MIN = 256 * 2 ** 20

export async function checkMachine(): Promise<readonly Finding[]> {
  return [runtime(process.versions.node), await openFiles(), memory(freemem(), totalmem())]
}

export function runtime(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isOld = major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])
  const least = NODE_MIN.join('.')
  const old = isOld
    ? fail('node', `Node.js ${version}`, `install Node.js ${least} or later`)
    : undefined
  return unless(old, 'node', `Node.js ${version}`)
}

/** LevelDB keeps up to a thousand tables open, beside the connections. */
async function openFiles(): Promise<Finding> {
  const text = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  return fileLimit(/^Max open files\s+(\S+)/m.exec(text)?.[1])
}

export function fileLimit(soft: string | undefined): Finding {
  const check = 'open files'
  if (soft === undefined) return ok(check, 'the limit is not told on this system')
  if (soft === 'unlimited' || Number(soft) >= FILES_MIN) return ok(check, `at most ${soft}`)
  return warn(check, `at most ${soft}`, `raise the limit: ulimit -n ${FILES_MIN}, or LimitNOFILE`)
}

/** All keys and values are in memory. */
export function memory(free: number, total: number): Finding {
  const heap = getHeapStatistics().heap_size_limit
  const detail = `${mib(free)} of ${mib(total)} free; a daemon may use ${mib(heap)} for objects`
  const next = 'all keys and values must fit: free memory, or move the node'
  return free < FREE_MIN ? warn('memory', detail, next) : ok('memory', detail)
}
