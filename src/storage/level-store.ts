/**
 * The Store on LevelDB. One commit is one synced batch; then, where a promise, a checkpoint or a new
 * state is in it, the superblock. Nothing is retried: after the first error nothing more is written.
 */
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { assert, present } from '../base/assert.ts'
import type { Entry } from '../vr/entry.ts'
import type { ServiceRecord } from '../vr/service.ts'
import type { Promised } from '../wire/promised.ts'
import type { Database } from './database.ts'
import type { PeersFile } from './peers-file.ts'
import type { ClusterRecord, PeerSeen, ShardImage, ShardWrite, Store } from './port.ts'
import { StorageError, TextDamage } from './port.ts'
import { readChanges, readEntries, readRecords } from './reader.ts'
import { Reclaimer } from './reclaimer.ts'
import { openingRefusal, writeRefusal } from './refusal.ts'
import { CONDEMNED, replaceFile } from './replace-file.ts'
import type { ShardStore } from './shard-store.ts'
import type { SuperblockFile } from './superblock-file.ts'
import { Sweeper } from './sweeper.ts'
import { readCold } from './texts.ts'
import type { WitnessFile } from './witness-file.ts'

/** Deletions that ride in one commit: enough to keep up, few enough not to be felt. */
const GARBAGE_PER_COMMIT = 256

export interface StoreParts {
  readonly dir: string
  readonly db: Database
  readonly superblock: SuperblockFile
  readonly peers: PeersFile
  readonly stores: readonly ShardStore[]
  readonly witness: WitnessFile
  readonly notes: readonly string[]
}

export class LevelStore implements Store {
  readonly cluster: ClusterRecord
  readonly bootCounter: number
  readonly shards: readonly ShardImage[]
  readonly notes: readonly string[]
  readonly #parts: StoreParts
  readonly #sweeper: Sweeper
  readonly #reclaimer: Reclaimer
  #inFlight: Promise<void> | undefined
  /** The first error, which is final. */
  #failure: Error | undefined
  #isClosed = false

  constructor(parts: StoreParts) {
    this.#parts = parts
    this.cluster = parts.superblock.now.cluster
    this.bootCounter = parts.superblock.now.bootCounter
    const { db, dir, notes, stores } = parts
    this.shards = stores.map(store => store.image())
    this.notes = notes
    const failed = (error: unknown): void => void this.#fail(writeRefusal(dir, error))
    this.#reclaimer = new Reclaimer(db, stores, failed)
    this.#sweeper = new Sweeper(db, stores, this.#reclaimer, failed)
  }

  async commit(writes: readonly ShardWrite[]): Promise<void> {
    assert(this.#inFlight === undefined, 'one commit at a time')
    this.#assertUsable()
    this.#inFlight = this.#commit(writes)
    try {
      await this.#inFlight
    } catch (error) {
      throw this.#fail(error)
    } finally {
      this.#inFlight = undefined
    }
    this.#sweeper.poke()
    this.#reclaimer.poke()
  }

  async #commit(writes: readonly ShardWrite[]): Promise<void> {
    const { db, superblock, stores, witness } = this.#parts
    const batch = db.batch()
    const touched = new Set<ShardStore>()
    const receding = this.#receding(writes)
    for (const write of writes) {
      const store = this.#store(write.shard)
      store.stage(write, batch)
      touched.add(store)
    }
    let budget = GARBAGE_PER_COMMIT
    for (const store of stores) budget = store.stageGarbage(batch, budget)
    if (receding.size > 0) await this.#lowerWitness(receding)
    await this.#lowerLateWitness(writes)
    await batch.write({ sync: true })
    if (receding.size > 0 || writes.some(isPromise)) {
      await superblock.write({ floors: stores.map(store => store.floor()) })
    }
    for (const store of touched) {
      store.settle()
      witness.note(store.shard, store.floor().witness)
    }
  }

  /** Shards whose log will lose the entry that is its witness. */
  #receding(writes: readonly ShardWrite[]): Set<number> {
    const { floors } = this.#parts.superblock.now
    const shards = new Set<number>()
    for (const { shard, truncateFrom } of writes) {
      const witness = floors[shard]?.witness.opNumber ?? 0
      if (truncateFrom !== undefined && truncateFrom <= witness) shards.add(shard)
    }
    return shards
  }

  /** Before the batch: were it after, a crash between them would look like lost history. */
  async #lowerWitness(shards: ReadonlySet<number>): Promise<void> {
    const { superblock, stores } = this.#parts
    const floors = superblock.now.floors.map((floor, shard) => {
      const store = stores[shard]
      if (store === undefined || !shards.has(shard)) return floor
      return { ...floor, witness: store.checkpointWitness() }
    })
    await superblock.write({ floors })
  }

  /** As lowerWitness, of the file that is ahead of the superblock. */
  async #lowerLateWitness(writes: readonly ShardWrite[]): Promise<void> {
    const { witness } = this.#parts
    const cut = writes.filter(write => write.truncateFrom !== undefined)
    for (const { shard } of cut) witness.note(shard, this.#store(shard).checkpointWitness())
    if (cut.length > 0) await witness.settle()
  }

  readEntries(shard: number, first: number, last: number, bytesMax: number): Promise<Entry[]> {
    const range = { first, last }
    return this.#reading(db => readEntries(db, this.#store(shard), range, bytesMax))
  }

  readChanges(
    shard: number,
    first: number,
    last: number,
  ): Promise<{ opNumber: number; text: string }[]> {
    return this.#reading(db => readChanges(db, this.#store(shard), { first, last }))
  }

  async *readRecords(shard: number, after?: string): AsyncGenerator<ServiceRecord> {
    const slices = readRecords(this.#parts.db, this.#store(shard), after)
    try {
      for (;;) {
        const { done, value } = await this.#reading(() => slices.next())
        if (done === true) return
        yield* value
      }
    } finally {
      await slices.return(undefined)
    }
  }

  async readCold(shard: number, id: string, reference: string): Promise<string | undefined> {
    try {
      return await this.#reading(db => readCold(db, this.#store(shard), id, reference))
    } catch (error) {
      const isDamage = error instanceof StorageError && error.reason === 'damaged'
      throw isDamage ? new TextDamage(error.message, { cause: error }) : error
    }
  }

  keepTexts(shard: number): () => void {
    const { sweep } = this.#store(shard)
    sweep.pin()
    return () => sweep.unpin()
  }

  peerSeen(peerId: string): PeerSeen | undefined {
    return this.#parts.peers.get(peerId)
  }

  async notePeer(peerId: string, seen: PeerSeen): Promise<void> {
    this.#assertUsable()
    try {
      await this.#parts.peers.note(peerId, seen)
    } catch (error) {
      throw this.#fail(error)
    }
  }

  notePromise(peerId: string, shard: number, promised: Promised): void {
    if (this.#failure === undefined && !this.#isClosed) {
      this.#parts.peers.raise(peerId, shard, promised)
    }
  }

  condemn(why: string): Promise<void> {
    return replaceFile(join(this.#parts.dir, CONDEMNED), why)
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#parts.dir)
    return bavail * bsize
  }

  /** Waits for what is in flight. Only a store without an error is marked as closed in order. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const { db, superblock, peers, stores, witness } = this.#parts
    // Its error, if any, goes to whoever called commit.
    await this.#inFlight?.catch(() => undefined)
    await peers.settled()
    await this.#sweeper.idle()
    await this.#reclaimer.stop()
    try {
      if (this.#failure === undefined) {
        await superblock.write({ clean: true, floors: stores.map(store => store.floor()) })
      }
    } catch (error) {
      throw this.#fail(error)
    } finally {
      await witness.close()
      await superblock.close()
      await db.close()
    }
  }

  #store(shard: number): ShardStore {
    return present(this.#parts.stores[shard], `shard ${shard} is one of the cluster's`)
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure
    assert(!this.#isClosed, 'a closed store is not written to')
  }

  /** What the disk holds is unknown from here on. Reliability §0.1: going on would lose later writes. */
  #fail(error: unknown): Error {
    this.#failure ??= writeRefusal(this.#parts.dir, error)
    return this.#failure
  }

  /** A read that fails says what is damaged, like a refusal to open. */
  async #reading<T>(read: (db: Database) => Promise<T>): Promise<T> {
    try {
      return await read(this.#parts.db)
    } catch (error) {
      assert(!this.#isClosed, 'a closed store is not read')
      throw openingRefusal(this.#parts.dir, error)
    }
  }
}

/** What the superblock must not fall behind of. */
const isPromise = ({ vsr, install, checkpoint }: ShardWrite): boolean =>
  vsr !== undefined || install !== undefined || checkpoint !== undefined
