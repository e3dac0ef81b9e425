/** One shard in memory: log, changes, records of the checkpoint, and those of one under way. */
import { assert, present } from '../base/assert.ts'
import type { VsrRecord } from '../vr/effect.ts'
import type { Entry } from '../vr/entry.ts'
import type { CheckpointId } from '../vr/message.ts'
import type { ServiceRecord } from '../vr/service.ts'
import { checkpointId, genesisOf, isBelow } from './manifest.ts'
import type { ClusterRecord, ShardImage, ShardWrite } from './port.ts'

type Records = Map<string, string | undefined>

export class MemoryShard {
  readonly #shard: number
  #vsr: VsrRecord
  #checkpoint: CheckpointId
  /** #log[i] is op #first + i. */
  #first = 1
  #log: Entry[] = []
  readonly #changes = new Map<number, string>()
  #records: Records = new Map()
  #slices: Records = new Map()
  #installing: { readonly opNumber: number; readonly records: Records } | undefined
  /** Of cold records. */
  readonly #texts = new Map<string, string>()
  #readers = 0
  /** Ids of those for an install that has not come. */
  readonly #uninstalled = new Set<string>()

  constructor(cluster: ClusterRecord, shard: number) {
    this.#shard = shard
    const { vsr, checkpoint } = genesisOf(cluster, shard)
    this.#vsr = vsr
    this.#checkpoint = checkpoint
  }

  get #head(): number {
    return this.#first + this.#log.length - 1
  }

  image(): ShardImage {
    return {
      shard: this.#shard,
      vsr: this.#vsr,
      checkpoint: this.#checkpoint,
      first: this.#first,
      head: this.#head,
    }
  }

  /** What was not completed is forgotten. */
  restart(): void {
    this.#slices = new Map()
    this.#installing = undefined
    this.#uninstalled.clear()
    this.#dropTexts()
  }

  write(write: ShardWrite): void {
    if (write.truncateFrom !== undefined) this.#truncate(write.truncateFrom)
    if (write.installTexts !== undefined) this.#installTexts(write.installTexts)
    if (write.installRecords !== undefined) this.#installRecords(write.installRecords)
    if (write.install !== undefined) this.#install(write.install)
    for (const entry of write.append ?? []) this.#append(entry)
    for (const entry of write.repair ?? []) this.#log[entry.opNumber - this.#first] = entry
    if (write.vsr !== undefined) this.#promise(write.vsr)
    for (const { opNumber, text } of write.changes ?? []) {
      if (opNumber >= this.#first) this.#changes.set(opNumber, text)
    }
    if (write.records !== undefined) this.#slice(write.records)
    if (write.checkpoint !== undefined) this.#complete(write.checkpoint)
    if (write.trimBelow !== undefined) this.#trim(write.trimBelow)
  }

  entries(first: number, last: number, bytesMax: number): Entry[] {
    if (first < this.#first) return []
    const entries: Entry[] = []
    let bytes = 0
    for (const entry of this.#log.slice(first - this.#first, last - this.#first + 1)) {
      bytes += entry.bytes.length
      if (entries.length > 0 && bytes > bytesMax) break
      entries.push(entry)
    }
    return entries
  }

  changesIn(first: number, last: number): { opNumber: number; text: string }[] {
    return [...this.#changes]
      .filter(([opNumber]) => opNumber >= Math.max(first, this.#first) && opNumber <= last)
      .sort(([a], [b]) => a - b)
      .map(([opNumber, text]) => ({ opNumber, text }))
  }

  /** In order of id. */
  records(): ServiceRecord[] {
    return [...this.#records]
      .map(([id, value]) => (this.#texts.has(id) ? { id, value, cold: {} } : { id, value }))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  #truncate(from: number): void {
    assert(from > this.#checkpoint.opNumber, 'what is checkpointed is not truncated')
    this.#log.length = Math.min(this.#log.length, from - this.#first)
  }

  #append(entry: Entry): void {
    const parent = this.#log.at(-1)?.checksum ?? this.#checkpoint.checksum
    assert(entry.shard === this.#shard, 'an entry goes to its own shard')
    assert(entry.opNumber === this.#head + 1, 'entries are appended in order, without a gap')
    assert(entry.parent === parent, 'an entry follows its parent')
    this.#log.push(entry)
  }

  #promise(vsr: VsrRecord): void {
    assert(!isBelow(vsr, this.#vsr), 'epoch, view and last normal view do not go back')
    this.#vsr = vsr
  }

  #slice(slice: NonNullable<ShardWrite['records']>): void {
    assert(slice.opNumber > this.#checkpoint.opNumber, 'a checkpoint follows the one before')
    for (const record of slice.records) this.#put(this.#slices, record)
  }

  #put(into: Records, { id, value, cold }: ServiceRecord): void {
    into.set(id, value)
    if (cold?.text !== undefined) this.#texts.set(id, cold.text)
  }

  keepTexts(): () => void {
    this.#readers++
    return () => {
      this.#readers--
      this.#dropTexts()
    }
  }

  /** Those that nothing refers to any longer. */
  #dropTexts(): void {
    if (this.#readers > 0) return
    for (const id of this.#texts.keys()) {
      if (!this.#records.has(id) && !this.#uninstalled.has(id)) this.#texts.delete(id)
    }
  }

  text(id: string): string | undefined {
    return this.#texts.get(id)
  }

  #installTexts(records: readonly ServiceRecord[]): void {
    for (const { id, cold } of records) {
      this.#texts.set(id, present(cold?.text, 'a text that is written is there'))
      this.#uninstalled.add(id)
    }
  }

  #complete(checkpoint: CheckpointId): void {
    assert(checkpoint.opNumber >= this.#checkpoint.opNumber, 'checkpoints do not go back')
    assert(checkpoint.opNumber <= this.#head, 'a checkpoint is of ops in the log')
    this.#checkpoint = checkpointId(checkpoint)
    merge(this.#records, this.#slices)
    this.#slices = new Map()
    this.#dropTexts()
  }

  #installRecords(slice: NonNullable<ShardWrite['installRecords']>): void {
    const { opNumber } = slice
    if (this.#installing?.opNumber !== opNumber) {
      this.#installing = { opNumber, records: new Map() }
    }
    for (const record of slice.records) this.#put(this.#installing.records, record)
  }

  #install(checkpoint: CheckpointId): void {
    const { opNumber } = checkpoint
    assert(opNumber >= this.#checkpoint.opNumber, 'checkpoints do not go back')
    this.#records = new Map()
    if (this.#installing?.opNumber === opNumber) merge(this.#records, this.#installing.records)
    this.#installing = undefined
    this.#slices = new Map()
    this.#uninstalled.clear()
    this.#dropTexts()
    this.#checkpoint = checkpointId(checkpoint)
    this.#startAt(opNumber + 1)
  }

  #trim(below: number): void {
    assert(below <= this.#checkpoint.opNumber + 1, 'what is trimmed is checkpointed')
    this.#startAt(below)
  }

  #startAt(first: number): void {
    if (first <= this.#first) return
    this.#log.splice(0, first - this.#first)
    this.#first = first
    for (const opNumber of this.#changes.keys()) {
      if (opNumber < first) this.#changes.delete(opNumber)
    }
  }
}

function merge(into: Records, changed: Records): void {
  for (const [id, value] of changed) {
    if (value === undefined) into.delete(id)
    else into.set(id, value)
  }
}
