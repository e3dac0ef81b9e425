/**
 * Records go for a reason that the log gives: they were cut, are too many, too large together, or too old by log
 * time; then they do go; and at one op the same are gone on every replica. docs/feeds.md, promise 9.
 */
import type { Executed } from '../../vr/effect.ts'
import type { FeedOf, Ledger, Part } from '../feed/ledger.ts'
import { type Bound, FeedService } from '../feed/service.ts'
import type { HostView } from '../world.ts'
import { type Check, Violation } from './check.ts'

export function feedRemovals(ledger: Ledger): Check {
  const name = 'feed-removals'
  const say = (what: string): never => {
    throw new Violation(name, what)
  }
  /** Op → bounds of all feeds, as the first replica that was there had them. */
  const known = new Map<number, string>()
  /** `feed/partition` → the first offset when it was last looked at, and that op. */
  const before = new Map<string, number>()
  let judged = 0

  return {
    name,
    executed(host: HostView, { entry }: Executed) {
      const { replica, number } = host
      const { opNumber: op } = entry
      // Of several entries that were executed in one step the state is that behind the last.
      if (replica?.commitNumber !== op || !(replica.service instanceof FeedService)) return
      const all = new Map<string, readonly Bound[]>()
      for (const feed of ledger.feeds.keys()) all.set(feed, replica.service.boundsOf(feed) ?? [])
      const line = JSON.stringify([...all].filter(([, bounds]) => bounds.length > 0).sort())
      const other = known.get(op)
      if (other !== undefined && other !== line)
        say(`r${number} behind op ${op} has ${line}, where another has ${other}`)
      known.set(op, line)
      if (op <= judged || op !== ledger.op) return
      judged = op
      for (const [feed, bounds] of all) {
        bounds.forEach((bound, partition) => {
          const place = `${feed}/${partition}`
          const of = ledger.feeds.get(feed)
          const part = of?.parts[partition]
          if (of === undefined || part === undefined) return
          const where = `${place} behind op ${op}`
          const wrong =
            wrongEnd(part, bound) ??
            wronglyGone(ledger, of, part, before.get(place) ?? 0, bound.first) ??
            wronglyThere(ledger, of, part, bound)
          before.set(place, bound.first)
          if (wrong) say(`${where}: ${wrong}`)
        })
      }
    },
  }
}

function wrongEnd(part: Part, { first, next }: Bound): string | undefined {
  if (next !== part.next) return `ends at ${next}, where ${part.next} were published`
  return first > next ? `begins at ${first}, behind its end ${next}` : undefined
}

const bytesFrom = ({ records }: Part, first: number): number =>
  records.slice(first).reduce((sum, { bytes }) => sum + bytes, 0)

function wronglyGone(
  ledger: Ledger,
  { options }: FeedOf,
  part: Part,
  from: number,
  to: number,
): string | undefined {
  if (to < from) return `begins at ${to}, where it began at ${from} before`
  const { ageMs, bytes, records } = options.retention
  const nowMs = ledger.timeMs(ledger.op)
  // The oldest chunk goes as a whole.
  const chunk = ledger.options.bounds.chunkChars
  for (let offset = Math.max(from, part.cutBelow); offset < to; offset++) {
    const isOld = ageMs !== undefined && (part.records[offset]?.timeMs ?? 0) + ageMs <= nowMs
    const isOver =
      records !== undefined && (options.compact === 'key' || part.next - offset > records)
    const isLarge = bytes !== undefined && bytesFrom(part, offset) + chunk > bytes
    if (!isOld && !isOver && !isLarge) return `offset ${offset} is gone, for no reason`
  }
  return undefined
}

function wronglyThere(
  ledger: Ledger,
  { options }: FeedOf,
  part: Part,
  { first, next, records: size }: Bound,
): string | undefined {
  const { ageMs, bytes, records } = options.retention
  const nowMs = ledger.timeMs(ledger.op)
  if (first < part.cutBelow) return `begins at ${first}, and was cut at ${part.cutBelow}`
  if (records !== undefined && size > records) return `has ${size} records of ${records}`
  if (options.compact === 'key' || first === next) return undefined
  if (bytes !== undefined && next - first > 1 && bytesFrom(part, first) > bytes) {
    return `has ${bytesFrom(part, first)} bytes of ${bytes}`
  }
  if (ageMs === undefined) return undefined
  const grain = Math.min(1000, Math.max(1, Math.floor(ageMs / 16)))
  const untilMs = (part.records[first]?.timeMs ?? 0) + ageMs * (9 / 8) + grain
  return nowMs > untilMs
    ? `offset ${first} should have gone at ${untilMs}; it is ${nowMs}`
    : undefined
}
