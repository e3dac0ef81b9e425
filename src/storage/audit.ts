/**
 * What is believed of a shard when the store opens. LevelDB opens without a word after it has lost
 * records from the middle of its log, so everything is checked that can be: the promises against the
 * superblock here, the log in log-audit.ts.
 */
import type { Database } from './database.ts'
import { readKeys, readNewest, readSlice } from './database.ts'
import { unseal } from './envelope.ts'
import {
  decodeNumber,
  generationOf,
  logRange,
  manifestsOf,
  recordsFrom,
  underWayOf,
  versionOf,
  vsrsOf,
} from './keys.ts'
import { LogAudit } from './log-audit.ts'
import type { Manifest } from './manifest.ts'
import { decodeManifest, decodeVsr, isBelow } from './manifest.ts'
import { Damage, rolledBack } from './refusal.ts'
import { ShardStore } from './shard-store.ts'
import type { Superblock } from './superblock.ts'
import { withTexts } from './texts.ts'
import type { Witness } from './witness-file.ts'

const SLICE = { count: 1_000, bytes: 2 * 1024 * 1024 }
const LAST_OP = Number.MAX_SAFE_INTEGER

export interface AuditTarget {
  readonly dir: string
  readonly db: Database
  readonly superblock: Superblock
  /** Of this shard, from the witness file. */
  readonly witness: Witness | undefined
}

/** Throws StorageError, Damage and UnknownFormat; writes nothing. */
export async function auditShard(target: AuditTarget, shard: number): Promise<ShardStore> {
  const { dir, db, superblock } = target
  const floor = superblock.floors[shard]
  if (floor === undefined) throw new Damage(`shard ${shard} is not in the superblock`)
  const vsr = await newest(db, vsrsOf(shard), decodeVsr, `the view record of shard ${shard}`)
  if (isBelow(vsr.value, floor.vsr)) {
    throw rolledBack(
      dir,
      `shard ${shard} is in view ${vsr.value.viewNumber}, after having promised view ${floor.vsr.viewNumber}`,
    )
  }
  const manifest = await newest(
    db,
    manifestsOf(shard),
    decodeManifest,
    `the checkpoint of shard ${shard}`,
  )
  if (manifest.sequence < floor.manifestSequence) {
    throw rolledBack(dir, `the newest checkpoint of shard ${shard} is gone`)
  }
  const { witness } = target
  const witnesses = [floor.witness, ...(witness ? [witness] : [])]
  const log = await auditLog(db, shard, manifest.value, witnesses)
  for (const each of witnesses) assertWitness(dir, shard, each, log)
  assertClosed(superblock, shard, floor.witness, log)
  const state = {
    vsr: vsr.value,
    vsrSequence: vsr.sequence,
    manifest: manifest.value,
    manifestSequence: manifest.sequence,
    headChecksum: log.headChecksum,
  }
  const lowest = await lowestGeneration(db, shard, state.manifest.generation)
  return new ShardStore(shard, log.index, state, { lowestGeneration: lowest, damage: log.damage })
}

async function newest<T>(
  db: Database,
  range: { gte: Buffer; lte: Buffer },
  decode: (payload: Buffer) => T,
  name: string,
): Promise<{ readonly sequence: number; readonly value: T }> {
  const found = await readNewest(db, range)
  if (found === undefined) throw new Damage(`${name} is missing`)
  return { sequence: decodeNumber(found[0]), value: decode(unseal(found[0], found[1])) }
}

async function auditLog(
  db: Database,
  shard: number,
  manifest: Manifest,
  witnesses: readonly Witness[],
): Promise<LogAudit> {
  const audit = new LogAudit(shard, manifest, witnesses)
  const range = logRange(shard, manifest.logLowest, LAST_OP)
  let after: Buffer | undefined
  for (;;) {
    const rows = await readSlice(db, { range, after, limit: SLICE })
    if (rows.length === 0) break
    for (const [key, value] of rows) audit.take(key, value)
    after = rows.at(-1)?.[0]
  }
  audit.end()
  return audit
}

/** What a witness knows was acknowledged: another in its place is another history. */
function assertWitness(
  dir: string,
  shard: number,
  { opNumber, checksum }: Witness,
  { witnessed }: LogAudit,
): void {
  const found = witnessed.get(opNumber)
  if (found === undefined || found === checksum) return
  throw rolledBack(dir, `entry ${opNumber} of shard ${shard} is another than it was`)
}

/** Closed in order, the witness of the superblock is the head. */
function assertClosed(
  { clean }: Superblock,
  shard: number,
  witness: Witness,
  { index }: LogAudit,
): void {
  if (!clean || index.head <= witness.opNumber) return
  throw new Damage(
    `the log of shard ${shard} goes on to op ${index.head}, but was closed at op ${witness.opNumber}, so database and superblock do not belong together`,
  )
}

/** Of the records on disk; without any, that of those to come: the sweep reads from here on. */
async function lowestGeneration(db: Database, shard: number, current: number): Promise<number> {
  const limit = { count: 1, bytes: 0 }
  const [key] = await readKeys(db, { range: recordsFrom(shard, 0), limit })
  return key === undefined ? current : generationOf(key)
}

/**
 * Removes the slices of a checkpoint or an install that a crash cut short: their op or generation may
 * come again, and then they must not be mixed in. The marker goes last.
 */
export async function removeUnfinished(db: Database, store: ShardStore): Promise<void> {
  const limit = { count: 100, bytes: SLICE.bytes }
  const markers = await readKeys(db, { range: underWayOf(store.shard), limit })
  if (markers.length === 0) return
  const { generation, checkpoint } = store.durable.manifest
  const range = recordsFrom(store.shard, generation)
  let after: Buffer | undefined
  for (;;) {
    const keys = await readKeys(db, { range, after, limit: SLICE })
    if (keys.length === 0) break
    after = keys.at(-1)
    const unfinished = keys.filter(
      key => generationOf(key) > generation || versionOf(key) > checkpoint.opNumber,
    )
    await removeAll(db, await withTexts(db, store, unfinished))
  }
  await removeAll(db, markers)
}

async function removeAll(db: Database, keys: readonly Buffer[]): Promise<void> {
  const batch = db.batch()
  for (const key of keys) batch.del(key)
  await batch.write({ sync: true })
}
