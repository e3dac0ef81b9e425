/**
 * The life of a data directory: founded once, opened many times, never founded again in place.
 *
 *   db/          LevelDB
 *   superblock   identity, boot counter, floors; four copies
 *   peers        what was seen of the peers
 *   witness      how far the log was durable, beside what the superblock knows
 *   forming      there only while the directory is being founded
 *   recovering   there only while lost data is being replaced (set-aside.ts)
 *   condemned    says why what is here must not be trusted: the state was not that of the others
 */
import { chmod, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { assert, present } from '../base/assert.ts'
import type { VsrRecord } from '../vr/effect.ts'
import type { CheckpointId } from '../vr/message.ts'
import type { ServiceRecord } from '../vr/service.ts'
import { auditShard, removeUnfinished } from './audit.ts'
import type { Database } from './database.ts'
import { openDatabase } from './database.ts'
import { seal } from './envelope.ts'
import { manifestKey, vsrKey } from './keys.ts'
import { LevelStore } from './level-store.ts'
import { encodeManifest, encodeVsr, firstManifest, genesisOf } from './manifest.ts'
import { PeersFile } from './peers-file.ts'
import type { ClusterRecord, Store } from './port.ts'
import * as refusal from './refusal.ts'
import { Damage, UnknownFormat } from './refusal.ts'
import { CONDEMNED, replaceFile, syncDirectory } from './replace-file.ts'
import type { ShardStore } from './shard-store.ts'
import { putRecord } from './shard-store.ts'
import type { ShardFloor } from './superblock.ts'
import { SHARDS_MAX } from './superblock.ts'
import { SuperblockFile } from './superblock-file.ts'
import { WitnessFile } from './witness-file.ts'

/** Name of the marker of set-aside.ts. */
export const RECOVERING = 'recovering'

export interface OpenOptions {
  /** Refuse the directory of another cluster or node. */
  readonly clusterId?: string | undefined
  readonly peerId?: string | undefined
}

/** `none`: may be founded. `complete`: may be opened. `partial`: what is there is not whole. */
export interface StoreCondition {
  readonly state: 'none' | 'complete' | 'partial'
  readonly detail: string
}

/** Founds a directory that holds no store. Cut short, it leaves `forming` behind, and is done again. */
export async function createStore(
  dir: string,
  cluster: ClusterRecord,
  start?: StartingState,
): Promise<void> {
  try {
    const { state } = await inspect(dir)
    if (state !== 'none') throw refusal.notEmpty(dir)
    await foundStore(dir, cluster, { start })
  } catch (error) {
    throw refusal.openingRefusal(dir, error)
  }
}

/** What a replica that lost its data still knows. */
export interface Remains {
  readonly bootCounter: number
  /** A `peers` file that is whole. */
  readonly peers: string | undefined
  /** What it promised; undefined: that is not known. */
  readonly floors: readonly ShardFloor[] | undefined
}

/** State that a cluster is founded with, instead of none. */
export interface StartingState {
  /** Of each shard. */
  readonly checkpoints: readonly CheckpointId[]
  records(): AsyncIterable<{ readonly shard: number; readonly records: readonly ServiceRecord[] }>
}

/** `remains`: for a replica that has lost its data, and is to recover. */
export async function foundStore(
  dir: string,
  cluster: ClusterRecord,
  { remains, start }: { remains?: Remains; start?: StartingState | undefined },
): Promise<void> {
  assert(cluster.shards >= 1 && cluster.shards <= SHARDS_MAX, 'a cluster has 1 to 1000 shards')
  await makeRoom(dir)
  const checkpoints = Array.from(
    { length: cluster.shards },
    (_, shard) => start?.checkpoints[shard] ?? genesisOf(cluster, shard).checkpoint,
  )
  const floors = checkpoints.map(({ opNumber, checksum }, shard) => ({
    vsr: remains?.floors?.[shard]?.vsr ?? genesisOf(cluster, shard).vsr,
    witness: { opNumber, checksum },
    manifestSequence: 1,
  }))
  await formDatabase(join(dir, 'db'), async db => {
    const counts = start === undefined ? [] : await putRecords(db, start)
    const batch = db.batch()
    for (const [shard, { vsr }] of floors.entries()) {
      const manifest = firstManifest(
        present(checkpoints[shard], 'each shard has one'),
        counts[shard],
      )
      const key = manifestKey(shard, 1)
      batch.put(key, seal(key, encodeManifest(manifest)))
      const vsrAt = vsrKey(shard, 1)
      const record: VsrRecord = remains === undefined ? vsr : { ...vsr, recovering: true }
      batch.put(vsrAt, seal(vsrAt, encodeVsr(record)))
    }
    await batch.write({ sync: true })
  })
  if (remains?.peers === undefined) await PeersFile.create(join(dir, 'peers'))
  else await replaceFile(join(dir, 'peers'), await readFile(remains.peers))
  const bootCounter = remains?.bootCounter ?? 0
  await SuperblockFile.create(join(dir, 'superblock'), {
    bootCounter,
    clean: true,
    cluster,
    floors,
  })
  await rm(join(dir, 'forming'))
  await syncDirectory(dir)
}

/** Throws StorageError when it cannot look. */
export async function storeExists(dir: string): Promise<StoreCondition> {
  try {
    const { state, refusal: reason } = await inspect(dir)
    return { state, detail: reason?.message ?? `${dir} holds the data of a replica.` }
  } catch (error) {
    throw refusal.openingRefusal(dir, error)
  }
}

/** Opens and audits; the boot counter is raised durably before it resolves. Throws StorageError. */
export async function openStore(dir: string, options: OpenOptions = {}): Promise<Store> {
  try {
    const inspected = await inspect(dir)
    if (inspected.refusal !== undefined) throw inspected.refusal
    if ((await listing(dir)).includes(CONDEMNED)) {
      throw refusal.condemned(dir, await readFile(join(dir, CONDEMNED), 'utf8'))
    }
    // LevelDB's lock comes first: until it is held, another daemon may be writing the other files.
    const db = await openDatabase(join(dir, 'db'), 'existing')
    return await orClose(db, () => openWith(dir, db, options))
  } catch (error) {
    throw refusal.openingRefusal(dir, error)
  }
}

async function openWith(dir: string, db: Database, options: OpenOptions): Promise<Store> {
  const superblock = await inFile(dir, 'superblock', path => SuperblockFile.open(path))
  return orClose(superblock, async () => {
    const { cluster, bootCounter } = superblock.now
    assertOwn(dir, cluster, options)
    const { peers, notes } = await inFile(dir, 'peers', openPeers)
    const stores: ShardStore[] = []
    const path = join(dir, 'witness')
    const witnesses = await WitnessFile.read(path, cluster.shards)
    for (let shard = 0; shard < cluster.shards; shard++) {
      const witness = witnesses[shard]
      stores.push(await auditShard({ dir, db, superblock: superblock.now, witness }, shard))
    }
    const [first, ...others] = cluster.members
    if (first?.peerId === cluster.peerId && others.length === 0) assertNotAlone(stores)
    for (const store of stores) await removeUnfinished(db, store)
    const floors = stores.map(store => store.floor())
    await superblock.write({ bootCounter: bootCounter + 1, clean: false, floors })
    await rm(join(dir, 'forming'), { force: true })
    const witness = await WitnessFile.open(path, cluster.shards)
    return new LevelStore({ dir, db, superblock, peers, stores, witness, notes })
  })
}

/** What others promised is no promise of this node: where it is lost, it is noted anew from now on. */
async function openPeers(path: string): Promise<{ peers: PeersFile; notes: readonly string[] }> {
  try {
    return { peers: await PeersFile.open(path), notes: [] }
  } catch (error) {
    const isGone = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (!isGone && !(error instanceof Damage)) throw error
    if (!isGone) await rename(path, `${path}.damaged`)
    await PeersFile.create(path)
    const what = isGone ? 'is missing' : `is damaged (${error.message}; kept as peers.damaged)`
    const note = `${path} ${what}: what this node knew of the promises of the others is lost, and noted anew from now on. Do not put back a data directory of theirs`
    return { peers: await PeersFile.open(path), notes: [note] }
  }
}

/** Damaged entries are fetched from the others. */
function assertNotAlone(stores: readonly ShardStore[]): void {
  for (const { shard, damage } of stores) {
    const run = damage?.runs[0]
    if (run === undefined) continue
    throw new Damage(
      `entries ${run.first} to ${run.last} of shard ${shard} are damaged or missing, and there is no other node that has them`,
    )
  }
}

interface Inspection {
  readonly state: StoreCondition['state']
  readonly refusal?: Error
}

/** What a whole directory must have and this one does not. LevelDB would make some of it anew. */
async function inspect(dir: string): Promise<Inspection> {
  const names = await listing(dir)
  const has = (name: string): boolean => names.includes(name)
  const partial = (what: string): Inspection => ({
    state: 'partial',
    refusal: refusal.missing(dir, what),
  })
  if (has(RECOVERING)) return partial(`Replacing lost data in ${dir} was interrupted.`)
  if (!has('superblock')) {
    if (has('forming')) return { state: 'none', refusal: refusal.unfinished(dir) }
    if (!has('db')) return { state: 'none', refusal: refusal.nothingHere(dir) }
    return partial(`${join(dir, 'superblock')} is missing, beside a database that is not.`)
  }
  // The superblock tells what was promised: it is damage like any other in the database.
  const lost = (where: string, what: string): Inspection => ({
    state: 'partial',
    refusal: refusal.damaged(dir, where, what),
  })
  const db = join(dir, 'db')
  if (!has('db')) return lost(db, 'it is gone, and the log and the state with it')
  if ((await listing(db)).includes('CURRENT')) return { state: 'complete' }
  return lost(db, 'CURRENT is missing, and LevelDB cannot tell which of its files are in use')
}

function assertOwn(dir: string, cluster: ClusterRecord, options: OpenOptions): void {
  const { clusterId, peerId } = options
  if (clusterId !== undefined && clusterId !== cluster.clusterId) {
    throw refusal.foreign(dir, 'cluster', cluster.clusterId, clusterId)
  }
  if (peerId !== undefined && peerId !== cluster.peerId) {
    throw refusal.foreign(dir, 'peer', cluster.peerId, peerId)
  }
}

/**
 * The directory may hold the identity and the configuration, but nothing of a store, unless its founding
 * was interrupted. Readable by its owner alone: that covers all that LevelDB creates in it, now and later.
 */
async function makeRoom(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await chmod(dir, 0o700)
  await replaceFile(join(dir, 'forming'), 'A replica is being founded here.\n')
  for (const name of ['db', 'peers', 'peers.new', 'superblock.new', 'witness']) {
    await rm(join(dir, name), { recursive: true, force: true })
  }
}

async function formDatabase(path: string, fill: (db: Database) => Promise<void>): Promise<void> {
  await mkdir(path, { mode: 0o700 })
  const db = await openDatabase(path, 'create')
  await orClose(db, () => fill(db))
  await db.close()
  await syncDirectory(path)
}

/** All of them before the manifest, in the generation that it names. Gives how many of each shard. */
async function putRecords(db: Database, start: StartingState): Promise<number[]> {
  const counts = start.checkpoints.map(() => 0)
  for await (const { shard, records } of start.records()) {
    const opNumber = start.checkpoints[shard]?.opNumber ?? 0
    const batch = db.batch()
    for (const record of records) {
      assert(record.value !== undefined, 'a state holds what is there')
      putRecord(shard, { generation: 1, opNumber }, record, batch)
    }
    await batch.write({ sync: true })
    counts[shard] = (counts[shard] ?? 0) + records.length
  }
  return counts
}

/** Names in the directory; none when it is not there. */
async function listing(dir: string): Promise<string[]> {
  const found = await stat(dir).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  })
  return found === undefined ? [] : readdir(dir)
}

/** Errors about content name the file they are about. */
async function inFile<T>(
  dir: string,
  name: string,
  open: (path: string) => Promise<T>,
): Promise<T> {
  const path = join(dir, name)
  try {
    return await open(path)
  } catch (error) {
    if (error instanceof UnknownFormat) throw refusal.unknownFormat(path, error.format)
    if (error instanceof Damage) throw refusal.damaged(dir, path, error.message, error)
    throw error
  }
}

async function orClose<T>(resource: { close(): Promise<void> }, use: () => Promise<T>): Promise<T> {
  try {
    return await use()
  } catch (error) {
    await resource.close()
    throw error
  }
}
