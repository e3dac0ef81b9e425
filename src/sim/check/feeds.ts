/** The properties of feeds, where the service keeps some. */
import { Ledger } from '../feed/ledger.ts'
import type { World } from '../world.ts'
import type { Check } from './check.ts'
import { feedCursors } from './feed-cursors.ts'
import { feedHistory } from './feed-history.ts'
import { feedIds } from './feed-ids.ts'
import { feedLeases } from './feed-leases.ts'
import { feedLog } from './feed-log.ts'
import { feedOffsets } from './feed-offsets.ts'
import { feedReads } from './feed-reads.ts'
import { feedRemovals } from './feed-removals.ts'

export function feedChecks(world: World): Check[] {
  const { feeds } = world.options
  if (feeds === undefined) return []
  const ledger = new Ledger(feeds)
  const cursors = feedCursors(ledger)
  const judges = [feedIds(ledger), feedLeases(ledger), cursors.judge, feedOffsets(ledger)]
  return [
    feedLog(ledger, judges),
    feedRemovals(ledger),
    feedReads(world, ledger),
    cursors.check,
    feedHistory(world),
  ]
}
