/**
 * The records that entries of the log published, as changes. They are not written beside the log a second time:
 * each tells the rev that published it, so they are looked up in the feeds, as far as they are still there.
 */
import type { Json } from '../base/json.ts'
import type { Change } from '../machine/machine.ts'
import { Rejected } from '../machine/machine.ts'
import type { Entry } from '../vr/entry.ts'
import { revAfter } from '../vr/entry.ts'
import type { FeedHub } from './feed-hub.ts'
import { numberIn } from './feed-read.ts'
import { feedsNamedBy } from './trace-event.ts'

const PAGE_RECORDS = 500

type Shelf = Pick<FeedHub, 'names' | 'bounds' | 'offsetAt' | 'read'>

/** By rev; `entries` follow each other. The key of such a change is `feed/partition/offset`, its value the record. */
export async function recordChanges(
  hub: Shelf,
  entries: readonly Entry[],
): Promise<ReadonlyMap<number, readonly Change[]>> {
  const byRev = new Map<number, Change[]>()
  const [first] = entries
  const last = entries.at(-1)
  if (first === undefined || last === undefined) return byRev
  for (const feed of feedsIn(hub, entries)) {
    for (const { partition } of hub.bounds(feed) ?? []) {
      await collect(hub, { feed, partition, first, lastRev: revAfter(last) }, byRev)
    }
  }
  return byRev
}

/** A machine of one's own may publish to any. */
function feedsIn(hub: Shelf, entries: readonly Entry[]): readonly string[] {
  const named = entries.flatMap(({ commands }) =>
    commands.flatMap(command => (command.kind === 'operation' ? [feedsNamedBy(command)] : [])),
  )
  if (named.includes(undefined)) return hub.names()
  return [...new Set(named.flatMap(names => names ?? []))]
}

interface Where {
  readonly feed: string
  readonly partition: number
  readonly first: Entry
  readonly lastRev: number
}

async function collect(
  hub: Shelf,
  { feed, partition, first, lastRev }: Where,
  byRev: Map<number, Change[]>,
): Promise<void> {
  const { timeMs: sinceMs, revBefore } = first
  let next = hub.offsetAt(feed, partition, sinceMs)
  for (;;) {
    const page = await pageOf(hub, { feed, partition, next, sinceMs })
    for (const text of page) {
      const rev = numberIn(text, 'rev')
      if (rev > lastRev) return
      next = numberIn(text, 'offset') + 1
      if (rev <= revBefore) continue
      const key = `${feed}/${partition}/${next - 1}`
      const change = { rev, machine: 'feed', key, value: JSON.parse(text) as Json }
      const others = byRev.get(rev)
      if (others) others.push(change)
      else byRev.set(rev, [change])
    }
    if (page.length === 0) return
    // Others get their turn.
    await new Promise(resolve => setImmediate(resolve))
  }
}

/** None where the feed ends, or what was there is gone since. */
async function pageOf(hub: Shelf, at: Parameters<Shelf['read']>[0]): Promise<readonly string[]> {
  try {
    return (await hub.read(at, { limit: PAGE_RECORDS })).records
  } catch (error) {
    if (error instanceof Rejected) return []
    throw error
  }
}
