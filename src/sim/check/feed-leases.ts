/**
 * A queue delivers every record until it is acknowledged, in order of offset where it is new, and never to two at a
 * time: a lease ends by log time, or is given back. Exhausted ones are named, and stay until they are buried.
 * docs/feeds.md, «Groups». Leases by plain rules: Group in src/machine/feed knows more.
 */
import type { Json, JsonObject } from '../../base/json.ts'
import { QUEUE } from '../feed/client.ts'
import type { Asked, FeedOf, Ledger } from '../feed/ledger.ts'
import { Violation } from './check.ts'
import type { Judge } from './feed-log.ts'

interface Lease {
  readonly partition: number
  readonly offset: number
  attempt: number
  delivery: string
  /** Nobody: it was given back. */
  member: string | undefined
  untilMs: number
}

interface Queue {
  /** Below it everything was delivered once, or is gone. */
  readonly offsets: number[]
  readonly leases: Map<string, Lease>
}

export function feedLeases(ledger: Ledger): Judge {
  const queues = new Map<string, Queue>()
  return asked => {
    const { command, result, error, entry } = asked
    if (command['group'] !== QUEUE) return
    const name = String(command['feed'])
    const feed = ledger.feeds.get(name)
    const queue = queues.get(name)
    const say = (what: string): void => {
      throw new Violation('feed-leases', `op ${entry.opNumber}: ${what}: ${JSON.stringify(asked)}`)
    }
    if (command['op'] === 'group.create') {
      if (result === undefined || feed === undefined) return
      if (queue) say('a group is made twice')
      const told = (result as { readonly offsets: JsonObject }).offsets
      const offsets = feed.parts.map((_, partition) => Number(told[partition]))
      queues.set(name, { offsets, leases: new Map() })
      return
    }
    if (feed === undefined || queue === undefined) {
      if (error === undefined) say('done, of a group that is not there')
      return
    }
    const wrong = new Turn(ledger, feed, queue, asked).judge()
    if (wrong) say(wrong)
  }
}

/** One command of a queue. */
class Turn {
  readonly #ledger: Ledger
  readonly #feed: FeedOf
  readonly #queue: Queue
  readonly #asked: Asked
  readonly #nowMs: number

  constructor(ledger: Ledger, feed: FeedOf, queue: Queue, asked: Asked) {
    this.#ledger = ledger
    this.#feed = feed
    this.#queue = queue
    this.#asked = asked
    this.#nowMs = asked.entry.timeMs
  }

  judge(): string | undefined {
    const { command, result, error } = this.#asked
    const told = (result ?? {}) as JsonObject
    switch (command['op']) {
      case 'group.fetch':
        if (error) return error.name
        return (
          this.#fetched(listed(told['deliveries'])) ?? this.#exhausted(listed(told['exhausted']))
        )
      case 'group.ack':
        return this.#settled(lease => this.#queue.leases.delete(placeOf(lease)))
      case 'group.nack':
        return (
          this.#settled(lease => {
            lease.member = undefined
            lease.untilMs = this.#nowMs + Number(command['delayMs'] ?? 0)
          }) ?? (error ? undefined : this.#exhausted(listed(told['exhausted'])))
        )
      case 'group.bury':
        return this.#buried(Number(told['buried']))
      default:
        return undefined
    }
  }

  #fetched(deliveries: readonly JsonObject[]): string | undefined {
    const { command } = this.#asked
    for (const each of deliveries) {
      const wrong = this.#leased(each)
      if (wrong) return wrong
    }
    if (deliveries.length === command['limit']) return undefined
    if (deliveries.length > Number(command['limit'])) return 'more than was asked for'
    // All that could be had was given.
    const due = [...this.#queue.leases.values()].find(
      each => each.untilMs <= this.#nowMs && !this.#isExhausted(each) && !this.#isGone(each),
    )
    if (due) return `offset ${due.offset} is due again, and is not delivered`
    const kept = this.#feed.parts.findIndex(({ next }, i) => this.#skipped(i, next) !== undefined)
    return kept < 0
      ? undefined
      : `offset ${this.#skipped(kept, Number.POSITIVE_INFINITY)} is new, and is not delivered`
  }

  #leased({ partition: p, offset: o, attempt: a, delivery }: JsonObject): string | undefined {
    const [partition, offset, attempt] = [Number(p), Number(o), Number(a)]
    const place = placeOf({ partition, offset })
    const { leases, offsets } = this.#queue
    const known = leases.get(place)
    const lease = {
      ...{ partition, offset, attempt, delivery: String(delivery) },
      member: String(this.#asked.command['member']),
      untilMs: this.#nowMs + this.#feed.options.ackWaitMs,
    }
    if (known) {
      if (known.untilMs > this.#nowMs) return `two have a lease of ${place}`
      if (this.#isExhausted(known)) return `${place} is delivered, and is exhausted`
      if (attempt !== known.attempt + 1) return `attempt ${attempt} of ${place}`
    } else {
      if (offset < (offsets[partition] ?? 0)) return `${place} is delivered again`
      const skipped = this.#skipped(partition, offset)
      if (skipped !== undefined) return `offset ${skipped} is left out`
      if (offset >= (this.#feed.parts[partition]?.next ?? 0)) return `${place} does not exist`
      if (attempt !== 1) return `attempt ${attempt} of a new record`
      offsets[partition] = offset + 1
    }
    leases.set(place, lease)
    return undefined
  }

  /** The first that is there and was never delivered, below `to`. */
  #skipped(partition: number, to: number): number | undefined {
    const part = this.#feed.parts[partition]
    if (part === undefined) return undefined
    for (let at = this.#queue.offsets[partition] ?? 0; at < Math.min(to, part.next); at++) {
      if (!this.#isGone({ partition, offset: at })) return at
    }
    return undefined
  }

  /** Of the deliveries named, all are the member's, or it is refused. */
  #settled(settle: (lease: Lease) => void): string | undefined {
    const { command, error } = this.#asked
    const deliveries = new Set(command['deliveries'] as readonly string[])
    const own = [...this.#queue.leases.values()].filter(
      ({ delivery, member, untilMs }) =>
        deliveries.has(delivery) && member === command['member'] && untilMs > this.#nowMs,
    )
    if (error) {
      const isRight = own.length < deliveries.size || own.some(lease => this.#isGone(lease))
      return error.name === 'NOT_OWNER' && isRight ? undefined : `${error.name}, for no reason`
    }
    if (own.length < deliveries.size) return 'done, without a lease'
    for (const lease of own) settle(lease)
    return undefined
  }

  #exhausted(told: readonly JsonObject[]): string | undefined {
    const { leases } = this.#queue
    const due = [...leases.values()].filter(
      each => each.untilMs <= this.#nowMs && this.#isExhausted(each),
    )
    const places = new Set(told.map(placeOf))
    const missing = due.find(each => !places.has(placeOf(each)) && !this.#isGone(each))
    if (missing) return `${placeOf(missing)} is exhausted, and is not named`
    const wrong = told.find(each => !due.some(one => placeOf(one) === placeOf(each)))
    return wrong && `${placeOf(wrong)} is not exhausted`
  }

  #buried(count: number): string | undefined {
    let sure = 0
    let perhaps = 0
    for (const place of listed(this.#asked.command['places'])) {
      const lease = this.#queue.leases.get(placeOf(place))
      if (!lease || lease.untilMs > this.#nowMs || !this.#isExhausted(lease)) continue
      if (this.#isGone(lease)) perhaps++
      else sure++
      this.#queue.leases.delete(placeOf(place))
    }
    return count >= sure && count <= sure + perhaps ? undefined : `${sure} were to be buried`
  }

  #isExhausted({ attempt }: Lease): boolean {
    const { maxDeliver } = this.#feed.options
    return maxDeliver > 0 && attempt >= maxDeliver
  }

  /** Retention or a newer record of its key took it: it is owed no more. */
  #isGone({ partition, offset }: { partition: number; offset: number }): boolean {
    const part = this.#feed.parts[partition]
    return part !== undefined && this.#ledger.isGone(this.#feed, part, offset, this.#nowMs)
  }
}

const placeOf = ({ partition, offset }: JsonObject | Lease): string => `${partition}/${offset}`

const listed = (json: Json | undefined): readonly JsonObject[] =>
  Array.isArray(json) ? (json as readonly JsonObject[]) : []
