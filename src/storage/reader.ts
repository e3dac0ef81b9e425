/** Reads from the database for one shard, everything verified. */
import type { Entry } from '../vr/entry.ts'
import type { ServiceRecord } from '../vr/service.ts'
import type { Database } from './database.ts'
import { readSlice } from './database.ts'
import { unseal } from './envelope.ts'
import {
  changesRange,
  decodeNumber,
  idOf,
  isCold,
  isGone,
  isSameRecord,
  logRange,
  recordKey,
  recordsOf,
  versionOf,
} from './keys.ts'
import { Damage } from './refusal.ts'
import type { ShardStore } from './shard-store.ts'
import { decodeEntry, decodeText } from './values.ts'

const SLICE = { count: 1_000, bytes: 1024 * 1024 }

export interface OpRange {
  readonly first: number
  readonly last: number
}

/** Entries from `first` on without a gap; none when `first` is no longer, or not yet, there. */
export async function readEntries(
  db: Database,
  store: ShardStore,
  { first, last }: OpRange,
  bytesMax: number,
): Promise<Entry[]> {
  if (first < store.log.first || last < first) return []
  // With the iterator, and so with its snapshot: a batch in flight may change both.
  const expected = Math.min(last, store.expectedHead)
  const limit = {
    count: Math.min(last - first + 1, 10_000),
    bytes: Math.min(bytesMax, 16 * 1024 * 1024),
  }
  const rows = await readSlice(db, { range: logRange(store.shard, first, last), limit })
  const entries: Entry[] = []
  let bytes = 0
  for (const [key, value] of rows) {
    const entry = decodeEntry(store.shard, key, unseal(key, value))
    const op = first + entries.length
    if (entry.opNumber !== op) break
    const before = entries.at(-1)
    if (before !== undefined && entry.parent !== before.checksum) {
      throw new Damage(`entry ${op} of shard ${store.shard} does not follow the entry before it`)
    }
    bytes += entry.bytes.length
    if (before !== undefined && bytes > bytesMax) return entries
    entries.push(entry)
  }
  const next = first + entries.length
  if (entries.length < rows.length ? next <= expected : entries.length === 0 && first <= expected) {
    throw new Damage(`entry ${next} of shard ${store.shard} is missing`)
  }
  return entries
}

export async function readChanges(
  db: Database,
  store: ShardStore,
  { first, last }: OpRange,
): Promise<{ opNumber: number; text: string }[]> {
  const changes: { opNumber: number; text: string }[] = []
  const from = Math.max(first, store.log.first)
  if (last < from) return changes
  const range = changesRange(store.shard, from, last)
  let after: Buffer | undefined
  for (;;) {
    const rows = await readSlice(db, { range, after, limit: SLICE })
    if (rows.length === 0) return changes
    after = rows.at(-1)?.[0]
    for (const [key, value] of rows) {
      changes.push({ opNumber: decodeNumber(key), text: decodeText(unseal(key, value)) })
    }
  }
}

/** Records of the checkpoint that is durable now, in order of id, some at a time. It is kept until the end. */
export async function* readRecords(
  db: Database,
  store: ShardStore,
  behind?: string,
): AsyncGenerator<ServiceRecord[]> {
  const { generation, checkpoint } = store.durable.manifest
  const range = recordsOf(store.shard, generation)
  let newest: [Buffer, Buffer] | undefined
  let after = behind === undefined ? undefined : lastVersion(store.shard, generation, behind)
  store.sweep.pin()
  try {
    for (;;) {
      const rows = await readSlice(db, { range, after, limit: SLICE })
      const records: ServiceRecord[] = []
      for (const row of rows) {
        if (newest !== undefined && !isSameRecord(newest[0], row[0])) {
          takeRecord(newest, records)
          newest = undefined
        }
        if (versionOf(row[0]) <= checkpoint.opNumber) newest = row
      }
      after = rows.at(-1)?.[0]
      if (after === undefined && newest !== undefined) takeRecord(newest, records)
      yield records
      if (after === undefined) return
    }
  } finally {
    store.sweep.unpin()
  }
}

/** No version of the record sorts behind it. */
const lastVersion = (shard: number, generation: number, id: string): Buffer =>
  recordKey(shard, { generation, id, opNumber: Number.MAX_SAFE_INTEGER, kind: 'value' })

function takeRecord([key, value]: [Buffer, Buffer], records: ServiceRecord[]): void {
  const payload = unseal(key, value)
  if (isGone(key)) return
  const record = { id: idOf(key), value: decodeText(payload) }
  records.push(isCold(key) ? { ...record, cold: {} } : record)
}
