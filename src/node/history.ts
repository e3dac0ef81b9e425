/** Older changes of a shard, from disk: found by rev, though they are stored by op. */
import type { Store } from '../storage/port.ts'
import type { Entry } from '../vr/entry.ts'
import { correlationOf } from '../vr/execute.ts'
import type { Replica } from '../vr/state.ts'
import type { CommitEvent } from './api.ts'
import { changesOf } from './changes.ts'
import type { History } from './watch.ts'
import { eventsOf } from './watch.ts'

const OPS_A_PAGE = 256
const PAGE_BYTES = 1 << 20

/** `flush`: what was changed is on disk when it resolves; until then it may be in memory only. */
export function readHistory(
  store: Store,
  replica: Replica,
  shard: string,
  flush: () => Promise<void>,
): History {
  return {
    firstRev: () => (replica.marks[0]?.rev ?? 0) + 1,
    async read(first, limit) {
      const events: CommitEvent[] = []
      await flush()
      let op = await opOfRev(store, replica, first)
      while (events.length === 0 && op <= replica.commitNumber) {
        const last = Math.min(op + OPS_A_PAGE - 1, replica.commitNumber)
        const entries = await store.readEntries(replica.shard, op, last, PAGE_BYTES)
        if (entries.length === 0) break
        const kept = new Map<number, string>()
        for (const row of await store.readChanges(replica.shard, op, last)) {
          kept.set(row.opNumber, row.text)
        }
        for (const entry of entries) {
          const { opNumber } = entry
          const found = entryEvents(entry, kept.get(opNumber), shard)
          events.push(...found.filter(event => event.rev >= first))
          op = opNumber + 1
          if (events.length >= limit) return events
        }
      }
      return events
    },
  }
}

/** Of the operations of an entry, by rev: Lamport time and correlation. */
export function marksIn(
  entry: Entry,
): (rev: number) => Pick<CommitEvent, 'lamport' | 'correlationId'> {
  const numbers = entry.commands.flatMap(({ kind }, i) => (kind === 'operation' ? [i] : []))
  return rev => {
    // What log time alone changed has the rev of the operation before the entry.
    const number = numbers[rev - entry.revBefore - 1] ?? -1
    const command = entry.commands[number]
    const correlationId = command && correlationOf(command.meta)
    return { lamport: entry.lamport + number + 1, correlationId }
  }
}

/** What one entry changed, by operation. */
export function entryEvents(
  entry: Entry,
  kept: string | undefined,
  shard: string,
): readonly CommitEvent[] {
  const { opNumber: op, viewNumber: view, timeMs } = entry
  return eventsOf(changesOf(entry, kept), { shard, view, op, timeMs }, marksIn(entry))
}

/** The op whose entry holds rev: the last with revBefore < rev. */
export async function opOfRev(store: Store, replica: Replica, rev: number): Promise<number> {
  let low: number = replica.firstOp
  // What is executed may be on its way to our disk.
  let high: number = Math.min(replica.commitNumber, replica.durableOp)
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const [entry] = await store.readEntries(replica.shard, middle, middle, 1)
    // Operations before this op; ops that are not kept count as far as the checkpoint says.
    const revBefore = entry ? entry.revBefore : replica.checkpoint.rev
    if (revBefore < rev) low = middle
    else high = middle - 1
  }
  return low
}
