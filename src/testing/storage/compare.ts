/** What the real store says of a shard, against what the simulated replica was given at the same start. */
import { present } from '../../base/assert.ts'
import { isIntact } from '../../sim/audit.ts'
import { entryOn, headOf, type Image, recordsOn } from '../../sim/disk.ts'
import { isColdOnDisk } from '../../sim/pages.ts'
import { unseal } from '../../storage/envelope.ts'
import {
  generationOf,
  idOf,
  idOfText,
  isCold,
  type KeyRange,
  manifestsOf,
  recordsFrom,
  textKey,
  textsOf,
  versionOf,
} from '../../storage/keys.ts'
import { decodeManifest, type Manifest } from '../../storage/manifest.ts'
import type { ShardImage, Store } from '../../storage/port.ts'
import { StorageError } from '../../storage/port.ts'
import type { VsrRecord } from '../../vr/effect.ts'
import type { Entry } from '../../vr/entry.ts'
import type { Damage } from '../../vr/repair.ts'
import type { ServiceRecord } from '../../vr/service.ts'
import { keyOf, type Table, textOf } from './table.ts'

const rowsIn = (table: Table, { gte, lte }: KeyRange): Buffer[] =>
  table.range(textOf(gte), textOf(lte)).map(keyOf)

const BYTES_MAX = 1 << 30

/** The store and the simulated disk do not agree. */
export class Mismatch extends Error {
  override readonly name = 'Mismatch'
  readonly property: string

  constructor(property: string, message: string) {
    super(`${property}: ${message}`)
    this.property = property
  }
}

const tell = (value: unknown): string => JSON.stringify(value) ?? 'nothing'

export function assertSame(
  what: string,
  found: unknown,
  expected: unknown,
  property = 'store-restores',
): void {
  const [a, b] = [tell(found), tell(expected)]
  if (a !== b) throw new Mismatch(property, `${what} is ${a}, and was ${b}`)
}

/** Positions first: they tell most. */
export function compareImage(found: ShardImage, image: Image, damage: Damage | undefined): void {
  assertSame('the view record', promisedIn(found.vsr), promisedIn(image.vsr))
  const { opNumber, checksum, rev, timeMs, lamport, stateHash } = image.checkpoint
  const expected = { opNumber, checksum, rev, timeMs, lamport, stateHash }
  assertSame('the checkpoint', found.checkpoint, expected)
  assertSame('the head of the log', found.head, headOf(image))
  assertSame('the damage', found.damage, damage)
  // What was trimmed and not deleted yet may be there again.
  if (found.first <= image.first) return
  throw new Mismatch('store-restores', `the log begins at ${found.first}, and was ${image.first}`)
}

/** A superblock does not know `cut`, which says nothing of who is recovering. */
const promisedIn = ({ epochNumber, viewNumber, lastNormalView, recovering, cut }: VsrRecord) =>
  recovering
    ? { epochNumber, viewNumber, lastNormalView, recovering }
    : { epochNumber, viewNumber, lastNormalView, cut }

/** `archived`: checksums of entries that the simulated disk has trimmed. */
export async function compareEntries(
  store: Store,
  image: Image,
  damage: Damage | undefined,
  archived: ReadonlyMap<number, string>,
): Promise<void> {
  const { first, head } = store.shards[0] as ShardImage
  const isDamaged = (op: number): boolean =>
    damage?.runs.some(run => run.first <= op && op <= run.last) ?? false
  for (let op = first; op <= head; ) {
    if (isDamaged(op)) {
      op++
      continue
    }
    let last = op
    while (last < head && !isDamaged(last + 1)) last++
    const entries = await store.readEntries(0, op, last, BYTES_MAX)
    for (const entry of entries) assertEntry(entry, op++, image, archived)
    if (op <= last) throw new Mismatch('store-restores', `entry ${op} cannot be read`)
  }
}

function assertEntry(
  entry: Entry,
  op: number,
  image: Image,
  archived: ReadonlyMap<number, string>,
): void {
  const expected = op < image.first ? archived.get(op) : entryOn(image, op)?.checksum
  assertSame(`entry ${op}`, [entry.opNumber, entry.checksum], [op, expected])
  if (!isIntact(entry)) throw new Mismatch('store-restores', `the bytes of entry ${op} are others`)
}

/** A text goes with the last version that refers to it, or before it; and not while the checkpoint refers to it. */
export function assertTexts(table: Table): void {
  const versions = rowsIn(table, recordsFrom(0, 0))
  const referred = new Set(versions.filter(isCold).map(idOf))
  const texts = new Set(rowsIn(table, textsOf(0)).map(idOfText))
  for (const id of texts) {
    if (!referred.has(id)) throw new Mismatch('store-texts', `nothing refers to the text of ${id}`)
  }
  const { generation, checkpoint } = manifestIn(table)
  const counting = versions.filter(
    key => generationOf(key) === generation && versionOf(key) <= checkpoint.opNumber,
  )
  const newest = new Map(counting.map(key => [idOf(key), key]))
  for (const [id, key] of newest) {
    if (!isCold(key) || texts.has(id)) continue
    throw new Mismatch('store-texts', `${id} is in the checkpoint, and its text is gone`)
  }
}

/** Of these ids, which wait for an install. */
export function assertTextsThere(table: Table, ids: readonly string[]): void {
  for (const id of ids) {
    if (table.get(textOf(textKey(0, id))) !== undefined) continue
    throw new Mismatch(
      'store-texts',
      `the text of ${id}, which an install to come refers to, is gone`,
    )
  }
}

export function manifestIn(table: Table): Manifest {
  const key = present(rowsIn(table, manifestsOf(0)).at(-1), 'there is a checkpoint')
  return decodeManifest(unseal(key, present(table.get(textOf(key)), 'the key has a value')))
}

export async function recordsIn(store: Store): Promise<ServiceRecord[]> {
  const records: ServiceRecord[] = []
  for await (const record of store.readRecords(0)) records.push(record)
  return records
}

export async function compareRecords(store: Store, image: Image): Promise<void> {
  const rowOf = ({ id, value, cold }: ServiceRecord) => [id, value, cold !== undefined]
  const expected = recordsOn(image).map(({ id, value }) => [id, value, isColdOnDisk(id)])
  const found = (await recordsIn(store)).map(rowOf)
  const at = expected.findIndex((row, i) => tell(row) !== tell(found[i]))
  if (at >= 0) assertSame(`record ${at}`, found[at], expected[at])
  assertSame('the number of records', found.length, expected.length)
  for (const [id, value, isCold] of expected) {
    if (!isCold) continue
    const text = await store.readCold(0, String(id), String(value))
    assertSame(`the text of ${id}`, text, image.texts.get(String(id)))
  }
}

/** Reads all of the checkpoint; gives what is not as it was written. */
export async function findDamage(store: Store): Promise<StorageError | undefined> {
  try {
    for (const { id, value, cold } of await recordsIn(store)) {
      if (cold !== undefined) await store.readCold(0, id, value ?? '')
    }
    return undefined
  } catch (error) {
    if (error instanceof StorageError) return error
    throw error
  }
}
