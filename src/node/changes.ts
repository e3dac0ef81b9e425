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
  if (!isAllPuts(entry)) return changes.length === 0 ? undefined : JSON.stringify(changes)
  // One change for each put: every one was executed, and nothing expired. Else it must be said.
  return changes.length === operationsOf(entry).length ? undefined : JSON.stringify(changes)
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
