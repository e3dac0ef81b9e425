/** Older changes of a shard, from disk: found by rev, though they are stored by op. */
import type { Change } from '../machine/machine.ts'
import type { Store } from '../storage/port.ts'
import { correlationOf } from '../vr/execute.ts'
import type { Replica } from '../vr/state.ts'
import type { CommitEvent } from './api.ts'
import type { History } from './watch.ts'
import { eventsOf } from './watch.ts'

const OPS_A_PAGE = 256

export function readHistory(store: Store, replica: Replica, shard: string): History {
  /** Operations before this op; ops that are not kept count as far as the checkpoint says. */
  const revBefore = async (op: number): Promise<number> => {
    const [entry] = await store.readEntries(replica.shard, op, op, 1)
    return entry ? entry.revBefore : replica.checkpoint.rev
  }
  /** The op whose entry holds rev: the last with revBefore < rev. */
  const opOfRev = async (rev: number): Promise<number> => {
    let low: number = replica.firstOp
    let high: number = replica.commitNumber
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((await revBefore(middle)) < rev) low = middle
      else high = middle - 1
    }
    return low
  }
  return {
    firstRev: () => (replica.marks[0]?.rev ?? 0) + 1,
    async read(first, limit) {
      const events: CommitEvent[] = []
      let op = await opOfRev(first)
      while (events.length === 0 && op <= replica.commitNumber) {
        const last = Math.min(op + OPS_A_PAGE - 1, replica.commitNumber)
        for (const { opNumber, text } of await store.readChanges(replica.shard, op, last)) {
          const [entry] = await store.readEntries(replica.shard, opNumber, opNumber, 1)
          if (entry === undefined) continue
          const { viewNumber: view, timeMs } = entry
          const operations = entry.commands.filter(c => c.kind === 'operation')
          const changes = JSON.parse(text) as readonly Change[]
          const of = { shard, view, op: opNumber, timeMs }
          const found = eventsOf(changes, of, rev => {
            const command = operations[rev - entry.revBefore - 1]
            return command && correlationOf(command.meta)
          })
          events.push(...found.filter(event => event.rev >= first))
          if (events.length >= limit) return events
        }
        op = last + 1
      }
      return events
    },
  }
}
