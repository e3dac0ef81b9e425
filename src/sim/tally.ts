/** What a run tried, counted when it is over. */
import { COMMITTED, type Coverage, fire } from './coverage.ts'
import { FEED_KINDS } from './feed/client.ts'
import type { Frames } from './frames.ts'
import type { Host } from './host.ts'
import { kindsOf, messageKinds } from './kinds.ts'
import type { Network } from './network.ts'
import type { SimOptions } from './options.ts'

export interface Run {
  readonly options: SimOptions
  readonly hosts: readonly Host[]
  readonly network: Network
  readonly frames: Frames
  readonly commits: number
  /** Kinds of trouble that its clients made. */
  readonly fired: Iterable<string>
  readonly isStuck: boolean
}

export function tally(coverage: Coverage, run: Run): void {
  const { options, hosts, network, frames } = run
  coverage.commits = run.commits
  coverage.dropped = network.counts.dropped
  messageKinds(coverage, network, frames.corrupted)
  if (hosts.some(({ disk }) => disk.stalls > 0)) fire(coverage, 'stall')
  if (coverage.writesLost > 0) fire(coverage, 'lost write')
  if (options.feeds && hosts.some(hasChunks)) fire(coverage, FEED_KINDS.chunk)
  for (const kind of run.fired) fire(coverage, kind)
  for (const name of options.buggify) fire(coverage, `hardest ${name}`)
  for (const kind of kindsOf(options)) {
    const known = coverage.kinds.get(kind)
    coverage.kinds.set(kind, { on: 1, fired: known?.fired ?? 0 })
  }
  coverage.runs.all = 1
  coverage.runs.viewChange = coverage.views > 1 ? 1 : 0
  coverage.runs.committed = coverage.commits >= COMMITTED ? 1 : 0
  coverage.runs.stuck = run.isStuck ? 1 : 0
}

const hasChunks = ({ image }: Host): boolean =>
  [...image.texts.keys()].some(id => id.startsWith('sfeed/'))
