/** How much of what is in the database, table by table; with `verify` every value is checked as well. */
import type { Database } from './database.ts'
import { readSlice } from './database.ts'
import { isSound } from './envelope.ts'
import type { KeyRange } from './keys.ts'
import {
  changesRange,
  decodeLogKey,
  decodeNumber,
  idOf,
  idOfText,
  logRange,
  manifestsOf,
  recordsFrom,
  textsOf,
  underWayOf,
  versionOf,
  vsrsOf,
} from './keys.ts'

export interface TableSize {
  /** As in keys.ts. */
  readonly table: string
  readonly holds: string
  readonly count: number
  /** Of keys and values, before LevelDB compresses them. */
  readonly bytes: number
}

/** Values of one table that do not check. */
export interface TableDamage {
  /** The first of them. */
  readonly first: string
  readonly count: number
}

const SLICE = { count: 1_000, bytes: 1024 * 1024 }
const LAST = Number.MAX_SAFE_INTEGER

interface Table {
  readonly table: string
  readonly holds: string
  readonly range: (shard: number) => KeyRange
  readonly nameOf: (key: Buffer) => string
}

const TABLES: readonly Table[] = [
  {
    table: 'L',
    holds: 'log entries',
    range: shard => logRange(shard, 0, LAST),
    nameOf: key => `entry ${decodeLogKey(key).opNumber}`,
  },
  {
    table: 'D',
    holds: 'changes',
    range: shard => changesRange(shard, 0, LAST),
    nameOf: key => `the changes of entry ${decodeNumber(key)}`,
  },
  {
    table: 'S',
    holds: 'state records',
    range: shard => recordsFrom(shard, 0),
    nameOf: key => `the record ${JSON.stringify(idOf(key))} of op ${versionOf(key)}`,
  },
  {
    table: 'T',
    holds: 'texts of cold records',
    range: textsOf,
    nameOf: key => `the text of the record ${JSON.stringify(idOfText(key))}`,
  },
  {
    table: 'C',
    holds: 'checkpoints',
    range: manifestsOf,
    nameOf: key => `checkpoint manifest ${decodeNumber(key)}`,
  },
  {
    table: 'V',
    holds: 'views',
    range: vsrsOf,
    nameOf: key => `view record ${decodeNumber(key)}`,
  },
  {
    table: 'P',
    holds: 'unfinished checkpoints',
    range: underWayOf,
    nameOf: key => `marker ${decodeNumber(key)}`,
  },
]

export async function measureTables(
  db: Database,
  shard: number,
  verify: boolean,
): Promise<{ readonly tables: TableSize[]; readonly damage: TableDamage[] }> {
  const tables: TableSize[] = []
  const damage: TableDamage[] = []
  for (const { table, holds, range, nameOf } of TABLES) {
    let [count, bytes, bad] = [0, 0, 0]
    let first = ''
    let after: Buffer | undefined
    for (;;) {
      const rows = await readSlice(db, { range: range(shard), after, limit: SLICE })
      if (rows.length === 0) break
      after = rows.at(-1)?.[0]
      for (const [key, value] of rows) {
        count++
        bytes += key.length + value.length
        if (!verify || isSound(key, value)) continue
        if (bad++ === 0) first = `${nameOf(key)} of shard ${shard}`
      }
    }
    tables.push({ table, holds, count, bytes })
    if (bad > 0) damage.push({ first, count: bad })
  }
  return { tables, damage }
}
