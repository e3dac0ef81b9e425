/**
 * How a start finds out what a disk did behind our backs: a model, in a few lines, of what src/storage does
 * with LevelDB's files. docs/storage.md, «The audit».
 */

import { digest } from '../base/hash.ts'
import { isColdText } from '../vr/cold.ts'
import type { Effect, Input } from '../vr/effect.ts'
import type { Entry } from '../vr/entry.ts'
import type { Damage, DamagedRun } from '../vr/repair.ts'
import { restored } from '../vr/restart.ts'
import type { Replica } from '../vr/state.ts'
import { checksumOf, opNumber } from '../vr/terms.ts'
import { type Disk, entriesOn, entryOn, headOf, type Image, textsOn } from './disk.ts'
import { isColdOnDisk } from './pages.ts'

/** Begins a value whose envelope does not check. */
export const UNSEALED = '\0'

/** An entry as it was written: what its bytes hash to is what it is called. */
export function isIntact({ bytes, checksum }: Entry): boolean {
  return digest(bytes) === checksum
}

/** Read back from op `first` on, every one is what it should be: src/storage verifies what it reads. */
export function areIntact(entries: readonly Entry[], first: number): boolean {
  return entries.every((entry, i) => entry.opNumber === first + i && isIntact(entry))
}

type Loaded = Extract<Input, { type: 'loaded' | 'texts-loaded' }>

/** What a replica asked its disk for; undefined: it is not what was written. */
export function readBack(
  { image, record }: Pick<Disk, 'image' | 'record'>,
  effect: Extract<Effect, { type: 'load' | 'load-texts' }>,
): Loaded | undefined {
  const { token } = effect
  if (effect.type === 'load-texts') {
    const texts = textsOn(image, effect.records)
    const answer = texts && ({ type: 'texts-loaded', token, texts } as const)
    record?.({ type: 'read', effect, answer })
    return answer
  }
  const entries = entriesOn(image, effect.first, effect.last, effect.bytesMax)
  const isIntact = areIntact(entries, effect.first)
  const answer = isIntact ? ({ type: 'loaded', token, entries } as const) : undefined
  record?.({ type: 'read', effect, answer })
  return answer
}

/** A cold record whose text is not what its reference names, or missing. */
function damagedText({ records, texts }: Image): string | undefined {
  for (const [id, reference] of records) {
    if (isColdOnDisk(id) && !isColdText(reference, texts.get(id) ?? '')) return id
  }
  return undefined
}

/** What a start finds, if anything is wrong. */
export interface Finding {
  /** What cannot be repaired here: the directory is set aside. */
  readonly lost?: string
  /** At or below the checkpoint up to here something is damaged: the log begins behind it. */
  readonly behind?: number
  /** Damaged entries behind the checkpoint, with what is known of them. */
  readonly damage?: Damage
}

/** Every entry whole, the child of the one before, none missing up to the witness; records whole. */
export function audit(image: Image): Finding {
  const lost = lostOn(image)
  if (lost !== undefined) return { lost }
  const { checkpoint, first } = image
  const head = Math.max(headOf(image), image.witness?.opNumber ?? 0)
  let behind: number | undefined
  const bad: number[] = []
  for (let op = first; op <= head; op++) {
    if (isWhole(image, op)) continue
    if (op <= checkpoint.opNumber) behind = op
    else bad.push(op)
  }
  const damage = bad.length > 0 ? { head: opNumber(head), runs: runsOf(image, bad) } : undefined
  return { ...(behind && { behind }), ...(damage && { damage }) }
}

/** What is lost for good, or contradicts what was promised. */
function lostOn(image: Image): string | undefined {
  const { checkpoint, witness, condemned, records } = image
  if (condemned !== undefined) return condemned
  for (const [id, value] of records) {
    if (value.startsWith(UNSEALED)) return `record ${id} is damaged`
  }
  const cold = damagedText(image)
  // A start does not read them; whoever finds one damaged says so to the next start.
  if (cold !== undefined) return `the text of ${cold} is damaged`
  const next = readable(image, checkpoint.opNumber + 1)
  if (next && isWhole(image, next.opNumber) && next.parent !== checkpoint.checksum) {
    return `entry ${next.opNumber} does not follow the checkpoint`
  }
  const last = witness && readable(image, witness.opNumber)
  if (last && last.checksum !== witness.checksum) {
    return `entry ${witness.opNumber} is another than it was`
  }
  if (headOf(image) > (witness?.opNumber ?? 0) && !isWhole(image, headOf(image))) {
    return `entry ${headOf(image)} is damaged, and nothing tells what it was`
  }
  return undefined
}

/** It checks by itself, and is the one that the next names. */
function isWhole(image: Image, op: number): boolean {
  const entry = readable(image, op)
  if (entry === undefined) return false
  const { checkpoint } = image
  if (op === checkpoint.opNumber && entry.checksum !== checkpoint.checksum) return false
  const next = readable(image, op + 1)
  return next === undefined || next.parent === entry.checksum
}

/** Under its own key, as it was written. */
export function readable(image: Image, op: number): Entry | undefined {
  const entry = entryOn(image, op)
  return entry?.opNumber === op && isIntact(entry) ? entry : undefined
}

function runsOf(image: Image, bad: readonly number[]): DamagedRun[] {
  const runs: DamagedRun[] = []
  for (const last of bad.filter(op => !bad.includes(op + 1))) {
    let first = last
    while (bad.includes(first - 1)) first--
    const checksum = readable(image, last + 1)?.parent ?? checksumOf(image.witness?.checksum ?? '')
    runs.push({ first: opNumber(first), last: opNumber(last), checksum })
  }
  return runs
}

/** As the store does while it opens: the log begins behind what backs nothing, and has a place for what is missing. */
export function prepareRepair(image: Image, { behind, damage }: Finding): void {
  const { entries, checkpoint } = image
  if (behind !== undefined) {
    entries.splice(0, behind + 1 - image.first)
    image.first = behind + 1
    const oldest = behind < checkpoint.opNumber ? readable(image, behind + 1) : undefined
    image.start = oldest
      ? { opNumber: opNumber(behind), rev: oldest.revBefore, timeMs: oldest.timeMs }
      : checkpoint
  }
  const missing = damage ? damage.head - headOf(image) : 0
  for (let i = 0; i < missing; i++) entries.push(NOTHING)
}

/** In the place of an entry that is gone. */
const NOTHING = {
  bytes: new Uint8Array(0),
  checksum: '',
  parent: '',
  opNumber: 0,
} as Partial<Entry> as Entry

/** The records that were loaded are the state that the checkpoint names. */
export function isRestored(replica: Replica): boolean {
  try {
    restored(replica)
    return true
  } catch {
    // It says why; the start that follows says that the data is set aside.
    return false
  }
}
