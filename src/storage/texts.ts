/**
 * The texts of cold records: read one at a time, and verified. A text goes together with the last version
 * that refers to it, in any generation that counts or may come to count; and before that version, so that a
 * crash leaves no text without one.
 */
import { isColdText } from '../vr/cold.ts'
import type { Database } from './database.ts'
import { readKeys, readNewestKey } from './database.ts'
import { unseal } from './envelope.ts'
import { idOf, isCold, textKey, versionsOf } from './keys.ts'
import { Damage } from './refusal.ts'
import type { ShardStore } from './shard-store.ts'
import { decodeText } from './values.ts'

const LAST = Number.MAX_SAFE_INTEGER
/** Versions of a cold record in one generation: made, gone, and once more where an install repeats it. */
const VERSIONS = { count: 8, bytes: 4096 }

/** Undefined: the checkpoint has no such record. Throws Damage where it has, and the text is not there or another. */
export async function readCold(
  db: Database,
  store: ShardStore,
  id: string,
  reference: string,
): Promise<string | undefined> {
  const key = textKey(store.shard, id)
  const value = await db.get(key, { fillCache: false })
  const what = `the text of the record ${JSON.stringify(id)} of shard ${store.shard}`
  if (value === undefined) {
    if (await isInCheckpoint(db, store, id)) throw new Damage(`${what} is missing`)
    return undefined
  }
  const text = decodeText(unseal(key, value))
  if (!isColdText(reference, text)) throw new Damage(`${what} is another`)
  return text
}

async function isInCheckpoint(db: Database, store: ShardStore, id: string): Promise<boolean> {
  const { generation, checkpoint } = store.durable.manifest
  const range = versionsOf(store.shard, { generation, id, opNumber: checkpoint.opNumber })
  const newest = await readNewestKey(db, range)
  return newest !== undefined && isCold(newest)
}

/** Keys of versions that will be deleted, with those of the texts that go with them. */
export async function withTexts(
  db: Database,
  store: ShardStore,
  versions: readonly Buffer[],
): Promise<Buffer[]> {
  const keys: Buffer[] = []
  for (const version of versions) {
    if (isCold(version) && !(await isReferenced(db, store, idOf(version)))) {
      keys.push(textKey(store.shard, idOf(version)))
    }
    keys.push(version)
  }
  return keys
}

async function isReferenced(db: Database, store: ShardStore, id: string): Promise<boolean> {
  if (await isInCheckpoint(db, store, id)) return true
  const { generation } = store.durable.manifest
  for (let later = generation + 1; later <= store.topGeneration; later++) {
    const range = versionsOf(store.shard, { generation: later, id, opNumber: LAST })
    const keys = await readKeys(db, { range, limit: VERSIONS })
    if (keys.some(isCold)) return true
  }
  return false
}
