/** What a running replica asked its disk for, asked of the real store at the same point. */

import { isIntact } from '../../sim/audit.ts'
import type { DiskEvent } from '../../sim/recorder.ts'
import type { Store } from '../../storage/port.ts'
import { StorageError } from '../../storage/port.ts'
import type { Effect, Input } from '../../vr/effect.ts'
import type { Entry } from '../../vr/entry.ts'
import { assertSame, Mismatch } from './compare.ts'

type Read = Extract<DiskEvent, { type: 'read' }>

export interface Known {
  /** Something on the disk is damaged, and the real code may look at more of it than the simulated. */
  readonly isHurt: boolean
  /** Checksums of all entries that may be there. */
  readonly archive: ReadonlyMap<number, string>
}

export async function compareRead(
  store: Store,
  { effect, answer }: Read,
  known: Known,
): Promise<void> {
  if (effect.type === 'load') {
    const entries = answer?.type === 'loaded' ? answer.entries : undefined
    return compareLoad(store, effect, entries, known)
  }
  const texts = answer?.type === 'texts-loaded' ? answer.texts : undefined
  return compareTexts(store, effect, texts)
}

async function compareLoad(
  store: Store,
  { first, last, bytesMax }: Extract<Effect, { type: 'load' }>,
  entries: Extract<Input, { type: 'loaded' }>['entries'] | undefined,
  { isHurt, archive }: Known,
): Promise<void> {
  const found = await orDamage(store.readEntries(0, first, last, bytesMax))
  if (found instanceof StorageError) {
    if (isHurt) return
    throw new Mismatch('store-restores', `entries ${first} to ${last}: ${found.message}`)
  }
  if (entries === undefined) {
    // It may give less than was asked for, and so end before what is damaged.
    const isWritten = (entry: Entry, i: number): boolean =>
      isIntact(entry) && entry.opNumber === first + i && archive.get(first + i) === entry.checksum
    if (found.length > 0 && found.every(isWritten)) return
    throw new Mismatch('store-notices', `damaged entries from ${first} on are read`)
  }
  // What it has trimmed, the simulated disk does not have; here it may not be deleted yet.
  if (entries.length === 0) return
  if (found.length === 0) throw new Mismatch('store-restores', `entry ${first} is not read`)
  const checksums = found.map(({ checksum }) => checksum)
  const expected = entries.slice(0, found.length).map(({ checksum }) => checksum)
  assertSame(`entries from ${first} on`, checksums, expected)
}

async function compareTexts(
  store: Store,
  { records }: Extract<Effect, { type: 'load-texts' }>,
  texts: Extract<Input, { type: 'texts-loaded' }>['texts'] | undefined,
): Promise<void> {
  let isDamaged = false
  for (const { id, value } of records) {
    const found = await orDamage(store.readCold(0, id, value ?? ''))
    if (found instanceof StorageError) {
      if (texts !== undefined) throw new Mismatch('store-restores', found.message)
      isDamaged = true
      await store.condemn(found.message)
    } else if (texts !== undefined) {
      const expected = texts.find(text => text.id === id)?.text
      if (expected !== undefined) assertSame(`the text of ${id}`, found, expected)
    }
  }
  if (texts === undefined && !isDamaged) {
    throw new Mismatch('store-notices', 'a damaged text is read')
  }
}

async function orDamage<T>(read: Promise<T>): Promise<T | StorageError> {
  try {
    return await read
  } catch (error) {
    if (error instanceof StorageError && error.reason === 'damaged') return error
    throw error
  }
}
