/** What a disk does to an image behind our backs. audit.ts finds out. */
import type { Prng } from '../base/prng.ts'
import type { Entry } from '../vr/entry.ts'
import { readable, UNSEALED } from './audit.ts'
import type { Image } from './disk.ts'

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
  entries[at] = flipped(entry, prng)
  return `has a flipped bit in n${entry.opNumber}`
}

/** Damages up to three entries that are whole on one of the other disks as well; gives their ops. */
export function rotApart(image: Image, others: readonly Image[], prng: Prng): number[] {
  const ops: number[] = []
  for (let tries = prng.int(0, 3); tries > 0 && image.entries.length > 0; tries--) {
    // The end of the log is where it hurts.
    const back = prng.int(0, Math.min(image.entries.length, prng.pick([2, 8, 64])) - 1)
    const at = image.entries.length - 1 - back
    const entry = readable(image, image.first + at)
    const isElsewhere = (other: Image): boolean =>
      readable(other, entry?.opNumber ?? 0)?.checksum === entry?.checksum
    if (entry === undefined || !others.some(isElsewhere)) continue
    image.entries[at] = flipped(entry, prng)
    image.damaged = true
    ops.push(entry.opNumber)
  }
  return ops.sort((a, b) => a - b)
}

function flipped(entry: Entry, prng: Prng): Entry {
  const bytes = entry.bytes.slice()
  const byte = prng.int(0, bytes.length - 1)
  bytes[byte] = (bytes[byte] ?? 0) ^ (1 << prng.int(0, 7))
  return { ...entry, bytes }
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
