/**
 * What is left of a replica whose data is damaged or lost is set aside, under `lost-1`, `lost-2` …, and
 * a store takes its place that has promised nothing and votes for nothing until the others have brought it
 * up to date (src/vr/recovery.ts; the argument is in docs/storage.md). Nothing is deleted.
 *
 * While it is under way a file `recovering` stands in the directory: cut short, it is to be done again,
 * never mistaken for a directory that may be founded.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openDatabase } from './database.ts'
import { foundStore, RECOVERING } from './open.ts'
import { PeersFile } from './peers-file.ts'
import type { ClusterRecord } from './port.ts'
import { StorageError } from './port.ts'
import { openingRefusal } from './refusal.ts'
import { CONDEMNED, replaceFile, syncDirectory } from './replace-file.ts'
import type { Superblock } from './superblock.ts'
import { SuperblockFile } from './superblock-file.ts'

export interface SetAside {
  /** Directory that holds what was found. */
  readonly kept: string
  readonly cluster: ClusterRecord
}

/** Damage that comes again and again is the disk's: what was set aside so often is looked at first. */
const KEPT_MAX = 5
/** In a smaller cluster the others are no quorum without this replica. */
const MEMBERS_MIN = 3
const PARTS = ['db', 'superblock', 'peers', 'witness', CONDEMNED]

/**
 * The database does not check, and the superblock does: the same replica goes on, knowing what view it
 * promised. Throws StorageError.
 */
export async function setDatabaseAside(dir: string): Promise<SetAside> {
  return guarded(dir, async () => {
    const superblock = await lastSuperblock(dir)
    if (superblock === undefined) {
      throw new StorageError(
        'damaged',
        `${join(dir, 'superblock')} is damaged or missing: what this replica promised is not known. Run: viewstamp recover --data-dir ${dir}`,
      )
    }
    return replace(dir, superblock.cluster, superblock)
  })
}

/** As a new incarnation, whatever is there. `cluster`: what the others know, where no superblock is left. */
export async function recoverStore(
  dir: string,
  cluster: Omit<ClusterRecord, 'incarnation'> | undefined,
): Promise<SetAside> {
  return guarded(dir, async () => {
    const superblock = await lastSuperblock(dir)
    const record = superblock?.cluster ?? cluster
    if (record === undefined) {
      throw new StorageError(
        'missing',
        `${dir} does not tell which cluster it belonged to (no superblock). Name the RPC endpoint of a node of it: viewstamp recover --data-dir ${dir} -e URL`,
      )
    }
    return replace(dir, { ...record, incarnation: newIncarnation(Date.now()) }, superblock)
  })
}

/** Later ones sort behind earlier ones, and behind those of a founding: see wire/hello.ts. */
export const newIncarnation = (nowMs: number): string =>
  `r${nowMs.toString(16).padStart(12, '0')}${randomBytes(8).toString('hex')}`

async function replace(
  dir: string,
  cluster: ClusterRecord,
  promised: Superblock | undefined,
): Promise<SetAside> {
  const isReplica = cluster.members.some(({ peerId }) => peerId === cluster.peerId)
  if (isReplica && cluster.members.length < MEMBERS_MIN) {
    throw new StorageError(
      'damaged',
      `${dir} is damaged, and a cluster of ${cluster.members.length} cannot bring back a node that lost its data. Restore the directory from a backup, or found a new cluster from a snapshot.`,
    )
  }
  const before = await readdir(dir)
  await replaceFile(join(dir, RECOVERING), 'The data of a replica is being replaced here.\n')
  const kept = await moveParts(dir)
  const earlier = before.includes(RECOVERING) ? lostIn(before).map(name => join(dir, name)) : []
  const peers = await wholePeers([kept, ...earlier])
  const bootCounter =
    promised?.cluster.incarnation === cluster.incarnation ? promised.bootCounter : 0
  await foundStore(dir, cluster, { remains: { bootCounter, peers, floors: promised?.floors } })
  await rm(join(dir, RECOVERING))
  await syncDirectory(dir)
  return { kept, cluster }
}

async function moveParts(dir: string): Promise<string> {
  const names = await readdir(dir)
  const numbers = names.map(name => Number(/^lost-(\d+)$/.exec(name)?.[1] ?? 0))
  const next = Math.max(0, ...numbers) + 1
  if (numbers.filter(n => n > 0).length >= KEPT_MAX) {
    throw new StorageError(
      'damaged',
      `${dir} was damaged ${KEPT_MAX} times (lost-1 … in it): look for the cause, most likely the disk. To go on, remove the lost-* directories and start the node again.`,
    )
  }
  const kept = join(dir, `lost-${next}`)
  await mkdir(kept, { mode: 0o700 })
  for (const part of PARTS) {
    if (names.includes(part)) await rename(join(dir, part), join(kept, part))
  }
  await syncDirectory(kept)
  await syncDirectory(dir)
  return kept
}

/** Here, or where a try that was cut short had moved it. */
async function lastSuperblock(dir: string): Promise<Superblock | undefined> {
  const names = await readdir(dir).catch((): string[] => [])
  const places = names.includes(RECOVERING) ? ['.', ...lostIn(names)] : ['.']
  for (const place of places) {
    const path = join(dir, place, 'superblock')
    // Unreadable is the same as lost here: the caller decides what follows.
    const file = await SuperblockFile.open(path).catch(() => undefined)
    if (file === undefined) continue
    const { now } = file
    await file.close()
    return now
  }
  return undefined
}

/** What was seen of the peers stays known, if it can be read in one of these places. */
async function wholePeers(places: readonly string[]): Promise<string | undefined> {
  for (const place of places) {
    const path = join(place, 'peers')
    const isWhole = await PeersFile.open(path).then(
      () => true,
      () => false,
    )
    if (isWhole) return path
  }
  return undefined
}

/** Names of what was set aside, the last first. */
const lostIn = (names: readonly string[]): string[] =>
  names
    .filter(name => /^lost-\d+$/.test(name))
    .sort((a, b) => Number(b.slice(5)) - Number(a.slice(5)))

/** Not under a daemon that runs there. */
async function guarded<T>(dir: string, act: () => Promise<T>): Promise<T> {
  try {
    const db = await openDatabase(join(dir, 'db'), 'existing').catch((error: unknown) => {
      const refusal = openingRefusal(dir, error)
      if (refusal instanceof StorageError && refusal.reason === 'locked') throw refusal
      return undefined
    })
    await db?.close()
    return await act()
  } catch (error) {
    throw openingRefusal(dir, error)
  }
}
