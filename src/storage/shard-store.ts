/**
 * One shard's part of the store: turns a ShardWrite into puts and deletes, and knows what is durable.
 * `stage` may run several times, then the batch is written, then `settle`. A batch that fails is not
 * undone here: the store is used no more.
 */
import { assert } from '../base/assert.ts'
import type { VsrRecord } from '../vr/effect.ts'
import type { Entry } from '../vr/entry.ts'
import type { CheckpointId } from '../vr/message.ts'
import type { Damage } from '../vr/repair.ts'
import type { ServiceRecord } from '../vr/service.ts'
import type { Checksum } from '../vr/terms.ts'
import type { Batch } from './database.ts'
import { seal } from './envelope.ts'
import { changesKey, logKey, manifestKey, recordKey, textKey, underWayKey, vsrKey } from './keys.ts'
import type { LogIndex } from './log-index.ts'
import { UNKNOWN_VIEW } from './log-index.ts'
import type { Manifest } from './manifest.ts'
import { checkpointId, encodeManifest, encodeVsr, isBelow } from './manifest.ts'
import type { ShardImage, ShardWrite } from './port.ts'
import type { ShardFloor } from './superblock.ts'
import { RecordSweep } from './sweep.ts'
import { encodeText, entryChecksumBytes } from './values.ts'

const NOTHING = new Uint8Array(0)

export interface ShardState {
  readonly vsr: VsrRecord
  readonly vsrSequence: number
  readonly manifest: Manifest
  readonly manifestSequence: number
  readonly headChecksum: Checksum
}

/** One version of one record; of a cold one the text too, if the disk does not have it. */
export function putRecord(
  shard: number,
  at: { readonly generation: number; readonly opNumber: number },
  { id, value, cold }: ServiceRecord,
  batch: Batch,
): void {
  const kind = value === undefined ? 'gone' : cold === undefined ? 'value' : 'cold'
  const key = recordKey(shard, { ...at, id, kind })
  batch.put(key, value === undefined ? seal(key, NOTHING) : seal(key, ...encodeText(value)))
  if (cold?.text === undefined) return
  const text = textKey(shard, id)
  batch.put(text, seal(text, ...encodeText(cold.text)))
}

export class ShardStore {
  readonly shard: number
  readonly log: LogIndex
  readonly sweep: RecordSweep
  /** As the audit found it; what was repaired since is in it. */
  readonly damage: Damage | undefined
  #durable: ShardState
  #staged: ShardState
  #expectedHead: number
  /** Sequence of the under-way marker on disk: slices of an unfinished checkpoint may be there. */
  #marker: number | undefined
  #installing:
    | { readonly opNumber: number; readonly generation: number; readonly count: number }
    | undefined
  /** Of the texts that wait for an install, whichever it will be. */
  #textGeneration: number | undefined
  #topGeneration: number

  constructor(
    shard: number,
    log: LogIndex,
    state: ShardState,
    found: { readonly lowestGeneration: number; readonly damage?: Damage | undefined },
  ) {
    this.shard = shard
    this.log = log
    this.#durable = state
    this.#staged = state
    this.#expectedHead = log.head
    this.#topGeneration = state.manifest.generation
    this.sweep = new RecordSweep(shard, state.manifest, found.lowestGeneration)
    this.damage = found.damage
  }

  /** Last settled; what a batch in flight will change is not in it. */
  get durable(): ShardState {
    return this.#durable
  }

  /** Every op from `log.first` to here is on disk, also while a batch is in flight. */
  get expectedHead(): number {
    return this.#expectedHead
  }

  /** Newest generation that records may have been written in: of an install, if there is one. */
  get topGeneration(): number {
    return this.#topGeneration
  }

  image(): ShardImage {
    const { vsr, manifest } = this.#durable
    const { first, head } = this.log
    const { shard, damage } = this
    return { shard, vsr, checkpoint: manifest.checkpoint, first, head, damage }
  }

  /** To be raised to once the batch is durable. */
  floor(): ShardFloor {
    const { vsr, manifestSequence, headChecksum } = this.#staged
    return { vsr, witness: { opNumber: this.log.head, checksum: headChecksum }, manifestSequence }
  }

  /** The weakest witness: the log never goes below its checkpoint. */
  checkpointWitness(): ShardFloor['witness'] {
    const { opNumber, checksum } = this.#durable.manifest.checkpoint
    return { opNumber, checksum }
  }

  /** In this order: the log gives way, a new state comes, the log goes on, then what is said of both. */
  stage(write: ShardWrite, batch: Batch): void {
    assert(write.shard === this.shard, 'a write goes to its own shard')
    if (write.truncateFrom !== undefined) this.#truncate(write.truncateFrom, write, batch)
    if (write.installTexts !== undefined) this.#installTexts(write.installTexts, batch)
    if (write.installRecords !== undefined) this.#installRecords(write.installRecords, batch)
    if (write.install !== undefined) this.#install(write.install, batch)
    for (const entry of write.append ?? []) this.#append(entry, batch)
    for (const entry of write.repair ?? []) this.#repair(entry, batch)
    if (write.vsr !== undefined) this.#vsr(write.vsr, batch)
    for (const { opNumber, text } of write.changes ?? []) this.#changes(opNumber, text, batch)
    if (write.records !== undefined) this.#records(write.records, batch)
    if (write.checkpoint !== undefined) this.#checkpoint(write.checkpoint, batch)
    if (write.trimBelow !== undefined) this.#trim(write.trimBelow)
  }

  /** Deletes up to `budget` keys that count no longer; gives what is left of the budget. */
  stageGarbage(batch: Batch, budget: number): number {
    const stale = this.log.takeStale(budget >> 1)
    for (const { opNumber, viewNumber } of stale) {
      batch.del(logKey(this.shard, opNumber, viewNumber))
      batch.del(changesKey(this.shard, opNumber))
    }
    const left = budget - 2 * stale.length
    const superseded = this.sweep.takeGarbage(left)
    for (const key of superseded) batch.del(key)
    return left - superseded.length
  }

  /** The batch is durable. */
  settle(): void {
    this.#expectedHead = this.log.head
    if (this.#durable === this.#staged) return
    this.#durable = this.#staged
    this.sweep.onManifest(this.#durable.manifest)
  }

  #truncate(from: number, { append = [], keptHead }: ShardWrite, batch: Batch): void {
    const { checkpoint } = this.#staged.manifest
    assert(from > checkpoint.opNumber, 'what is checkpointed is not truncated')
    if (from > this.log.head) return
    // An entry that comes back unchanged keeps its key: keys are written once.
    const kept = new Set(append.map(entry => `${entry.opNumber}/${entry.viewNumber}`))
    for (const { opNumber, viewNumber } of this.log.truncateFrom(from)) {
      if (kept.has(`${opNumber}/${viewNumber}`)) continue
      batch.del(logKey(this.shard, opNumber, viewNumber))
    }
    this.#expectedHead = Math.min(this.#expectedHead, from - 1)
    const headChecksum = keptHead ?? append[0]?.parent
    assert(headChecksum !== undefined, 'who cuts the log knows what it ends with')
    this.#staged = { ...this.#staged, headChecksum }
  }

  #append(entry: Entry, batch: Batch): void {
    const { headChecksum } = this.#staged
    assert(entry.shard === this.shard, 'an entry goes to its own shard')
    assert(entry.opNumber === this.log.head + 1, 'entries are appended in order, without a gap')
    assert(headChecksum === entry.parent, 'an entry follows its parent')
    const key = logKey(this.shard, entry.opNumber, entry.viewNumber)
    batch.put(key, seal(key, entryChecksumBytes(entry), entry.bytes))
    this.log.append(entry.viewNumber)
    this.#staged = { ...this.#staged, headChecksum: entry.checksum }
  }

  /** Back to where it was; a key of it that is there holds nothing. */
  #repair(entry: Entry, batch: Batch): void {
    const { opNumber, viewNumber } = entry
    // Trimmed meanwhile.
    if (opNumber < this.log.first) return
    const before = this.log.viewAt(opNumber)
    if (before !== viewNumber && before !== undefined && before !== UNKNOWN_VIEW) {
      batch.del(logKey(this.shard, opNumber, before))
    }
    this.log.replace(opNumber, viewNumber)
    const key = logKey(this.shard, opNumber, viewNumber)
    batch.put(key, seal(key, entryChecksumBytes(entry), entry.bytes))
  }

  #vsr(vsr: VsrRecord, batch: Batch): void {
    assert(!isBelow(vsr, this.#staged.vsr), 'epoch, view and last normal view do not go back')
    const vsrSequence = this.#staged.vsrSequence + 1
    const key = vsrKey(this.shard, vsrSequence)
    batch.put(key, seal(key, encodeVsr(vsr)))
    batch.del(vsrKey(this.shard, Math.max(0, vsrSequence - 2)))
    this.#staged = { ...this.#staged, vsr, vsrSequence }
  }

  #changes(opNumber: number, text: string, batch: Batch): void {
    if (opNumber < this.log.first) return
    const key = changesKey(this.shard, opNumber)
    batch.put(key, seal(key, ...encodeText(text)))
  }

  #records(slice: NonNullable<ShardWrite['records']>, batch: Batch): void {
    const { generation, checkpoint } = this.#staged.manifest
    assert(slice.opNumber > checkpoint.opNumber, 'a checkpoint follows the one before')
    this.#putRecords(slice, generation, batch)
    this.sweep.onWritten(slice.records)
  }

  #checkpoint(checkpoint: CheckpointId, batch: Batch): void {
    const { generation, checkpoint: before } = this.#staged.manifest
    assert(checkpoint.opNumber >= before.opNumber, 'checkpoints do not go back')
    assert(checkpoint.opNumber <= this.log.head, 'a checkpoint is of ops in the log')
    const { swept, written } = this.sweep
    this.#putManifest({ checkpoint, generation, swept, written }, batch)
  }

  /** The slices of a state that replaces ours go to a generation of their own, which counts once installed. */
  #installRecords(slice: NonNullable<ShardWrite['installRecords']>, batch: Batch): void {
    const { generation, count } = this.#installation(slice.opNumber)
    const { opNumber, records } = slice
    this.#installing = { opNumber, generation, count: count + records.length }
    this.#putRecords(slice, generation, batch)
  }

  /** In a generation that never counts; what refers to them for good is the state that is installed later. */
  #installTexts(records: readonly ServiceRecord[], batch: Batch): void {
    this.#textGeneration ??= ++this.#topGeneration
    this.#putRecords({ opNumber: 0, records }, this.#textGeneration, batch)
  }

  #installation(opNumber: number): { readonly generation: number; readonly count: number } {
    if (this.#installing?.opNumber === opNumber) return this.#installing
    this.#topGeneration++
    return { generation: this.#topGeneration, count: 0 }
  }

  #install(checkpoint: CheckpointId, batch: Batch): void {
    const { opNumber, checksum } = checkpoint
    assert(opNumber >= this.#staged.manifest.checkpoint.opNumber, 'checkpoints do not go back')
    const { generation, count } = this.#installation(opNumber)
    this.#installing = undefined
    this.#textGeneration = undefined
    if (opNumber >= this.log.head) {
      this.#staged = { ...this.#staged, headChecksum: checksum }
      this.#expectedHead = opNumber
    }
    this.log.startAt(opNumber + 1)
    this.#putManifest({ checkpoint, generation, swept: count, written: 0 }, batch)
  }

  #putRecords(
    slice: { readonly opNumber: number; readonly records: readonly ServiceRecord[] },
    generation: number,
    batch: Batch,
  ): void {
    if (this.#marker === undefined) {
      this.#marker = this.#staged.manifestSequence + 1
      const marker = underWayKey(this.shard, this.#marker)
      batch.put(marker, seal(marker, NOTHING))
    }
    const { opNumber } = slice
    for (const record of slice.records) {
      if (record.cold?.text !== undefined) this.sweep.onText(textKey(this.shard, record.id))
      putRecord(this.shard, { generation, opNumber }, record, batch)
    }
  }

  #putManifest(state: Omit<Manifest, 'logFirst' | 'logLowest'>, batch: Batch): void {
    const manifestSequence = this.#staged.manifestSequence + 1
    const checkpoint = checkpointId(state.checkpoint)
    const { first: logFirst, lowest: logLowest } = this.log
    const manifest = { ...state, checkpoint, logFirst, logLowest }
    const key = manifestKey(this.shard, manifestSequence)
    batch.put(key, seal(key, encodeManifest(manifest)))
    batch.del(manifestKey(this.shard, Math.max(0, manifestSequence - 2)))
    this.#staged = { ...this.#staged, manifest, manifestSequence }
    // Slices of an install that was given up stay behind the marker until a restart removes them.
    if (this.#marker !== undefined && this.#topGeneration === state.generation) {
      batch.del(underWayKey(this.shard, this.#marker))
      this.#marker = undefined
    }
  }

  #trim(below: number): void {
    const { checkpoint } = this.#staged.manifest
    assert(below <= checkpoint.opNumber + 1, 'what is trimmed is checkpointed')
    this.log.startAt(below)
  }
}
