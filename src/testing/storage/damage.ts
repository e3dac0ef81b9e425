/** What the simulated disk suffers, done to the rows of the real code's database. */
import type { Prng } from '../../base/prng.ts'
import type { Hurt } from '../../sim/rot.ts'
import { isSound } from '../../storage/envelope.ts'
import {
  type KeyRange,
  logRange,
  manifestsOf,
  textKey,
  versionsOf,
  vsrsOf,
} from '../../storage/keys.ts'
import { manifestIn } from './compare.ts'
import type { Directory } from './disk.ts'
import { keyOf, type Table, textOf } from './table.ts'

const LAST = Number.MAX_SAFE_INTEGER

/** The database of a data directory, which has one. */
export const tableOf = (folder: Directory): Table =>
  (folder.names.get('db') as Directory).table as Table

const keysIn = (table: Table, { gte, lte }: KeyRange): string[] =>
  table.range(textOf(gte), textOf(lte))

const entriesAt = (table: Table, op: number): string[] => keysIn(table, logRange(0, op, op))

export function hurtRows(table: Table, hurt: Hurt, prng: Prng): void {
  switch (hurt.type) {
    case 'flipped':
      for (const key of entriesAt(table, hurt.opNumber)) flip(table, key, prng)
      return
    case 'misdirected': {
      const before = entriesAt(table, hurt.opNumber - 1)[0]
      const value = before === undefined ? undefined : table.get(before)
      for (const key of entriesAt(table, hurt.opNumber)) put(table, key, value)
      return
    }
    case 'tail':
      for (const key of keysIn(table, logRange(0, hurt.opNumber, LAST))) put(table, key, undefined)
      return
    case 'text':
      return flip(table, textOf(textKey(0, hurt.id)), prng)
    case 'gone':
      for (const key of versionsIn(table, hurt.id)) put(table, key, undefined)
      return
    case 'value':
      return flip(table, versionsIn(table, hurt.id).at(-1), prng)
  }
}

/** Those of the checkpoint, and older ones. */
function versionsIn(table: Table, id: string): string[] {
  const { generation, checkpoint } = manifestIn(table)
  return keysIn(table, versionsOf(0, { generation, id, opNumber: checkpoint.opNumber }))
}

const put = (table: Table, key: string, value: Buffer | undefined): void =>
  table.write([{ key, value }], true)

/** So that it does not check any more. */
function flip(table: Table, key: string | undefined, prng: Prng): void {
  const before = key === undefined ? undefined : table.get(key)
  if (key === undefined || before === undefined) return
  const value = Buffer.from(before)
  do {
    const at = prng.int(0, value.length - 1)
    value[at] = (value[at] ?? 0) ^ (1 << prng.int(0, 7))
  } while (isSound(keyOf(key), value))
  put(table, key, value)
}

const RUINS = [
  'no database',
  'no CURRENT',
  'view garbled',
  'checkpoint garbled',
  'newest checkpoint gone',
  'no views',
] as const

/** The database is lost, in a way that shows; gives the reasons with which the store has to refuse it. */
export function ruin(folder: Directory, prng: Prng): readonly string[] {
  const what = prng.pick(RUINS)
  if (what === 'no database' || what === 'no CURRENT') {
    const from = what === 'no database' ? folder : (folder.names.get('db') as Directory)
    const name = what === 'no database' ? 'db' : 'CURRENT'
    from.names.delete(name)
    from.synced.delete(name)
    return ['damaged']
  }
  const table = tableOf(folder)
  const [views, manifests] = [keysIn(table, vsrsOf(0)), keysIn(table, manifestsOf(0))]
  if (what === 'view garbled') flip(table, views.at(-1), prng)
  else if (what === 'checkpoint garbled') flip(table, manifests.at(-1), prng)
  else if (what === 'newest checkpoint gone') put(table, manifests.at(-1) ?? '', undefined)
  else for (const key of views) put(table, key, undefined)
  return ['damaged', 'rolled-back']
}
