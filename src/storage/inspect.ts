/**
 * A data directory looked at from outside, while no daemon runs on it. Nothing in it is created, changed
 * or mended; what a start would refuse is told in the words of that refusal.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Entry } from '../vr/entry.ts'
import type { ServiceRecord } from '../vr/service.ts'
import { auditShard } from './audit.ts'
import type { Database } from './database.ts'
import { storeExists } from './open.ts'
import { PeersFile } from './peers-file.ts'
import type { ClusterRecord, ShardImage } from './port.ts'
import { StorageError } from './port.ts'
import { readEntries, readRecords } from './reader.ts'
import { Damage, damaged, openingRefusal } from './refusal.ts'
import { withShadow } from './shadow.ts'
import type { ShardStore } from './shard-store.ts'
import { StateDigest } from './state-digest.ts'
import type { Choice, CopyState } from './superblock.ts'
import { chooseCopy, copyStates } from './superblock.ts'
import type { TableSize } from './tables.ts'
import { measureTables } from './tables.ts'
import { readCold } from './texts.ts'
import type { Witness } from './witness-file.ts'
import { WitnessFile } from './witness-file.ts'

export interface Inspection {
  readonly path: string
  /** As a start would see it. */
  readonly state: 'none' | 'complete' | 'partial'
  /** Markers of what is under way, and data that was set aside. */
  readonly markers: readonly string[]
  readonly superblock:
    | {
        readonly copies: readonly CopyState[]
        readonly sequence?: number
        readonly bootCounter?: number
        readonly closedInOrder?: boolean
      }
    | undefined
  readonly cluster: ClusterRecord | undefined
  readonly peersSeen: number | undefined
  readonly shards: readonly ShardInspection[]
  /** Sentences; none: nothing is wrong. */
  readonly problems: readonly string[]
}

export interface ShardInspection {
  readonly shard: number
  /** Undefined: a problem says why. */
  readonly image: ShardImage | undefined
  readonly witness: Witness | undefined
  readonly tables: readonly TableSize[]
  /** Sessions and records of the checkpoint; only with `verify`. */
  readonly state?: { readonly sessions: number; readonly records: number; readonly hash: string }
}

/** What can be read of a shard that is whole. */
export interface ShardView {
  readonly image: ShardImage
  /** In slices of bounded size. */
  entries(first: number, last: number): AsyncGenerator<readonly Entry[]>
  records(): AsyncGenerator<readonly ServiceRecord[]>
}

export interface InspectOptions {
  /** Every value of every table, and the hash of the state, besides what a start checks. */
  readonly verify: boolean
  /** To read more of one shard. */
  readonly read?:
    | {
        readonly shard: number
        readonly use: (view: ShardView, cluster: ClusterRecord) => Promise<void>
      }
    | undefined
}

const SLICE_BYTES = 4 << 20

/** Throws StorageError when it cannot look: no directory, no permission, a daemon runs there. */
export async function inspectStore(dir: string, options: InspectOptions): Promise<Inspection> {
  try {
    return await look(dir, options)
  } catch (error) {
    throw openingRefusal(dir, error)
  }
}

async function look(dir: string, options: InspectOptions): Promise<Inspection> {
  const names = await readdir(dir)
  const { state, detail } = await storeExists(dir)
  const problems = state === 'complete' ? [] : [detail]
  const { choice, copies } = await superblockOf(dir, names, problems)
  const cluster = choice?.superblock.cluster
  const peersSeen = await peersIn(dir, names, problems)
  const shards: ShardInspection[] = []
  if (choice !== undefined && state === 'complete') {
    const inspecting = withShadow(join(dir, 'db'), async db => {
      const at: Place = { dir, db, choice, problems, options }
      const { shards: count } = choice.superblock.cluster
      const witnesses = await WitnessFile.read(join(dir, 'witness'), count)
      for (let shard = 0; shard < count; shard++) {
        shards.push(await inspectShard(at, shard, witnesses[shard]))
      }
    })
    await inspecting.catch(note(dir, problems))
  }
  const { sequence, bootCounter, clean } = choice?.superblock ?? {}
  const known = choice && { sequence, bootCounter, closedInOrder: clean }
  return {
    path: dir,
    state,
    markers: names.filter(name => /^(forming|recovering|lost-\d+)$/.test(name)).sort(),
    superblock: copies && ({ copies, ...known } as Inspection['superblock']),
    cluster,
    peersSeen,
    shards,
    problems,
  }
}

interface Place {
  readonly dir: string
  readonly db: Database
  readonly choice: Choice
  readonly problems: string[]
  readonly options: InspectOptions
}

async function superblockOf(
  dir: string,
  names: readonly string[],
  problems: string[],
): Promise<{ choice?: Choice; copies?: readonly CopyState[] }> {
  if (!names.includes('superblock')) return {}
  const path = join(dir, 'superblock')
  const file = await readFile(path)
  try {
    const choice = chooseCopy(file)
    const copies = copyStates(file, choice)
    // A lagging copy is a write cut short, and mended by the next start; a damaged one is worth a word.
    const bad = copies.flatMap(({ state }, i) => (state === 'damaged' ? [i] : []))
    if (bad.length > 0) {
      problems.push(
        `Copy ${bad.join(' and ')} of ${path} is damaged, the others agree: the next start writes it again. Look at the disk if it happens more than once.`,
      )
    }
    return { choice, copies }
  } catch (error) {
    note(dir, problems, path)(error)
    return { copies: copyStates(file, undefined) }
  }
}

async function peersIn(
  dir: string,
  names: readonly string[],
  problems: string[],
): Promise<number | undefined> {
  if (!names.includes('peers')) return undefined
  const path = join(dir, 'peers')
  return PeersFile.open(path).then(file => file.size, note(dir, problems, path))
}

async function inspectShard(
  at: Place,
  shard: number,
  witness: Witness | undefined,
): Promise<ShardInspection> {
  const { dir, db, choice, problems, options } = at
  const target = { dir, db, superblock: choice.superblock, witness }
  const store = await auditShard(target, shard).catch(note(dir, problems))
  const measured = await measureTables(db, shard, options.verify)
  for (const { first, count } of measured.damage) {
    const more = count > 1 ? ` (and ${count - 1} more)` : ''
    problems.push(damaged(dir, join(dir, 'db'), `${first} does not check${more}`).message)
  }
  const seen = { shard, witness, tables: measured.tables, image: store?.image() }
  if (store === undefined) return seen
  const isAlone = choice.superblock.cluster.members.length === 1
  for (const { first, last } of store.damage?.runs ?? []) {
    const what = `entries ${first} to ${last} of the log of shard ${shard} are damaged or missing`
    const db = join(dir, 'db')
    problems.push(
      isAlone
        ? damaged(dir, db, `${what}, and no other node has them`).message
        : `${db} is damaged: ${what}. Start the node: it fetches them from the others.`,
    )
  }
  if (store.damage !== undefined) return seen
  if (options.read?.shard === shard)
    await options.read.use(viewOf(db, store), choice.superblock.cluster)
  if (!options.verify) return seen
  const state = await stateOf(at, store).catch(note(dir, problems))
  return state === undefined ? seen : { ...seen, state }
}

async function stateOf(
  { db }: Place,
  store: ShardStore,
): Promise<NonNullable<ShardInspection['state']>> {
  const digest = new StateDigest()
  for await (const records of readRecords(db, store)) {
    for (const record of records) {
      digest.add(record)
      if (record.cold !== undefined) await readCold(db, store, record.id, record.value ?? '')
    }
  }
  const { opNumber, stateHash } = store.durable.manifest.checkpoint
  const hash = digest.checkpointHash()
  if (opNumber > 0 && hash !== stateHash) {
    throw new Damage(
      `the records of shard ${store.shard} hash to ${hash}, and its checkpoint names ${stateHash}`,
    )
  }
  return { sessions: digest.sessions, records: digest.records, hash: digest.serviceHash() }
}

function viewOf(db: Database, store: ShardStore): ShardView {
  return {
    image: store.image(),
    async *entries(first, last) {
      for (let op = Math.max(first, store.log.first); op <= Math.min(last, store.log.head); ) {
        const entries = await readEntries(db, store, { first: op, last }, SLICE_BYTES)
        yield entries
        op += entries.length
      }
    },
    records: () => readRecords(db, store),
  }
}

/** A lock held by a daemon, or a bug, is no finding: it ends the inspection. */
const note =
  (dir: string, problems: string[], path?: string) =>
  (error: unknown): undefined => {
    const refusal =
      path !== undefined && error instanceof Damage
        ? damaged(dir, path, error.message, error)
        : openingRefusal(dir, error)
    if (!(refusal instanceof StorageError) || !IS_FINDING.has(refusal.reason)) throw refusal
    problems.push(refusal.message)
  }

const IS_FINDING: ReadonlySet<StorageError['reason']> = new Set([
  'missing',
  'damaged',
  'rolled-back',
  'version',
])
