/**
 * The service of a simulated cluster with feeds: that of every cluster (../service.ts), and beside it the feed
 * machine that daemons run, composed as there. Operations and questions that are JSON are for the feeds.
 */
import { utf8 } from '../../base/bytes.ts'
import { createService, type MachineService } from '../../machine/compose.ts'
import { FeedMachine } from '../../machine/feed/feed-machine.ts'
import type { FeedBounds } from '../../machine/feed/limits.ts'
import { StateHash } from '../../machine/state-hash.ts'
import type {
  ChangeRecord,
  ExecuteContext,
  Service,
  ServiceRecord,
  ServiceSnapshot,
} from '../../vr/service.ts'
import type { SimOptions } from '../options.ts'
import { SimService } from '../service.ts'
import { answerOf, isOfFeeds } from './query.ts'

const BRACE = utf8('{')[0]

export interface Bound {
  readonly first: number
  readonly next: number
  /** Of its records that a reader finds: how many, and of all that are kept: their bytes. */
  readonly records: number
  readonly bytes: number
}

/** What a host runs. */
export type HostedService = SimService | FeedService

export const serviceOf = ({ pages, feeds }: Pick<SimOptions, 'pages' | 'feeds'>): HostedService =>
  feeds ? new FeedService(new SimService(pages), feeds.bounds) : new SimService(pages)

export class FeedService implements Service {
  readonly #own: SimService
  readonly #feeds: MachineService
  /** Made when it is asked for: after every step, of which few execute anything. */
  #hash: string | undefined

  constructor(own: SimService, bounds: FeedBounds) {
    this.#own = own
    this.#feeds = createService([new FeedMachine({ bounds })])
  }

  execute(operation: Uint8Array, context: ExecuteContext, changes: ChangeRecord[]): Uint8Array {
    this.#hash = undefined
    const service = operation[0] === BRACE ? this.#feeds : this.#own
    return service.execute(operation, context, changes)
  }

  advance(timeMs: number, context: ExecuteContext, changes: ChangeRecord[]): void {
    this.#hash = undefined
    this.#own.advance(timeMs, context, changes)
    this.#feeds.advance(timeMs, context, changes)
  }

  nextDeadline(): number | undefined {
    const [own, feeds] = [this.#own.nextDeadline(), this.#feeds.nextDeadline()]
    return own === undefined || feeds === undefined ? (own ?? feeds) : Math.min(own, feeds)
  }

  /** A value, or what the feeds answer; `readCold` gives the text of a cold record that is on disk. */
  read(key: string, readCold: (id: string) => string | undefined): string | undefined {
    if (!isOfFeeds(key)) return this.#own.read(key)
    return answerOf(key, query => this.#feeds.query('feed', query, 0), readCold)
  }

  /** For properties: where the partitions of a feed begin and end now; undefined: there is no such feed. */
  boundsOf(feed: string): readonly Bound[] | undefined {
    if (this.#feeds.query('feed', { op: 'has', feed }, 0) !== true) return undefined
    return this.#feeds.query('feed', { op: 'bounds', feed }, 0) as unknown as readonly Bound[]
  }

  takeDirty(): ServiceRecord[] {
    return [...this.#own.takeDirty(), ...this.#feeds.takeDirty()]
  }

  freeze(): ServiceSnapshot {
    const [own, feeds] = [this.#own.freeze(), this.#feeds.freeze()]
    return {
      records: after => inOrder(own.records(after), feeds.records(after)),
      coldRecords: () => inOrder(own.coldRecords(), feeds.coldRecords()),
      coldReference: id => own.coldReference(id) ?? feeds.coldReference(id),
    }
  }

  stateHash(): string {
    if (this.#hash !== undefined) return this.#hash
    const sum = new StateHash()
    sum.add('own', this.#own.stateHash())
    sum.add('feeds', this.#feeds.stateHash())
    this.#hash = sum.hex()
    return this.#hash
  }

  clear(): void {
    this.#hash = undefined
    this.#own.clear()
    this.#feeds.clear()
  }

  load(record: ServiceRecord): void {
    this.#hash = undefined
    if (isFeedRecord(record.id)) this.#feeds.load(record)
    else this.#own.load(record)
  }

  isCold(id: string): boolean {
    return this.#of(id).isCold(id)
  }

  coldReference(id: string): string | undefined {
    return this.#of(id).coldReference(id)
  }

  coldText(id: string): string | undefined {
    return this.#of(id).coldText(id)
  }

  coldBytes(): number {
    return this.#own.coldBytes() + this.#feeds.coldBytes()
  }

  settle(ids: readonly string[]): void {
    this.#own.settle(ids.filter(id => !isFeedRecord(id)))
    this.#feeds.settle(ids.filter(isFeedRecord))
  }

  #of(id: string): Service {
    return isFeedRecord(id) ? this.#feeds : this.#own
  }
}

const PREFIX = 'feed/'
const isFeedRecord = (id: string): boolean => id.startsWith(PREFIX)

/** Those of the feeds lie between others of the service itself: c/… feed/… h/… */
function* inOrder(
  own: Iterable<ServiceRecord>,
  feeds: Iterable<ServiceRecord>,
): Generator<ServiceRecord, undefined> {
  const all = [...own]
  yield* all.filter(({ id }) => id < PREFIX)
  yield* feeds
  yield* all.filter(({ id }) => id > PREFIX)
}
