/** One seed → which feeds its service keeps. Bounds are tiny, so that chunks become cold within seconds. */
import type { Prng } from '../../base/prng.ts'
import type { FeedOptions, FeedsOptions } from '../options.ts'

/** Share of the runs that have feeds. */
const FEEDS = 0.15
const WEEK_MS = 7 * 86_400_000

/** Where dead letters go: a feed like others. */
export const DEAD = 'dead'
/** Nothing of it ever goes, so that its whole history can be judged. */
export const KEPT = 'kept'

export function feedsOptions(prng: Prng): FeedsOptions | undefined {
  const isOn = prng.chance(FEEDS)
  const bounds = {
    chunkChars: prng.pick([200, 400, 1200]),
    idsMax: prng.pick([8, 100_000]),
    tombstoneMs: prng.pick([300, 3000]),
  }
  const share = prng.pick([0.3, 0.6, 0.9])
  const groups = () => ({
    ackWaitMs: prng.pick([50, 300, 2000]),
    maxDeliver: prng.pick([0, 1, 2]),
  })
  const plain = { retention: {}, compact: 'none', dedupeMs: WEEK_MS, isCut: false } as const
  const kept = { name: KEPT, ...plain, partitions: prng.int(1, 3), ...groups() }
  const dead = { name: DEAD, ...plain, partitions: 1, ...groups() }
  const feeds = [kept, shortLived(prng, groups()), keyed(prng, groups()), dead]
  // Its ids are the promise that the judge holds it to.
  const isForgetful = bounds.idsMax < 100
  const all = isForgetful ? feeds.filter(({ name }) => name !== KEPT && name !== DEAD) : feeds
  return isOn ? { share, bounds, feeds: all } : undefined
}

type Groups = Pick<FeedOptions, 'ackWaitMs' | 'maxDeliver'>

function shortLived(prng: Prng, groups: Groups): FeedOptions {
  const retention = prng.pick([
    { records: prng.int(1, 20) },
    { bytes: prng.int(1, 4000) },
    { ageMs: prng.int(100, 3000) },
    { ageMs: prng.int(100, 3000), records: prng.int(1, 20) },
  ])
  return {
    name: 'short',
    partitions: prng.int(1, 2),
    retention,
    compact: 'none',
    dedupeMs: prng.pick([0, 200, 2000, WEEK_MS]),
    isCut: prng.chance(0.5),
    ...groups,
  }
}

function keyed(prng: Prng, groups: Groups): FeedOptions {
  return {
    name: 'keyed',
    partitions: prng.int(1, 2),
    retention: prng.pick([{}, {}, { records: prng.int(1, 4) }]),
    compact: 'key',
    dedupeMs: 2000,
    isCut: prng.chance(0.3),
    ...groups,
  }
}
