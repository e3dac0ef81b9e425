/** Pages of a feed: of one partition, or of several in the order of their log; waits for the first record. */
import { ViewstampError } from '../base/errors.ts'
import { Rejected } from '../machine/machine.ts'
import type { FeedRead, FeedReadOptions } from './feed-api.ts'
import type { Bound, FeedHub, Read } from './feed-hub.ts'
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
  for (;;) {
    const reads = await Promise.all(
      bounds.map(({ partition }, i) => {
        const { next = 0, sinceMs = 0 } = starts[i] ?? {}
        return readOne(hub, { feed, partition, next, sinceMs }, options)
      }),
    )
    const left = until - performance.now()
    if (left <= 0 || reads.some(({ records }) => records.length > 0)) {
      return merged(reads, options.limit)
    }
    await nextEntry(hub, feed, left)
  }
}

async function readOne(
  hub: FeedHub,
  at: Start & { readonly feed: string; readonly partition: number },
  { limit, to }: FeedReadOptions,
): Promise<PartRead> {
  try {
    return { partition: at.partition, ...(await hub.read(at, limit, to)) }
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    const name = error.errorName === 'OFFSET_OUT_OF_RANGE' ? error.errorName : 'FEED_NOT_FOUND'
    throw new ViewstampError(name, error.message, { ...(error.data as object) })
  }
}

/** Resolves when the feed has changed, or the time is over. */
function nextEntry(hub: FeedHub, feed: string, waitMs: number): Promise<void> {
  const ends = (now: readonly Bound[] | undefined): string => String(now?.map(each => each.next))
  const before = ends(hub.bounds(feed))
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      stop()
      resolve()
    }
    const timer = setTimeout(done, waitMs)
    const stop = hub.onEntry(() => {
      if (ends(hub.bounds(feed)) !== before) done()
    })
  })
}

/** Records of several partitions have one order: that of the log they share. */
function merged(reads: readonly PartRead[], limit: number): Gathered {
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
  for (const { partition, text } of all.splice(limit).reverse()) {
    next.set(partition, numberIn(text, 'offset'))
  }
  return { records: all.map(({ text }) => text), next: offsetsOf(next), ...bounds }
}

/** One of the numbers with which a record begins (src/machine/feed/line.ts). */
function numberIn(text: string, name: 'rev' | 'offset'): number {
  const start = text.indexOf(`,"${name}":`) + name.length + 4
  return Number(text.slice(start, text.indexOf(',', start)))
}
