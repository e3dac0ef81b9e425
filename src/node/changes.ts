/**
 * What an entry changed, as it is kept beside the log. Entries of nothing but puts, all of them executed,
 * say it themselves: writing it again would nearly double what goes to disk. All others keep it as text.
 */
import { text, utf8 } from '../base/bytes.ts'
import { isObject, type Json } from '../base/json.ts'
import type { Change } from '../machine/machine.ts'
import type { Command, Entry } from '../vr/entry.ts'

/** How the operation of a kv.put begins (encodeOperation, rpc/methods/kv-write.ts). */
const PUT = utf8('{"m":"kv","c":{"op":"put",')

/** What to keep; undefined: nothing, `changesOf` finds it in the entry. */
export function keptText(entry: Entry, changes: readonly object[]): string | undefined {
  if (!isAllPuts(entry)) {
    return changes.length === 0 ? undefined : JSON.stringify(lastBounds(changes as Change[]))
  }
  return isSaidBy(entry, changes as readonly Change[]) ? undefined : JSON.stringify(changes)
}

/** Retention moves the bounds of a partition with every record that is published: of one entry the last are kept. */
function lastBounds(changes: readonly Change[]): readonly Change[] {
  const last = new Map<string, Change>()
  for (const change of changes) if (isOfBounds(change)) last.set(change.key, change)
  if (last.size === 0) return changes
  return changes.filter(change => !isOfBounds(change) || last.get(change.key) === change)
}

/** `feed/partition`: where it begins and ends, machine/feed/change.ts. */
export const isOfBounds = ({ machine, key }: Change): boolean =>
  machine === 'feed' && /^[^/]+\/\d+$/.test(key)

/**
 * One change for each put: every one was executed, nothing expired, and no key has or had a time to live,
 * which whoever replays the changes has to know of (kv import).
 */
function isSaidBy(entry: Entry, changes: readonly Change[]): boolean {
  if (changes.length !== operationsOf(entry).length) return false
  // One that was refused and one that expired make up for each other in number, not in rev.
  return changes.every(({ rev, isTimed }, i) => rev === entry.revBefore + 1 + i && !isTimed)
}

/** From what was kept, or from the entry. Those from the entry tell no createRev and version. */
export function changesOf(entry: Entry, kept: string | undefined): readonly Change[] {
  if (kept !== undefined) return JSON.parse(kept) as readonly Change[]
  if (!isAllPuts(entry)) return []
  return operationsOf(entry).map((command, i) => {
    const { key, value } = putOf(command)
    return { rev: entry.revBefore + 1 + i, machine: 'kv', key, value }
  })
}

function putOf({ operation }: Command): { key: string; value: Json } {
  const parsed: unknown = JSON.parse(text(operation))
  const put = isObject(parsed) && isObject(parsed['c']) ? parsed['c'] : {}
  return { key: String(put['key']), value: put['value'] as Json }
}

const operationsOf = (entry: Entry): readonly Command[] =>
  entry.commands.filter(command => command.kind === 'operation')

function isAllPuts(entry: Entry): boolean {
  let puts = 0
  for (const { kind, operation } of entry.commands) {
    if (kind !== 'operation') continue
    if (!begins(operation, PUT)) return false
    puts++
  }
  return puts > 0
}

function begins(bytes: Uint8Array, prefix: Uint8Array): boolean {
  if (bytes.length < prefix.length) return false
  for (let i = 0; i < prefix.length; i++) if (bytes[i] !== prefix[i]) return false
  return true
}
