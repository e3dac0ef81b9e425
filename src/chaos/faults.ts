/**
 * The faults in force at this node: a bounded list, each with an end if one was given. What they mean
 * for a frame or a disk is asked here; who asks are the decorators of the ports.
 */
import { ViewstampError } from '../base/errors.ts'
import type { Fault, FaultStatus, Reach } from './api.ts'
import type { Clock } from './clock.ts'

interface InForce {
  readonly id: string
  readonly fault: Fault
  readonly sinceMs: number
  readonly untilMs: number | undefined
  readonly forget: () => void
}

/** What becomes of one frame. */
export interface Verdict {
  readonly lost: boolean
  readonly delayMs: number
}

export const FAULTS_MAX = 64
const LOST: Verdict = { lost: true, delayMs: 0 }

export class Faults {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #listeners: (() => void)[] = []
  #list: readonly InForce[] = []
  #next = 1
  /** No fault of the network: what the decorator asks for each frame. */
  #calm = true

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock
    this.#random = random
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }

  inject(fault: Fault, forMs?: number): void {
    const key = keyOf(fault)
    const others = this.#list.filter(each => keyOf(each.fault) !== key)
    if (others.length >= FAULTS_MAX) {
      throw new ViewstampError(
        'TOO_LARGE',
        `${FAULTS_MAX} faults are in force here: heal some first`,
        { limit: FAULTS_MAX },
      )
    }
    for (const each of this.#list) if (!others.includes(each)) each.forget()
    const sinceMs = this.#clock.nowMs()
    const id = `f${this.#next++}`
    const end = () => this.#keep(this.#list.filter(each => each.id !== id))
    const forget = forMs === undefined ? () => {} : this.#clock.after(forMs, end)
    const untilMs = forMs === undefined ? undefined : sinceMs + forMs
    this.#keep([...others, { id, fault, sinceMs, untilMs, forget }])
  }

  heal(kind?: Fault['kind']): number {
    const healed = this.#list.filter(({ fault }) => kind === undefined || fault.kind === kind)
    for (const { forget } of healed) forget()
    if (healed.length > 0) this.#keep(this.#list.filter(each => !healed.includes(each)))
    return healed.length
  }

  #keep(list: readonly InForce[]): void {
    this.#list = list
    this.#calm = list.every(({ fault }) => !('peers' in fault))
    for (const listener of this.#listeners) listener()
  }

  get size(): number {
    return this.#list.length
  }

  get calm(): boolean {
    return this.#calm
  }

  get paused(): boolean {
    return this.#list.some(({ fault }) => fault.kind === 'pause')
  }

  get slowDiskMs(): number {
    for (const { fault } of this.#list) if (fault.kind === 'slow-disk') return fault.ms
    return 0
  }

  /** Draws what becomes of a frame to or from a peer; `shard` is undefined for what is of none. */
  judge(peer: string, way: 'in' | 'out', shard: string | undefined): Verdict {
    let delayMs = 0
    for (const { fault } of this.#list) {
      if (!('peers' in fault) || !concerns(fault, peer, way, shard)) continue
      if (fault.kind === 'partition') return LOST
      if (fault.kind === 'drop' && this.#random() < fault.rate) return LOST
      if (fault.kind === 'delay') delayMs += fault.ms + this.#random() * fault.jitterMs
    }
    return { lost: false, delayMs }
  }

  isCut(peer: string, way: 'in' | 'out', shard: string | undefined): boolean {
    return this.#list.some(
      ({ fault }) => fault.kind === 'partition' && concerns(fault, peer, way, shard),
    )
  }

  /** No connection can be made: something is cut, whichever way, for all shards. */
  cutOff(peer: string): boolean {
    return this.#list.some(
      ({ fault }) =>
        fault.kind === 'partition' && fault.shard === undefined && fault.peers.includes(peer),
    )
  }

  status(): readonly FaultStatus[] {
    const now = this.#clock.nowMs()
    return this.#list.map(({ id, fault, sinceMs, untilMs }) => ({
      id,
      kind: fault.kind,
      text: sentenceOf(fault),
      fault,
      ageMs: Math.round(now - sinceMs),
      leftMs: untilMs === undefined ? null : Math.max(0, Math.round(untilMs - now)),
    }))
  }
}

function concerns(
  reach: Reach,
  peer: string,
  way: 'in' | 'out',
  shard: string | undefined,
): boolean {
  if (reach.shard !== undefined && reach.shard !== shard) return false
  return (reach.direction === 'both' || reach.direction === way) && reach.peers.includes(peer)
}

/** Two faults of one key are one fault that was given again. */
function keyOf(fault: Fault): string {
  if (!('peers' in fault)) return fault.kind
  return JSON.stringify([fault.kind, fault.peers, fault.direction, fault.shard ?? null])
}

function sentenceOf(fault: Fault): string {
  switch (fault.kind) {
    case 'pause':
      return 'paused'
    case 'slow-disk':
      return `each synced batch takes ${fault.ms} ms longer`
    case 'partition':
      return fault.direction === 'both'
        ? `cut off from ${fault.peers.join(', ')}${ofShard(fault.shard)}`
        : `all frames ${between(fault)} are lost`
    case 'drop':
      return `${percent(fault.rate)} of the frames ${between(fault)} are lost`
    case 'delay': {
      const jitter = fault.jitterMs > 0 ? ` to ${fault.ms + fault.jitterMs}` : ''
      return `frames ${between(fault)} take ${fault.ms}${jitter} ms longer`
    }
  }
}

const WAYS = { both: 'to and from', in: 'from', out: 'to' } as const

function between({ direction, peers, shard }: Reach): string {
  return `${WAYS[direction]} ${peers.join(', ')}${ofShard(shard)}`
}

const ofShard = (shard: string | undefined): string => (shard === undefined ? '' : ` of ${shard}`)
const percent = (rate: number): string => `${Number((rate * 100).toFixed(3))} %`
