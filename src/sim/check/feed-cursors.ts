/** A cursor group is where it was committed last, at every op and on every replica. docs/feeds.md, «Groups». */
import type { JsonObject } from '../../base/json.ts'
import { CURSOR } from '../feed/client.ts'
import type { Asked, Ledger } from '../feed/ledger.ts'
import { isOfFeeds } from '../feed/query.ts'
import type { HostView } from '../world.ts'
import { type Check, Violation } from './check.ts'
import type { Judge } from './feed-log.ts'

interface Version {
  readonly op: number
  readonly offsets: JsonObject
}

export interface Cursors {
  readonly judge: Judge
  readonly check: Check
}

export function feedCursors(ledger: Ledger): Cursors {
  const name = 'feed-cursors'
  /** Feed → offsets, the newest last. */
  const versions = new Map<string, Version[]>()
  const latest = (feed: string): JsonObject | undefined => versions.get(feed)?.at(-1)?.offsets

  function judge({ command, result, error, entry }: Asked): void {
    const { op, group } = command
    if (group !== CURSOR || (op !== 'group.create' && op !== 'group.commit')) return
    const feed = String(command['feed'])
    const say = (what: string): never => {
      throw new Violation(name, `op ${entry.opNumber}: ${what}: ${JSON.stringify(command)}`)
    }
    const told = (result as { readonly offsets?: JsonObject } | undefined)?.offsets
    if (op === 'group.create') {
      if (told === undefined) return
      if (latest(feed)) say('a group is made twice')
      versions.set(feed, [{ op: entry.opNumber, offsets: told }])
      return
    }
    const before = latest(feed)
    const asked = command['offsets'] as JsonObject
    const isBehind = Object.entries(asked).some(
      ([partition, offset]) => Number(offset) > (ledger.part(feed, Number(partition))?.next ?? 0),
    )
    const expected = before === undefined ? 'a refusal' : isBehind ? 'OFFSET_OUT_OF_RANGE' : ''
    if (expected === 'a refusal' && error) return
    if (expected !== (error?.name ?? ''))
      say(`${error?.name ?? 'done'}, where it should be ${expected || 'done'}`)
    if (error) return
    const offsets = { ...before, ...asked }
    if (JSON.stringify(told) !== JSON.stringify(offsets))
      say(`the group is at ${JSON.stringify(told)}`)
    versions.get(feed)?.push({ op: entry.opNumber, offsets })
  }

  const check = {
    name,
    read(host: HostView, key: string, value: string) {
      if (!isOfFeeds(key)) return
      const { op, feed } = JSON.parse(key) as JsonObject
      if (op !== 'group') return
      const at = host.replica?.commitNumber ?? 0
      const expected = versions.get(String(feed))?.findLast(each => each.op <= at)?.offsets
      const { offsets } = JSON.parse(value) as JsonObject
      if (JSON.stringify(offsets) === JSON.stringify(expected)) return
      const what = `r${host.number} behind op ${at}: the cursor of ${feed} is at ${JSON.stringify(offsets)}; committed is ${JSON.stringify(expected)}`
      throw new Violation(name, what)
    },
  }
  return { judge, check }
}
