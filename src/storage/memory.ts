/**
 * The Store without a disk, for tests of what stands on it: same rules, same assertions, and a restart
 * (`open` again) finds what was committed. What needs deleting in time there is simply gone here.
 */
import { assert, present } from '../base/assert.ts'
import { isColdText } from '../vr/cold.ts'
import type { Entry } from '../vr/entry.ts'
import type { ServiceRecord } from '../vr/service.ts'
import { type Promised, raised } from '../wire/promised.ts'
import { MemoryShard } from './memory-shard.ts'
import type { ClusterRecord, PeerSeen, ShardImage, ShardWrite, Store } from './port.ts'

/** What outlives the process that opened it. */
export class MemoryDisk {
  readonly cluster: ClusterRecord
  readonly shards: readonly MemoryShard[]
  readonly peers = new Map<string, PeerSeen>()
  bootCounter = 0
  freeBytes = 2 ** 40
  /** Set by a test: every write from now on fails with it. */
  failure: Error | undefined
  condemned: string | undefined

  constructor(cluster: ClusterRecord) {
    this.cluster = cluster
    this.shards = Array.from({ length: cluster.shards }, (_, i) => new MemoryShard(cluster, i))
  }

  open(): Promise<Store> {
    this.bootCounter++
    for (const shard of this.shards) shard.restart()
    return Promise.resolve(new MemoryStore(this))
  }
}

class MemoryStore implements Store {
  readonly cluster: ClusterRecord
  readonly bootCounter: number
  readonly notes = []
  readonly shards: readonly ShardImage[]
  readonly #disk: MemoryDisk
  #isCommitting = false
  #isClosed = false
  #failure: unknown

  constructor(disk: MemoryDisk) {
    this.#disk = disk
    this.cluster = disk.cluster
    this.bootCounter = disk.bootCounter
    this.shards = disk.shards.map(shard => shard.image())
  }

  async commit(writes: readonly ShardWrite[]): Promise<void> {
    assert(!this.#isCommitting, 'one commit at a time')
    this.#assertUsable()
    this.#isCommitting = true
    try {
      // A disk takes its time: whoever relies on the write before it is durable shall notice.
      await Promise.resolve()
      if (this.#disk.failure !== undefined) throw this.#disk.failure
      for (const write of writes) this.#shard(write.shard).write(write)
    } catch (error) {
      this.#failure = error
      throw error
    } finally {
      this.#isCommitting = false
    }
  }

  readEntries(shard: number, first: number, last: number, bytesMax: number): Promise<Entry[]> {
    return Promise.resolve(this.#shard(shard).entries(first, last, bytesMax))
  }

  readChanges(
    shard: number,
    first: number,
    last: number,
  ): Promise<{ opNumber: number; text: string }[]> {
    return Promise.resolve(this.#shard(shard).changesIn(first, last))
  }

  async *readRecords(shard: number, after?: string): AsyncGenerator<ServiceRecord> {
    for (const record of this.#shard(shard).records()) {
      if (after === undefined || record.id > after) yield record
    }
  }

  async readCold(shard: number, id: string, reference: string): Promise<string | undefined> {
    const text = this.#shard(shard).text(id)
    assert(text === undefined || isColdText(reference, text), 'a text is what its reference names')
    return text
  }

  keepTexts(shard: number): () => void {
    return this.#shard(shard).keepTexts()
  }

  peerSeen(peerId: string): PeerSeen | undefined {
    return this.#disk.peers.get(peerId)
  }

  async notePeer(peerId: string, seen: PeerSeen): Promise<void> {
    this.#assertUsable()
    if (this.#disk.failure !== undefined) {
      this.#failure = this.#disk.failure
      throw this.#disk.failure
    }
    const known = this.#disk.peers.get(peerId)
    const isSame = known?.incarnation === seen.incarnation
    this.#disk.peers.set(peerId, isSame ? { ...seen, promised: known.promised } : seen)
  }

  notePromise(peerId: string, shard: number, promised: Promised): void {
    const seen = this.#disk.peers.get(peerId)
    if (seen === undefined) return
    const all = [...(seen.promised ?? [])]
    all[shard] = raised(all[shard], promised)
    this.#disk.peers.set(peerId, { ...seen, promised: all })
  }

  async condemn(why: string): Promise<void> {
    this.#disk.condemned = why
  }

  freeBytes(): Promise<number> {
    return Promise.resolve(this.#disk.freeBytes)
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  #shard(shard: number): MemoryShard {
    return present(this.#disk.shards[shard], `shard ${shard} is one of the cluster's`)
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure
    assert(!this.#isClosed, 'a closed store is not written to')
  }
}
