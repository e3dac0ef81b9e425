/** The log for people: commands, and the changes they made. */
import { text } from '../base/bytes.ts'
import { isObject, type Json } from '../base/json.ts'
import type { Change } from '../machine/machine.ts'
import type { Command, Entry } from '../vr/entry.ts'
import { revAfter } from '../vr/entry.ts'
import type { LogEntry, LogMoment, LogOptions } from './api.ts'
import { changesOf, isOfBounds } from './changes.ts'
import type { NodeContext } from './context.ts'
import { recordChanges } from './log-records.ts'
import type { Shard } from './shard.ts'

const PAGE_BYTES = 4 << 20

export function logInfo(shard: Shard) {
  const { replica } = shard
  return {
    first: replica.firstOp,
    op: shard.opNumber,
    commit: replica.commitNumber,
    checkpoint: replica.durableCheckpoint,
  }
}

/** When the op passed each of its stations on this node, by this node's clock. */
export function logTimeline({ cluster }: NodeContext, shard: Shard, op: number): LogMoment[] {
  return shard.host.timeline.of(op).map(({ event, replica, atMs }) => ({
    node: cluster.name,
    event,
    ...(replica === undefined ? {} : { by: cluster.members[replica]?.name ?? String(replica) }),
    atMs,
  }))
}

/** Committed entries from op `from` on. */
export async function logRead(
  context: NodeContext,
  shard: Shard,
  options: LogOptions,
): Promise<LogEntry[]> {
  const { replica } = shard
  const first = Math.max(options.from, replica.firstOp)
  const last = Math.min(first + options.limit - 1, replica.commitNumber, replica.durableOp)
  if (last < first) return []
  const entries = await context.store.readEntries(replica.shard, first, last, PAGE_BYTES)
  const kept = new Map<number, string>()
  if (options.as !== 'commands') {
    // Changes reach the disk a little later than the log.
    await context.flush()
    for (const row of await context.store.readChanges(replica.shard, first, last)) {
      kept.set(row.opNumber, row.text)
    }
  }
  const hasRecords = options.as !== 'commands' && options.records === true
  const published = hasRecords ? await recordChanges(shard.feeds, entries) : undefined
  const shown = (entry: Entry): readonly Change[] =>
    merged(changesOf(entry, kept.get(entry.opNumber)), entry, published)
  return entries.map(entry => ({
    op: entry.opNumber,
    view: entry.viewNumber,
    timeMs: entry.timeMs,
    lamport: entry.lamport,
    checksum: entry.checksum,
    parent: entry.parent,
    revBefore: entry.revBefore,
    ...(options.as === 'changes' ? {} : { commands: commandsOf(entry) }),
    ...(options.as === 'commands' ? {} : { changes: shown(entry) as unknown as readonly Json[] }),
  }))
}

/**
 * By rev, in the order in which whoever repeats them can: of one operation first keys and feeds, then the records that
 * it published, then what retention removed.
 */
function merged(
  changes: readonly Change[],
  entry: Entry,
  published: ReadonlyMap<number, readonly Change[]> | undefined,
): readonly Change[] {
  if (published === undefined) return changes
  const records: Change[] = []
  for (let rev = entry.revBefore + 1; rev <= revAfter(entry); rev++) {
    records.push(...(published.get(rev) ?? []))
  }
  if (records.length === 0) return changes
  const others = changes.filter(change => !isOfBounds(change))
  const all = [...others, ...records, ...changes.filter(isOfBounds)]
  return all.sort((a, b) => a.rev - b.rev)
}

export function commandsOf(entry: Entry): Json[] {
  let rev: number = entry.revBefore
  return entry.commands.map((command, i) => {
    const { kind, clientId: session, requestNumber: seq } = command
    const lamport = entry.lamport + i + 1
    if (kind === 'pulse') return { kind, lamport }
    if (kind !== 'operation') return { kind, lamport, session }
    rev++
    return { kind, rev, lamport, session, seq, ...bodyOf(command), ...metaOf(command) }
  })
}

function bodyOf(command: Command): Record<string, Json> {
  try {
    const parsed: unknown = JSON.parse(text(command.operation))
    if (isObject(parsed)) return { machine: parsed['m'] as Json, command: parsed['c'] as Json }
  } catch {
    // Shown as it is: whatever it was, every replica refused it the same way.
  }
  return { command: `${command.operation.length} bytes` }
}

function metaOf(command: Command): Record<string, Json> {
  if (command.meta === '') return {}
  const parsed: unknown = JSON.parse(command.meta)
  return isObject(parsed) ? (parsed as Record<string, Json>) : {}
}
