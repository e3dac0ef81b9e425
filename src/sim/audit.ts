/**
 * What a disk does behind our backs, and how a start finds out: a model, in a few lines, of what
 * src/storage does with LevelDB's files. docs/storage.md, «The audit».
 */

import { digest } from '../base/hash.ts'
import type { Prng } from '../base/prng.ts'
import { isColdText } from '../vr/cold.ts'
import type { Effect, Input } from '../vr/effect.ts'
import type { Entry } from '../vr/entry.ts'
import { entriesOn, headOf, type Image, textsOn } from './disk.ts'
import { isPage } from './pages.ts'

/** Begins a value whose envelope does not check. */
const UNSEALED = '\0'

const WAYS = ['flip', 'flip', 'misdirected', 'record', 'tail'] as const

/** Damages something; says what, or `undefined` where there was nothing to damage. */
export function rot(image: Image, prng: Prng, isUp: boolean): string | undefined {
  const way = prng.pick(WAYS)
  if (way === 'record') return rotRecord(image, prng)
  const { entries } = image
  if (entries.length === 0) return undefined
  const at = prng.int(0, entries.length - 1)
  const entry = entries[at] as Entry
  image.damaged = true
  // A running process does not read its log's end, and so would not notice that it is gone.
  if (way === 'tail' && !isUp) {
    entries.length = at
    return `loses its log from n${entry.opNumber} on`
  }
  if (way === 'misdirected' && at > 0) {
    entries[at] = entries[at - 1] as Entry
    return `has another entry at n${entry.opNumber}`
  }
  const bytes = entry.bytes.slice()
  const byte = prng.int(0, bytes.length - 1)
  bytes[byte] = (bytes[byte] ?? 0) ^ (1 << prng.int(0, 7))
  entries[at] = { ...entry, bytes }
  return `has a flipped bit in n${entry.opNumber}`
}

function rotRecord(image: Image, prng: Prng): string | undefined {
  const ids = [...image.records.keys()].sort()
  if (ids.length === 0) return undefined
  const id = prng.pick(ids)
  image.damaged = true
  const text = image.texts.get(id)
  if (text !== undefined) {
    image.texts.set(id, `${text}${UNSEALED}`)
    return `has a damaged text of ${id}`
  }
  if (prng.chance(0.5)) image.records.delete(id)
  else image.records.set(id, `${UNSEALED}${image.records.get(id)}`)
  return `has a damaged record ${id}`
}

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
  image: Image,
  effect: Extract<Effect, { type: 'load' | 'load-texts' }>,
): Loaded | undefined {
  const { token } = effect
  if (effect.type === 'load-texts') {
    const texts = textsOn(image, effect.records)
    return texts && { type: 'texts-loaded', token, texts }
  }
  const entries = entriesOn(image, effect.first, effect.last, effect.bytesMax)
  return areIntact(entries, effect.first) ? { type: 'loaded', token, entries } : undefined
}

/** A cold record whose text is not what its reference names, or missing. */
function damagedText({ records, texts }: Image): string | undefined {
  for (const [id, reference] of records) {
    if (isPage(id.slice(1)) && !isColdText(reference, texts.get(id) ?? '')) return id
  }
  return undefined
}

/** What is wrong, if anything: every entry whole, the child of the one before, none missing; records whole. */
export function audit(image: Image): string | undefined {
  const { checkpoint, witness, first, entries } = image
  let parent = first === checkpoint.opNumber + 1 ? checkpoint.checksum : undefined
  for (const [i, entry] of entries.entries()) {
    const op = first + i
    if (!isIntact(entry)) return `entry ${op} is damaged`
    if (entry.opNumber !== op) return `entry ${entry.opNumber} is in the place of ${op}`
    if (parent !== undefined && entry.parent !== parent) return `entry ${op} follows another`
    if (op === checkpoint.opNumber && entry.checksum !== checkpoint.checksum) {
      return `entry ${op} is not the checkpointed one`
    }
    parent = entry.checksum
  }
  const last = first + entries.length - 1
  if (last < checkpoint.opNumber) return `entries ${last + 1} to ${checkpoint.opNumber} are missing`
  for (const [id, value] of image.records) {
    if (value.startsWith(UNSEALED)) return `record ${id} is damaged`
  }
  const cold = damagedText(image)
  // A start does not read them; whoever finds one damaged says so to the next start.
  if (cold !== undefined) return `the text of ${cold} is damaged`
  if (headOf(image) < (witness?.opNumber ?? 0)) {
    return `the log ends at ${headOf(image)}, after having reached ${witness?.opNumber}`
  }
  return undefined
}
