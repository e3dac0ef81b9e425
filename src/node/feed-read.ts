/** Pages of a feed: of one partition, or of several in the order of their log; waits for the first record. */
import { ViewstampError } from '../base/errors.ts'
import { READ_CHARS_MAX } from '../machine/feed/limits.ts'
import { Rejected } from '../machine/machine.ts'
import type { FeedRead, FeedReadOptions } from './feed-api.ts'
import type { Bound, FeedHub, Most, Read } from './feed-hub.ts'
import { offsetsOf, type Start } from './feed-position.ts'

type Gathered = Omit<FeedRead, 'header'>

interface PartRead extends Read {
  readonly partition: number
}

export async function gather(
  hub: FeedHub,
  feed: string,
  bounds: readonly Bound[],
  starts: readonly Start[],
  options: FeedReadOptions,
): Promise<Gathered> {
  const until = performance.now() + options.waitMs
  const most = mostOf(bounds.length, options)
  for (;;) {
    const reads = await Promise.all(
      bounds.map(({ partition }, i) => {
        const { next = 0, sinceMs = 0 } = starts[i] ?? {}
        return readOne(hub, { feed, partition, next, sinceMs }, most)
      }),
    )
    const left = until - performance.now()
    const before = endsOf(hub, feed)
    if (left <= 0 || reads.some(({ records }) => records.length > 0)) {
      return merged(reads, options)
    }
    await hub.until(() => endsOf(hub, feed) !== before, left)
  }
}

async function readOne(
  hub: FeedHub,
  at: Start & { readonly feed: string; readonly partition: number },
  most: Most,
): Promise<PartRead> {
  try {
    return { partition: at.partition, ...(await hub.read(at, most)) }
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    const name = error.errorName === 'OFFSET_OUT_OF_RANGE' ? error.errorName : 'FEED_NOT_FOUND'
    throw new ViewstampError(name, error.message, { ...(error.data as object) })
  }
}

const endsOf = (hub: FeedHub, feed: string): string =>
  String(hub.bounds(feed)?.map(({ made, next }) => `${made}:${next}`))

/** Of each of several partitions some more than its share: what does not fit the page is read again. */
function mostOf(partitions: number, { limit, to }: FeedReadOptions): Most {
  const share = Math.ceil((2 * limit) / partitions)
  const chars = Math.floor(READ_CHARS_MAX / partitions)
  return { to, limit: Math.min(limit, Math.max(16, share)), chars }
}

/** Records of several partitions have one order: that of the log they share. */
function merged(reads: readonly PartRead[], { limit, to }: FeedReadOptions): Gathered {
  const [only] = reads
  const next = new Map(reads.map(each => [each.partition, each.next]))
  const bounds = {
    first: offsetsOf(new Map(reads.map(each => [each.partition, each.first]))),
    last: offsetsOf(new Map(reads.map(each => [each.partition, each.last]))),
  }
  if (only && reads.length === 1) return { records: only.records, next: only.next, ...bounds }
  const all = reads.flatMap(({ partition, records }) =>
    records.map(text => ({ partition, text, rev: numberIn(text, 'rev') })),
  )
  all.sort((a, b) => a.rev - b.rev || a.partition - b.partition)
  const known = Math.min(...reads.map(each => knownTo(each, to)))
  const ordered = all.findIndex(({ rev }) => rev > known)
  for (const { partition, text } of all.splice(fitting(all, ordered, limit)).reverse()) {
    next.set(partition, numberIn(text, 'offset'))
  }
  return { records: all.map(({ text }) => text), next: offsetsOf(next), ...bounds }
}

/** Up to this rev nothing of the partition is missing: its page may have ended early. */
function knownTo({ records, next, last }: PartRead, to = Number.POSITIVE_INFINITY): number {
  const text = records.at(-1)
  const isAll = next > last || next >= to
  return isAll || text === undefined ? Number.POSITIVE_INFINITY : numberIn(text, 'rev')
}

/** How many of them make the page, of those whose order is known. */
function fitting(
  all: readonly { readonly text: string }[],
  ordered: number,
  limit: number,
): number {
  const most = Math.min(limit, ordered < 0 ? all.length : ordered)
  let chars = 0
  for (let i = 0; i < most; i++) {
    chars += all[i]?.text.length ?? 0
    if (chars > READ_CHARS_MAX) return i + 1
  }
  return most
}

/** One of the numbers with which a record begins (src/machine/feed/line.ts). */
export function numberIn(text: string, name: 'rev' | 'offset' | 'timeMs'): number {
  const start = text.indexOf(`,"${name}":`) + name.length + 4
  return Number(text.slice(start, text.indexOf(',', start)))
}
