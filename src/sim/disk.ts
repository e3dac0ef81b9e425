/**
 * A replica's virtual disk. Jobs wait in order; a sync makes all that waited durable, one after the
 * other. A crash loses what was not synced: a suffix of the waiting jobs, never one without those
 * behind it. `image` is what a restart finds; nothing else survives.
 */
import { assert, present } from '../base/assert.ts'
import type { Prng } from '../base/prng.ts'
import type { Effect, VsrRecord, Write } from '../vr/effect.ts'
import { type Entry, revAfter } from '../vr/entry.ts'
import type { CheckpointId } from '../vr/message.ts'
import type { ServiceRecord } from '../vr/service.ts'
import type { LogMark } from '../vr/state.ts'
import type { DiskOptions } from './options.ts'

export interface Image {
  vsr: VsrRecord
  checkpoint: CheckpointId
  records: Map<string, string>
  /** The op before the first entry. */
  start: LogMark
  /** Ops first … first + entries.length - 1, dense. */
  first: number
  entries: Entry[]
}

export type CheckpointJob = Extract<Effect, { type: 'checkpoint' }>
export type TrimJob = Extract<Effect, { type: 'trim' }>
export type Job = Write | CheckpointJob | TrimJob

interface Waiting {
  readonly job: Job
  /** Syncs that have to pass before it takes part in one: a checkpoint is written in slices. */
  slices: number
}

export class Disk {
  readonly image: Image
  #waiting: Waiting[] = []
  #syncing = 0
  readonly #options: DiskOptions
  readonly #prng: Prng
  #hungUntil = 0

  constructor(image: Image, options: DiskOptions, prng: Prng) {
    this.image = image
    this.#options = options
    this.#prng = prng
  }

  /** Jobs that a crash now could lose. */
  get unsynced(): number {
    return this.#waiting.length
  }

  submit(job: Job): void {
    const sliced = job.type === 'checkpoint'
    const slices = sliced ? this.#prng.int(0, this.#options.checkpointSlicesMax - 1) : 0
    this.#waiting.push({ job, slices })
  }

  /** Begins a sync if one is due; gives the time at which it is done. */
  beginSync(nowMs: number): number | undefined {
    if (this.#syncing > 0 || this.#waiting.length === 0) return undefined
    this.#syncing = this.#waiting.length
    const [low, high] = this.#options.syncMs
    return Math.max(nowMs, this.#hungUntil) + this.#prng.int(low, high)
  }

  /** Syncs begun before stay as they are; the next one waits. */
  hang(untilMs: number): void {
    this.#hungUntil = Math.max(this.#hungUntil, untilMs)
  }

  /** The sync under way is done: these jobs are to be applied with `apply`, in this order. */
  endSync(): Job[] {
    const batch = this.#waiting.splice(0, this.#syncing)
    this.#syncing = 0
    const done: Job[] = []
    const later: Waiting[] = []
    let isCheckpointLate = false
    for (const waiting of batch) {
      const { job, slices } = waiting
      // Checkpoints are increments: one does not overtake another.
      const waits = job.type === 'checkpoint' && (slices > 0 || isCheckpointLate)
      if (waits) {
        isCheckpointLate = true
        later.push({ job, slices: Math.max(0, slices - 1) })
      } else {
        done.push(job)
      }
    }
    this.#waiting.unshift(...later)
    return done
  }

  apply(job: Job): void {
    if (job.type === 'write') applyWrite(this.image, job)
    else if (job.type === 'trim') applyTrim(this.image, job.below)
    else applyCheckpoint(this.image, job)
  }

  /** Power goes: gives the jobs that made it nevertheless, applied already. */
  crash(): Job[] {
    const kept: Job[] = []
    let isCheckpointLate = false
    for (const { job, slices } of this.#waiting) {
      if (job.type === 'checkpoint') {
        if (slices > 0) isCheckpointLate = true
        if (isCheckpointLate) continue
      }
      if (!this.#prng.chance(this.#options.keepUnsynced)) break
      this.apply(job)
      kept.push(job)
    }
    this.#waiting = []
    this.#syncing = 0
    return kept
  }
}

/** The disk is lost. `promised`: its superblock is not, and tells the view. */
export function wipe(image: Image, empty: Image, promised: VsrRecord | undefined): void {
  Object.assign(image, empty, { vsr: { ...(promised ?? empty.vsr), recovering: true } })
}

export function headOf(image: Image): number {
  return Math.max(image.first + image.entries.length - 1, image.checkpoint.opNumber)
}

export function entryOn(image: Image, op: number): Entry | undefined {
  return image.entries[op - image.first]
}

/** The image holds op with this checksum, as an entry or inside its checkpoint. */
export function holds(image: Image, op: number, checksum: string): boolean {
  const entry = entryOn(image, op)
  return entry ? entry.checksum === checksum : op <= image.checkpoint.opNumber
}

export function entriesOn(image: Image, first: number, last: number, bytesMax: number): Entry[] {
  const entries: Entry[] = []
  let bytes = 0
  for (let op = first; op <= last; op++) {
    const entry = entryOn(image, op)
    if (entry === undefined) break
    bytes += entry.bytes.length
    if (entries.length > 0 && bytes > bytesMax) break
    entries.push(entry)
  }
  return entries
}

function applyWrite(image: Image, write: Write): void {
  if (write.install) {
    const { records, ...id } = write.install
    image.checkpoint = id
    image.records = new Map()
    putRecords(image.records, records)
  }
  if (write.truncateFrom !== undefined) {
    assert(write.truncateFrom >= image.first, 'a write cuts nothing that was trimmed')
    image.entries.length = Math.min(image.entries.length, write.truncateFrom - image.first)
  }
  if (write.install) {
    // Entries behind the checkpoint stay: they continue it, or the same write cuts them.
    image.entries.splice(0, write.install.opNumber + 1 - image.first)
    image.first = write.install.opNumber + 1
    image.start = write.install
  }
  for (const entry of write.append) {
    const next = image.first + image.entries.length
    assert(entry.opNumber === next, 'the log on disk is dense')
    image.entries.push(entry)
  }
  if (write.vsr) image.vsr = write.vsr
}

function applyCheckpoint(image: Image, job: CheckpointJob): void {
  // A checkpoint got from a peer meanwhile is newer.
  if (job.id.opNumber <= image.checkpoint.opNumber) return
  assert(job.id.opNumber <= headOf(image), 'a checkpoint speaks for a log that is on disk')
  image.checkpoint = job.id
  putRecords(image.records, job.records)
}

function applyTrim(image: Image, below: number): void {
  assert(below <= image.checkpoint.opNumber + 1, 'only what a durable checkpoint covers is trimmed')
  if (below <= image.first) return
  const gone = present(image.entries.splice(0, below - image.first).pop(), 'something is trimmed')
  image.first = below
  image.start = { opNumber: gone.opNumber, rev: revAfter(gone), timeMs: gone.timeMs }
}

function putRecords(into: Map<string, string>, records: readonly ServiceRecord[]): void {
  for (const { id, value } of records) {
    if (value === undefined) into.delete(id)
    else into.set(id, value)
  }
}

/** Records of the checkpoint in order of id. */
export function recordsOn(image: Image): ServiceRecord[] {
  return [...image.records.keys()]
    .sort()
    .map(id => ({ id, value: present(image.records.get(id), 'id is in the map') }))
}
