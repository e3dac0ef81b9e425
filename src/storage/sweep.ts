/**
 * Finds the versions of state records that no longer count, without an index of all records: every
 * now and then the keys are read once, in slices, and those superseded are queued for deletion. That
 * happens when the versions written since the last time are half of what it left, so a version costs a
 * constant number of key reads, and the disk holds less than twice the state (and 1 000 records).
 */
import type { ServiceRecord } from '../vr/service.ts'
import type { KeyRange } from './keys.ts'
import { generationOf, isGone, isSameRecord, isText, recordsFrom, versionOf } from './keys.ts'
import type { Manifest } from './manifest.ts'

const WRITTEN_MIN = 1_000
/** A cold record that is gone leaves a text behind, which is as large as so many records are together. */
const COLD_WEIGHT = 64
/** Keys that wait for deletion; no more are looked for until they are gone. */
const GARBAGE_MAX = 4_000

interface Run {
  readonly manifest: Manifest
  readonly written: number
  /** The newest version, so far, of the record being looked at. */
  candidate: Buffer | undefined
  after: Buffer | undefined
  live: number
}

export class RecordSweep {
  readonly #shard: number
  #manifest: Manifest
  /** No record on disk has a generation below. */
  #lowestGeneration: number
  #swept: number
  /** Versions that the manifest made count, since the last sweep began. */
  #written: number
  /** Those of the checkpoint under way. */
  #pending = 0
  #run: Run | undefined
  /** Older versions stand before newer ones, and are deleted no later. */
  #garbage: Buffer[] = []
  /** Texts that nothing referred to when a slice was looked at: those in the garbage. */
  readonly #unreferred = new Set<string>()
  /** Texts written since the slice was read that is being looked at; undefined: none is. */
  #writtenTexts: Set<string> | undefined
  /** Readers of the checkpoint, or of a frozen state: what they may still need is not looked for. */
  #readers = 0

  constructor(shard: number, manifest: Manifest, lowestGeneration: number) {
    this.#shard = shard
    this.#manifest = manifest
    this.#lowestGeneration = lowestGeneration
    this.#swept = manifest.swept
    this.#written = manifest.written
  }

  get swept(): number {
    return this.#swept
  }

  /** As the next manifest will have it. */
  get written(): number {
    return this.#written + this.#pending
  }

  onWritten(records: readonly ServiceRecord[]): void {
    for (const { value, cold } of records) {
      this.#pending += value === undefined && cold !== undefined ? COLD_WEIGHT : 1
    }
  }

  /** Durable now. */
  onManifest(manifest: Manifest): void {
    if (manifest === this.#manifest) return
    const isSame = manifest.generation === this.#manifest.generation
    this.#swept = isSame ? this.#swept : manifest.swept
    this.#written = isSame ? this.written : manifest.written
    this.#pending = 0
    this.#manifest = manifest
  }

  pin(): void {
    this.#readers++
  }

  unpin(): void {
    this.#readers--
  }

  takeGarbage(count: number): Buffer[] {
    const taken = this.#garbage.splice(0, count)
    return taken.filter(key => !isText(key) || this.#unreferred.delete(nameOf(key)))
  }

  /** A text is written that may have been here before, fetched for a state that did not come: now it is to stay. */
  onText(key: Buffer): void {
    this.#unreferred.delete(nameOf(key))
    this.#writtenTexts?.add(nameOf(key))
  }

  /** All that was found is deleted, or in the batch in flight, and nothing more is looked for. */
  get isIdle(): boolean {
    return this.#run === undefined && this.#garbage.length === 0
  }

  /** The slice of keys to read next, if there is one to read. */
  next(): { readonly range: KeyRange; readonly after: Buffer | undefined } | undefined {
    if (this.#garbage.length >= GARBAGE_MAX) return undefined
    if (this.#run === undefined) {
      if (!this.#isDue() || this.#readers > 0) return undefined
      this.#run = {
        manifest: this.#manifest,
        written: this.#written,
        candidate: undefined,
        after: undefined,
        live: 0,
      }
    }
    this.#writtenTexts = new Set()
    return { range: recordsFrom(this.#shard, this.#lowestGeneration), after: this.#run.after }
  }

  /** In this order; with a cold record's last version goes its text. */
  discard(keys: readonly Buffer[]): void {
    for (const key of keys) {
      if (isText(key) && !this.#writtenTexts?.has(nameOf(key))) this.#unreferred.add(nameOf(key))
      this.#garbage.push(key)
    }
    this.#writtenTexts = undefined
  }

  /** Keys of the slice; none: that was the end. Gives those that no longer count, to be discarded in that order. */
  onKeys(keys: readonly Buffer[]): Buffer[] {
    const run = this.#run
    const found: Buffer[] = []
    if (run === undefined) return found
    for (const key of keys) look(run, key, found)
    run.after = keys.at(-1)
    if (keys.length === 0) this.#end(run, found)
    return found
  }

  #end(run: Run, found: Buffer[]): void {
    close(run, found)
    this.#run = undefined
    this.#lowestGeneration = run.manifest.generation
    if (run.manifest.generation !== this.#manifest.generation) return
    this.#swept = run.live
    this.#written -= run.written
  }

  #isDue(): boolean {
    if (this.#lowestGeneration < this.#manifest.generation) return true
    return this.#written >= Math.max(WRITTEN_MIN, this.#swept / 2)
  }
}

const nameOf = (key: Buffer): string => key.toString('latin1')

function look(run: Run, key: Buffer, found: Buffer[]): void {
  const { generation, checkpoint } = run.manifest
  if (generationOf(key) < generation) {
    found.push(key)
    return
  }
  if (run.candidate !== undefined && !isSameRecord(run.candidate, key)) close(run, found)
  if (generationOf(key) > generation || versionOf(key) > checkpoint.opNumber) return
  if (run.candidate !== undefined) found.push(run.candidate)
  run.candidate = key
}

function close(run: Run, found: Buffer[]): void {
  if (run.candidate === undefined) return
  if (isGone(run.candidate)) found.push(run.candidate)
  else run.live++
  run.candidate = undefined
}
