/**
 * A consumer group: how far readers of a feed have come. Mode `cursor`: offsets that they commit. Mode `queue`:
 * records are leased to members, each record to one at a time, until one acknowledges it; a lease that is
 * neither acknowledged nor given back ends by log time, and the record is delivered again.
 */
import type { Json, JsonObject } from '../../base/json.ts'
import { Rejected } from '../machine.ts'
import { PENDING_MAX } from './limits.ts'
import type { Partition } from './partition.ts'

export interface GroupConfig {
  readonly mode: 'cursor' | 'queue'
  readonly ackWaitMs: number
  /** After so many deliveries a record is exhausted; 0: never. */
  readonly maxDeliver: number
  /** Where exhausted records go. */
  readonly deadLetter: string
}

/** A record that was delivered and is not acknowledged. */
interface Pending {
  readonly partition: number
  readonly offset: number
  attempt: number
  /** Of the operation that leased it last: a lease of before a seek is another. */
  rev: number
  /** Who has it; empty: nobody. */
  member: string
  /** The lease ends then; without a member: it may be delivered from then on. */
  atMs: number
  /** Why it was given back last. */
  reason: string
}

const placeOf = (partition: number, offset: number): string => `${partition}-${offset}`

export class Group {
  readonly name: string
  readonly config: GroupConfig
  /** Of each partition: committed, or of a queue the next that was never delivered. */
  readonly offsets: number[]
  readonly #pending = new Map<string, Pending>()

  constructor(name: string, config: GroupConfig, offsets: number[]) {
    this.name = name
    this.config = config
    this.offsets = offsets
  }

  /** Records that nobody has acknowledged or committed. */
  lag(partitions: readonly Partition[]): number {
    let sum = 0
    for (const { number, first, next, latest } of partitions) {
      const from = Math.max(first, this.offsets[number] ?? 0)
      sum += latest ? latest.countFrom(from) : next - from
    }
    for (const { partition, offset } of this.#pending.values()) {
      if (isThere(partitions[partition], offset)) sum++
    }
    return sum
  }

  get pending(): number {
    return this.#pending.size
  }

  /** Of each partition: everything below it is done. */
  done(partitions: number): number[] {
    const low = Array.from({ length: partitions }, (_, number) => this.offsets[number] ?? 0)
    for (const { partition, offset } of this.#pending.values()) {
      low[partition] = Math.min(low[partition] ?? offset, offset)
    }
    return low
  }

  seek(partition: number, offset: number): void {
    this.offsets[partition] = offset
    for (const [place, each] of this.#pending) {
      if (each.partition === partition) this.#pending.delete(place)
    }
  }

  /** Leases up to `limit` records to the member: first those that come back, then new ones. */
  lease(
    partitions: readonly Partition[],
    ask: {
      readonly member: string
      readonly limit: number
      readonly timeMs: number
      readonly rev: number
    },
  ): JsonObject[] {
    const { member, limit, timeMs, rev } = ask
    const leased: JsonObject[] = []
    const give = (each: Pending): void => {
      each.attempt++
      each.rev = rev
      each.member = member
      each.atMs = timeMs + this.config.ackWaitMs
      const { partition, offset, attempt } = each
      leased.push({
        partition,
        offset,
        attempt,
        delivery: `${partition}-${offset}-${attempt}-${rev}`,
      })
    }
    for (const [place, each] of this.#pending) {
      if (leased.length === limit) return leased
      if (!isThere(partitions[each.partition], each.offset)) this.#pending.delete(place)
      else if (each.atMs <= timeMs && !this.#isExhausted(each)) give(each)
    }
    for (const partition of partitions) {
      for (; leased.length < limit && this.#pending.size < PENDING_MAX; ) {
        const offset = this.#nextIn(partition)
        if (offset === undefined) break
        const { number } = partition
        const each = { partition: number, offset, attempt: 0, rev, member: '', atMs: 0, reason: '' }
        this.#pending.set(placeOf(number, offset), each)
        give(each)
      }
    }
    return leased
  }

  #nextIn(partition: Partition): number | undefined {
    const { latest, number, first, next } = partition
    const from = Math.max(this.offsets[number] ?? 0, first)
    const offset = (latest ? latest.from(from) : from) ?? next
    this.offsets[number] = Math.min(offset + 1, next)
    return offset < next ? offset : undefined
  }

  #isExhausted({ attempt }: Pending): boolean {
    return this.config.maxDeliver > 0 && attempt >= this.config.maxDeliver
  }

  /** Records that are not to be delivered any more, and are to go to the dead-letter feed. */
  exhausted(timeMs: number): JsonObject[] {
    const found: JsonObject[] = []
    for (const each of this.#pending.values()) {
      if (each.atMs > timeMs || !this.#isExhausted(each)) continue
      const { partition, offset, attempt } = each
      const reason =
        each.member === '' ? each.reason : `no answer within ${this.config.ackWaitMs} ms`
      found.push({ partition, offset, attempt, reason })
    }
    return found
  }

  /** Whether `lease` would give anything; else when it is worth asking again. */
  outlook(partitions: readonly Partition[], timeMs: number): JsonObject {
    let isReady = false
    let nextMs = Number.POSITIVE_INFINITY
    for (const each of this.#pending.values()) {
      if (each.atMs <= timeMs) isReady = true
      else nextMs = Math.min(nextMs, each.atMs)
    }
    const hasNew = partitions.some(({ number, first, next }) => {
      return Math.max(first, this.offsets[number] ?? 0) < next
    })
    if (hasNew && this.#pending.size < PENDING_MAX) isReady = true
    return { isReady, nextMs: Number.isFinite(nextMs) ? nextMs : null }
  }

  /** The deliveries that the member has a lease of; throws NOT_OWNER if one is not. */
  owned(deliveries: readonly Json[], member: string, timeMs: number): Pending[] {
    const lost = deliveries.filter(each => this.#leaseOf(each, member, timeMs) === undefined)
    if (lost.length > 0) {
      const message = `${member} has no lease (any more) of ${lost.slice(0, 5).join(', ')}: nothing was done; leave ${lost.length === 1 ? 'it' : 'them'} out`
      throw new Rejected('NOT_OWNER', message, { deliveries: lost })
    }
    return [...new Set(deliveries.flatMap(each => this.#leaseOf(each, member, timeMs) ?? []))]
  }

  #leaseOf(delivery: Json, member: string, timeMs: number): Pending | undefined {
    const [partition, offset, attempt, rev] = String(delivery).split('-').map(Number)
    const found = this.#pending.get(placeOf(partition ?? -1, offset ?? -1))
    if (found === undefined || found.attempt !== attempt || found.rev !== rev) return undefined
    return found.member === member && found.atMs > timeMs ? found : undefined
  }

  acknowledge(owned: readonly Pending[]): void {
    for (const { partition, offset } of owned) this.#pending.delete(placeOf(partition, offset))
  }

  giveBack(owned: readonly Pending[], atMs: number, reason: string): void {
    for (const each of owned) {
      each.member = ''
      each.atMs = atMs
      each.reason = reason
    }
  }

  /** The record is in the dead-letter feed; false: it was not exhausted. */
  bury(partition: number, offset: number, timeMs: number): boolean {
    const place = placeOf(partition, offset)
    const found = this.#pending.get(place)
    if (found === undefined || found.atMs > timeMs || !this.#isExhausted(found)) return false
    return this.#pending.delete(place)
  }

  encode(): string {
    const { name, config, offsets } = this
    const pending = [...this.#pending.values()].map(each => {
      const { partition, offset, attempt, rev, member, atMs, reason } = each
      return [partition, offset, attempt, rev, member, atMs, reason]
    })
    return JSON.stringify({ format: 1, name, config, offsets, pending })
  }

  static decode(text: string): Group {
    const kept = JSON.parse(text) as {
      name: string
      config: GroupConfig
      offsets: number[]
      pending: [number, number, number, number, string, number, string][]
    }
    const group = new Group(kept.name, kept.config, kept.offsets)
    for (const [partition, offset, attempt, rev, member, atMs, reason] of kept.pending) {
      const each = { partition, offset, attempt, rev, member, atMs, reason }
      group.#pending.set(placeOf(partition, offset), each)
    }
    return group
  }
}

/** Not gone, and in a compacted feed not dead. */
function isThere(partition: Partition | undefined, offset: number): boolean {
  if (partition === undefined || offset < partition.first) return false
  return partition.latest === undefined || partition.latest.isLast(offset)
}
