/** The data directory: who may read it, what it lies on, how fast a promise becomes durable there. */
import { randomBytes } from 'node:crypto'
import { open, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Finding } from './finding.ts'
import { codeOf, fail, mib, ok, warn } from './finding.ts'

/** Magic numbers of Linux's statfs. */
const REMOTE: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0x00c36400, 'Ceph'],
  [0x65735546, 'FUSE'],
])
const IN_MEMORY: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
])
const SYNCS = 40
const SYNC_BYTES = 4_096
/** A commit waits for two of these, one after the other; slower ones are felt. */
const SLOW_MS = 20

export async function checkDisk(dir: string, minFree: number): Promise<readonly Finding[]> {
  const found = await stat(dir).catch((error: unknown) => codeOf(error))
  if (typeof found === 'string') {
    // A first start makes it: then what it will lie on is looked at.
    if (found === 'ENOENT') return checkSpace(dirname(dir), minFree)
    const next = 'make the user that runs the daemon its owner'
    return [fail('data directory', `${dir} cannot be looked at (${found})`, next)]
  }
  return [
    access(dir, found.mode, found.uid),
    await keyFile(join(dir, 'identity.key')),
    ...(await checkSpace(dir, minFree)),
    await syncTime(dir),
  ]
}

export function access(dir: string, mode: number, uid: number): Finding {
  const own = process.getuid?.()
  if (own !== undefined && own !== 0 && uid !== own) {
    const next = 'run as its owner, or change the owner'
    return warn('data directory', `${dir} belongs to another user (${uid})`, next)
  }
  const open = (mode & 0o077) !== 0
  const shown = (mode & 0o777).toString(8)
  if (!open) return ok('data directory', `${dir}, mode ${shown}`)
  return warn('data directory', `${dir} has mode ${shown}: others may read it`, `chmod 700 ${dir}`)
}

async function keyFile(path: string): Promise<Finding> {
  const found = await stat(path).catch((error: unknown) => codeOf(error))
  if (found === 'ENOENT') return ok('identity key', 'none yet: the first start makes it')
  if (typeof found === 'string') {
    return fail('identity key', `${path} cannot be looked at (${found})`, 'give the daemon access')
  }
  if ((found.mode & 0o077) === 0) return ok('identity key', 'readable by its owner alone')
  const next = `chmod 600 ${path}; who has read it can act as this node`
  return fail('identity key', `${path} can be read by others`, next)
}

async function checkSpace(dir: string, minFree: number): Promise<readonly Finding[]> {
  try {
    const { type, bavail, bsize } = await statfs(dir)
    return [fileSystem(dir, type), room(bavail * bsize, minFree)]
  } catch (error) {
    const next = 'make the directory, or name another'
    return [fail('disk', `${dir} cannot be looked at (${codeOf(error)})`, next)]
  }
}

export function fileSystem(dir: string, type: number): Finding {
  const check = 'file system'
  const remote = REMOTE.get(type)
  if (remote !== undefined) {
    const next = 'use a local disk: a network that is slow or gone stops this node'
    return warn(check, `${dir} is on ${remote}`, next)
  }
  const memory = IN_MEMORY.get(type)
  if (memory === undefined) return ok(check, `type 0x${type.toString(16)}`)
  const next = 'use a disk: what this node promised is gone when the machine stops'
  return warn(check, `${dir} is on ${memory}`, next)
}

export function room(free: number, minFree: number): Finding {
  const detail = `${mib(free)} free, storage.minFree is ${mib(minFree)}`
  const next = 'free some space, or move the data directory to a larger disk'
  if (free < minFree) return fail('disk', `${detail}: writes are refused`, next)
  return free < 2 * minFree ? warn('disk', detail, next) : ok('disk', detail)
}

/** As a commit does it: a few kilobytes, then until the disk has them. */
async function syncTime(dir: string): Promise<Finding> {
  const path = join(dir, `doctor-${randomBytes(6).toString('hex')}.tmp`)
  const times: number[] = []
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      for (let i = 0; i < SYNCS; i++) {
        const start = performance.now()
        await file.write(Buffer.alloc(SYNC_BYTES, i), 0, SYNC_BYTES, i * SYNC_BYTES)
        await file.datasync()
        times.push(performance.now() - start)
      }
    } finally {
      await file.close()
    }
  } catch (error) {
    const next = 'make it writable for the user that runs the daemon'
    return fail('sync', `${dir} cannot be written to (${codeOf(error)})`, next)
  } finally {
    await rm(path, { force: true })
  }
  return synced(times)
}

export function synced(times: readonly number[]): Finding {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0
  const detail = `${times.length} syncs of 4 KiB: median ${at(0.5).toFixed(2)} ms, 99 % within ${at(0.99).toFixed(2)} ms`
  const next = 'every write waits for this on a majority of nodes: a faster disk, or less beside it'
  return at(0.99) > SLOW_MS ? warn('sync', detail, next) : ok('sync', detail)
}
