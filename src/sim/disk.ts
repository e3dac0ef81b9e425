/**
 * A replica's virtual disk. Jobs wait in order; a sync makes all that waited durable, one after the
 * other. A crash loses what was not synced: a suffix of the waiting jobs, never one without those
 * behind it. `image` is what a restart finds; nothing else survives.
 */
import { assert, present } from '../base/assert.ts'
import type { Prng } from '../base/prng.ts'
import { isColdText } from '../vr/cold.ts'
import type { Effect, VsrRecord, Write } from '../vr/effect.ts'
import { type Entry, genesisChecksum, revAfter } from '../vr/entry.ts'
import type { CheckpointId, ColdText } from '../vr/message.ts'
import type { Damage } from '../vr/repair.ts'
import { genesis } from '../vr/restart.ts'
import type { Service, ServiceRecord } from '../vr/service.ts'
import type { LogMark } from '../vr/state.ts'
import { opNumber } from '../vr/terms.ts'
import type { Seen } from '../wire/hello.ts'
import { type Standing, standingOf } from '../wire/promised.ts'
import type { DiskOptions } from './options.ts'
import type { DiskEvent, Lost, Teller } from './recorder.ts'

export interface Image {
  vsr: VsrRecord
  checkpoint: CheckpointId
  records: Map<string, string>
  /** Of cold records: those of the checkpoint, and those written for an install to come. */
  texts: Map<string, string>
  /** Ids of the latter. */
  uninstalled: Set<string>
  /** The op before the first entry. */
  start: LogMark
  /** Ops first … first + entries.length - 1, dense. */
  first: number
  entries: Entry[]
  /** Head of the log as the superblock and the file beside it know it; survives damage of the database. */
  witness: { readonly opNumber: number; readonly checksum: string } | undefined
  /** Something on it was damaged, and no audit has been passed since. */
  damaged: boolean
  /** Why the directory must not be trusted: the next start sets it aside. */
  condemned: string | undefined
  /** Who this data directory belongs to, and which lives of its peers it has seen. */
  life: Life
  seen: Map<number, Seen>
}

export interface Life {
  readonly incarnation: string
  readonly bootCounter: number
}

/** As src/storage names what a cluster's log begins with: cluster id and founding id. */
export const CLUSTER = 'sim/f'

export function emptyImage(): Image {
  const { vsr, checkpoint } = genesis(genesisChecksum(CLUSTER, 0))
  return {
    vsr,
    checkpoint,
    records: new Map(),
    texts: new Map(),
    uninstalled: new Set(),
    start: checkpoint,
    first: 1,
    entries: [],
    witness: undefined,
    damaged: false,
    condemned: undefined,
    life: { incarnation: 'founding', bootCounter: 0 },
    seen: new Map(),
  }
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
  /** Told what happens here, if somebody listens. */
  readonly record: ((event: DiskEvent) => void) | undefined
  #setAside: Lost | undefined
  #waiting: Waiting[] = []
  /** Of the sync that is over: not applied yet. */
  #synced: Job[] = []
  #syncing = 0
  readonly #options: DiskOptions
  readonly #prng: Prng
  readonly #stalls: Prng
  #hungUntil = 0
  #fullUntil = 0
  #isFailing = false
  /** Syncs that took seconds by themselves. */
  stalls = 0

  constructor(image: Image, options: DiskOptions, prng: Prng, teller?: Teller) {
    this.image = image
    this.record = teller && (event => teller(image, event))
    this.#options = options
    this.#prng = prng
    this.#stalls = prng.fork('stalls')
  }

  /** Jobs that a crash now could lose. */
  get unsynced(): number {
    return this.#synced.length + this.#waiting.length
  }

  submit(job: Job): void {
    const sliced = job.type === 'checkpoint'
    const slices = sliced ? this.#prng.int(0, this.#options.checkpointSlicesMax - 1) : 0
    this.#waiting.push({ job, slices })
    this.record?.({ type: 'submitted', job })
  }

  /** Begins a sync if one is due; gives the time at which it is done. */
  beginSync(nowMs: number): number | undefined {
    if (this.#syncing > 0 || this.#waiting.length === 0) return undefined
    this.#syncing = this.#waiting.length
    const [low, high] = this.#options.syncMs
    const at = Math.max(nowMs, this.#hungUntil) + this.#prng.int(low, high)
    const { stall } = this.#options
    if (stall === 0 || !this.#stalls.chance(stall)) return at
    this.stalls++
    return at + this.#stalls.int(1000, 10_000)
  }

  /** Syncs begun before stay as they are; the next one waits. */
  hang(untilMs: number): void {
    this.#hungUntil = Math.max(this.#hungUntil, untilMs)
  }

  /** The next sync ends in an error. */
  failNext(): void {
    this.#isFailing = true
  }

  /** Every sync that ends before then does so in an error, for want of room. */
  fill(untilMs: number): void {
    this.#fullUntil = Math.max(this.#fullUntil, untilMs)
  }

  isFull(nowMs: number): boolean {
    return nowMs < this.#fullUntil
  }

  /** What became of the sync under way is an error: nobody knows what of it is on disk. */
  hasFailed(nowMs: number): boolean {
    const hasFailed = this.#isFailing || this.isFull(nowMs)
    this.#isFailing = false
    return hasFailed
  }

  /** For good: nothing but time was wrong with it. */
  heal(): void {
    this.#isFailing = false
    this.#fullUntil = 0
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
    this.#synced = [...done]
    return done
  }

  apply(job: Job): void {
    if (this.#synced[0] === job) this.#synced.shift()
    if (job.type === 'write') applyWrite(this.image, job)
    else if (job.type === 'trim') applyTrim(this.image, job.below)
    else applyCheckpoint(this.image, job)
    this.record?.({ type: 'applied', job })
  }

  /** What is there must not be trusted: the next start sets it aside. */
  condemn(why: string): void {
    this.image.condemned = why
    this.record?.({ type: 'condemned', why })
  }

  /** A start finds that what is there does not do, and puts something else in its place. */
  isSetAside(why: string): void {
    this.#setAside = this.record && { why, image: copyOf(this.image) }
  }

  /** A start was given what is there now. */
  started(damage?: Damage): void {
    this.record?.({ type: 'started', image: copyOf(this.image), damage, lost: this.#setAside })
    this.#setAside = undefined
  }

  /** Power goes: gives the jobs that made it nevertheless, applied already. */
  crash(): Job[] {
    const kept: Job[] = []
    let isCheckpointLate = false
    const behind = this.#synced.splice(0).map(job => ({ job, slices: 0 }))
    for (const { job, slices } of [...behind, ...this.#waiting]) {
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
    this.record?.({ type: 'crashed' })
    return kept
  }
}

/** The disk is lost. `promised`: its superblock is not, and tells the view. */
export function wipe(image: Image, empty: Image, promised: VsrRecord | undefined): void {
  const { life } = image
  const vsr = { ...(promised ?? empty.vsr), recovering: true }
  Object.assign(image, empty, { vsr, life })
}

/** A copy that later writes do not change. */
export function copyOf(image: Image): Image {
  return {
    ...image,
    records: new Map(image.records),
    texts: new Map(image.texts),
    uninstalled: new Set(image.uninstalled),
    entries: [...image.entries],
    seen: new Map(image.seen),
  }
}

/** What it holds, or held, is not to be had from it any more. */
export function isLost({ vsr, damaged }: Image): boolean {
  return damaged || vsr.recovering === true
}

/** Of the whole directory, as it is now. */
export const standingOn = (image: Image): Standing => standingOf(image.vsr, headOf(image))

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

/** One atomic write: all of it, or nothing. */
export function applyWrite(image: Image, write: Write): void {
  for (const { id, cold } of write.texts ?? []) {
    image.texts.set(id, present(cold?.text, 'a text that is written is there'))
    image.uninstalled.add(id)
  }
  if (write.install) {
    const { records, ...id } = write.install
    image.checkpoint = id
    image.records = new Map()
    image.uninstalled.clear()
    putRecords(image, records)
    dropTexts(image)
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
  for (const entry of write.repair ?? []) {
    const at = entry.opNumber - image.first
    assert(at >= 0 && at < image.entries.length, 'what is repaired was in the log')
    image.entries[at] = entry
  }
  for (const entry of write.append) {
    const next = image.first + image.entries.length
    assert(entry.opNumber === next, 'the log on disk is dense')
    image.entries.push(entry)
  }
  if (write.vsr) image.vsr = write.vsr
  noteWitness(image)
}

function noteWitness(image: Image): void {
  const head = image.entries[image.entries.length - 1] ?? image.checkpoint
  const { opNumber, checksum } = head
  if (image.witness?.opNumber !== opNumber || image.witness.checksum !== checksum) {
    image.witness = { opNumber, checksum }
  }
}

function applyCheckpoint(image: Image, job: CheckpointJob): void {
  // A checkpoint got from a peer meanwhile is newer.
  if (job.id.opNumber <= image.checkpoint.opNumber) return
  assert(job.id.opNumber <= headOf(image), 'a checkpoint speaks for a log that is on disk')
  image.checkpoint = job.id
  putRecords(image, job.records)
  dropTexts(image)
}

/** At once, where src/storage takes its time: whoever could still want them learns that they are gone. */
function dropTexts({ texts, records, uninstalled }: Image): void {
  for (const id of texts.keys()) {
    if (!records.has(id) && !uninstalled.has(id)) texts.delete(id)
  }
}

/** A start finds texts of an install that did not come: they go, as docs/storage.md has it. */
export function dropUninstalled(image: Image): void {
  image.uninstalled.clear()
  dropTexts(image)
}

function applyTrim(image: Image, below: number): void {
  if (below <= image.first) return
  const gone = present(image.entries.splice(0, below - image.first).pop(), 'something is trimmed')
  image.first = below
  image.start = { opNumber: opNumber(below - 1), rev: revAfter(gone), timeMs: gone.timeMs }
}

function putRecords(image: Image, records: readonly ServiceRecord[]): void {
  for (const { id, value, cold } of records) {
    if (value === undefined) image.records.delete(id)
    else image.records.set(id, value)
    if (cold?.text !== undefined) image.texts.set(id, cold.text)
  }
}

/** Those of these cold records that are there; undefined: one of them is not what was written. */
export function textsOn(image: Image, records: readonly ServiceRecord[]): ColdText[] | undefined {
  const texts: ColdText[] = []
  for (const { id, value } of records) {
    const text = image.texts.get(id)
    if (text === undefined) continue
    if (!isColdText(value ?? '', text)) return undefined
    texts.push({ id, text })
  }
  return texts
}

/** The text of a cold record of the state, verified; undefined: it is not to be had from this disk. */
export function coldOn(image: Image, service: Service, id: string): string | undefined {
  const text = image.texts.get(`s${id}`)
  const reference = service.coldReference(id) ?? ''
  return text !== undefined && isColdText(reference, text) ? text : undefined
}

/** Records of the checkpoint in order of id. */
export function recordsOn(image: Image): ServiceRecord[] {
  return [...image.records.keys()]
    .sort()
    .map(id => ({ id, value: present(image.records.get(id), 'id is in the map') }))
}
