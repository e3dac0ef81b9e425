/**
 * Committed changes as a stream: the newest are in memory, older ones on disk for as long as the log is
 * kept. A follower gets every change of its range once, in order of rev, first what is retained, then
 * live, without a gap between the two.
 */
import { ViewstampError } from '../base/errors.ts'
import { compareKeys } from '../machine/kv/key.ts'
import type { Change } from '../machine/machine.ts'
import type { CommitEvent, KeyRange, KeyWatch } from './api.ts'
import { corrupt, isDamage } from './damage.ts'

/** Where older changes are. */
export interface History {
  /** Events with first ≤ rev, in order, a bounded number; empty: none before the ones in memory. */
  read(first: number, limit: number): Promise<CommitEvent[]>
  /** The oldest rev whose changes are still kept. */
  firstRev(): number
}

interface Follower {
  readonly range: Matcher
  readonly deliver: (event: CommitEvent) => void
  readonly ended: (error: ViewstampError) => void
  /** Next rev to deliver; undefined: live. */
  next: number
  live: boolean
  cancelled: boolean
}

/** Where a stream starts: see WatchFrom. */
type From = number | 'now' | 'first'

type Matcher = (key: string) => boolean

/** What one executed entry changed; split into events only when somebody follows. */
export interface Batch {
  /** The last rev of the entry. */
  readonly rev: number
  readonly changes: number
  readonly events: () => readonly CommitEvent[]
}

/** What is kept in memory while somebody follows; older changes are read from disk. */
const BATCHES_MAX = 2048
const CHANGES_MAX = 8192
/** While nobody does: what is kept for some tenths of a second is what costs the garbage collector most. */
const IDLE_BATCHES_MAX = 64
const IDLE_CHANGES_MAX = 256
const PAGE = 512

export class ChangeStream {
  readonly #history: History
  #batches: Batch[] = []
  #changes = 0
  /** Everything with rev ≥ this and ≤ reached is in memory. */
  #from = 1
  #reached = 0
  readonly #followers = new Set<Follower>()

  constructor(history: History) {
    this.#history = history
  }

  get followers(): number {
    return this.#followers.size
  }

  /**
   * Start and state transfer: the state is at `rev`; what comes next is rev + 1. Who was live has missed
   * what the checkpoint stands for: it catches up from disk, or ends if that is not there.
   */
  reset(rev: number): void {
    const next = this.#reached + 1
    this.#batches = []
    this.#changes = 0
    this.#from = rev + 1
    this.#reached = rev
    for (const follower of this.#followers) {
      if (!follower.live) continue
      follower.live = false
      follower.next = next
      void this.#catchUp(follower)
    }
  }

  /** One executed entry. */
  add(batch: Batch): void {
    this.#reached = batch.rev
    if (batch.changes === 0) return
    this.#batches.push(batch)
    this.#changes += batch.changes
    this.#forget()
    let events: readonly CommitEvent[] | undefined
    for (const follower of this.#followers) {
      if (!follower.live) continue
      events ??= batch.events()
      for (const event of events) this.#offer(follower, event)
    }
  }

  watch(
    range: KeyRange,
    from: From,
    deliver: (event: CommitEvent) => void,
    ended: (error: ViewstampError) => void = () => {},
  ): KeyWatch & { readonly startRev: number } {
    const first = this.#history.firstRev()
    const start = from === 'now' ? this.#reached + 1 : from === 'first' ? first : from
    if (start < first) throw compacted(start, first)
    const follower: Follower = {
      range: matcher(range),
      deliver,
      ended,
      next: start,
      live: false,
      cancelled: false,
    }
    this.#followers.add(follower)
    void this.#catchUp(follower)
    return {
      startRev: start,
      reached: () => (follower.live ? this.#reached : undefined),
      cancel: () => {
        follower.cancelled = true
        this.#followers.delete(follower)
      },
    }
  }

  /** Waits up to waitMs for the first event from `from` on. */
  async poll(
    range: KeyRange,
    from: From,
    options: { readonly waitMs: number; readonly limit: number },
  ): Promise<{ events: CommitEvent[]; next: number }> {
    const events: CommitEvent[] = []
    let failure: ViewstampError | undefined
    let wake = () => {}
    const full = new Promise<void>(resolve => {
      wake = resolve
    })
    const take = (event: CommitEvent): void => {
      if (events.length < options.limit) events.push(event)
      wake()
    }
    const watch = this.watch(range, from, take, error => {
      failure = error
      wake()
    })
    let timer: NodeJS.Timeout | undefined
    try {
      await this.#settled()
      if (events.length === 0 && failure === undefined && options.waitMs > 0) {
        const late = new Promise<void>(resolve => {
          timer = setTimeout(resolve, options.waitMs)
        })
        await Promise.race([full, late])
      }
    } finally {
      clearTimeout(timer)
      watch.cancel()
    }
    if (failure !== undefined) throw failure
    const last = events[events.length - 1]
    const more = events.length >= options.limit && last
    const next = more ? last.rev + 1 : Math.max(watch.startRev, this.#reached + 1)
    return { events, next }
  }

  /** Nothing more comes from here. */
  end(why: ViewstampError): void {
    for (const follower of this.#followers) this.#end(follower, why)
  }

  #catchUps = new Set<Promise<void>>()

  async #settled(): Promise<void> {
    await Promise.all(this.#catchUps)
  }

  #catchUp(follower: Follower): Promise<void> {
    const run = this.#readUp(follower)
      .catch((error: unknown) => this.#end(follower, asError(error)))
      .finally(() => this.#catchUps.delete(run))
    this.#catchUps.add(run)
    return run
  }

  /** Pages from disk until memory reaches down to the follower; then memory, then live. */
  async #readUp(follower: Follower): Promise<void> {
    // The answer that names the subscription goes out before its first event.
    await Promise.resolve()
    while (!follower.cancelled && follower.next < this.#from) {
      const first = this.#history.firstRev()
      if (follower.next < first) return this.#end(follower, compacted(follower.next, first))
      const page = await this.#history.read(follower.next, PAGE)
      // All of it: it may reach into what memory holds, and is not seen again there.
      for (const event of page) this.#offer(follower, event)
      const last = page[page.length - 1]
      follower.next = last === undefined ? this.#from : Math.max(follower.next, last.rev + 1)
    }
    if (follower.cancelled) return
    for (const batch of this.#batches) {
      if (batch.rev < follower.next) continue
      for (const event of batch.events()) this.#offer(follower, event)
    }
    follower.live = true
  }

  #end(follower: Follower, error: ViewstampError): void {
    if (follower.cancelled) return
    follower.cancelled = true
    this.#followers.delete(follower)
    follower.ended(error)
  }

  #offer(follower: Follower, event: CommitEvent): void {
    if (follower.cancelled || event.rev < follower.next) return
    // What became of feeds has no key of this space.
    const changes = event.changes.filter(
      ({ machine, key }) => machine !== 'feed' && follower.range(key),
    )
    if (changes.length > 0) follower.deliver({ ...event, changes })
  }

  #forget(): void {
    const isIdle = this.#followers.size === 0
    const batchesMax = isIdle ? IDLE_BATCHES_MAX : BATCHES_MAX
    const changesMax = isIdle ? IDLE_CHANGES_MAX : CHANGES_MAX
    if (this.#batches.length < batchesMax && this.#changes < changesMax) return
    const drop = this.#batches.splice(0, Math.ceil(this.#batches.length / 2))
    for (const batch of drop) this.#changes -= batch.changes
    const last = drop[drop.length - 1]
    if (last) this.#from = last.rev + 1
  }
}

function asError(error: unknown): ViewstampError {
  if (error instanceof ViewstampError) return error
  if (isDamage(error)) return corrupt()
  const reason = error instanceof Error ? error.message : String(error)
  return new ViewstampError('INTERNAL', `older changes cannot be read: ${reason}`)
}

function compacted(asked: number, first: number): ViewstampError {
  const message = `changes from rev ${asked} on are no longer kept: the first is ${first}; read the keys now and watch from there`
  return new ViewstampError('REV_COMPACTED', message, { first })
}

export function matcher(range: KeyRange): Matcher {
  const { key, prefix, start, end } = range
  if (key !== undefined) return k => k === key
  if (prefix !== undefined) return k => k.startsWith(prefix)
  return k =>
    (start === undefined || compareKeys(k, start) >= 0) &&
    (end === undefined || compareKeys(k, end) < 0)
}

/** Splits the changes of an entry by rev. */
export function eventsOf(
  changes: readonly Change[],
  of: { shard: string; view: number; op: number; timeMs: number },
  /** Of the operation of this rev. */
  marksOf: (rev: number) => Pick<CommitEvent, 'lamport' | 'correlationId'>,
): CommitEvent[] {
  const events: CommitEvent[] = []
  let run: Change[] = []
  const cut = () => {
    const rev = run[0]?.rev
    if (rev === undefined) return
    events.push({ ...of, rev, ...marksOf(rev), changes: run })
    run = []
  }
  for (const change of changes) {
    if (run[0] && run[0].rev !== change.rev) cut()
    run.push(change)
  }
  cut()
  return events
}
