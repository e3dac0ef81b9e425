/** What a disk does to an image behind our backs. audit.ts finds out. */
import type { Prng } from '../base/prng.ts'
import type { Entry } from '../vr/entry.ts'
import { readable, UNSEALED } from './audit.ts'
import type { Image } from './disk.ts'

/** What became of one thing on a disk, for whoever does the same to a real one. */
export type Hurt =
  /** The entry's bytes are others · those of the entry before stand there · it and all behind it are gone. */
  | { readonly type: 'flipped' | 'misdirected' | 'tail'; readonly opNumber: number }
  /** A record of the checkpoint is gone, has another value, or another text. */
  | { readonly type: 'gone' | 'value' | 'text'; readonly id: string }

export interface Rot {
  readonly hurt: Hurt
  readonly what: string
}

const WAYS = ['flip', 'flip', 'misdirected', 'record', 'tail'] as const

/** Damages something; `undefined` where there was nothing to damage. */
export function rot(image: Image, prng: Prng, isUp: boolean): Rot | undefined {
  const way = prng.pick(WAYS)
  if (way === 'record') return rotRecord(image, prng)
  const { entries } = image
  if (entries.length === 0) return undefined
  const at = prng.int(0, entries.length - 1)
  const entry = entries[at] as Entry
  const { opNumber } = entry
  image.damaged = true
  // A running process does not read its log's end, and so would not notice that it is gone.
  if (way === 'tail' && !isUp) {
    entries.length = at
    return { hurt: { type: 'tail', opNumber }, what: `loses its log from n${opNumber} on` }
  }
  if (way === 'misdirected' && at > 0) {
    entries[at] = entries[at - 1] as Entry
    return { hurt: { type: 'misdirected', opNumber }, what: `has another entry at n${opNumber}` }
  }
  entries[at] = flipped(entry, prng)
  return { hurt: { type: 'flipped', opNumber }, what: `has a flipped bit in n${opNumber}` }
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

function rotRecord(image: Image, prng: Prng): Rot | undefined {
  const ids = [...image.records.keys()].sort()
  if (ids.length === 0) return undefined
  const id = prng.pick(ids)
  image.damaged = true
  const text = image.texts.get(id)
  if (text !== undefined) {
    image.texts.set(id, `${text}${UNSEALED}`)
    return { hurt: { type: 'text', id }, what: `has a damaged text of ${id}` }
  }
  const isGone = prng.chance(0.5)
  if (isGone) image.records.delete(id)
  else image.records.set(id, `${UNSEALED}${image.records.get(id)}`)
  return { hurt: { type: isGone ? 'gone' : 'value', id }, what: `has a damaged record ${id}` }
}
