/**
 * What goes wrong, and when: each kind of fault on its own exponential clock, drawn from its own
 * stream, so that switching one kind off does not move the others.
 */
import { present } from '../base/assert.ts'
import type { Prng } from '../base/prng.ts'
import type { NemesisOptions, Range } from './options.ts'

export const FAULTS = [
  'crash',
  'crash-all',
  'partition',
  'clog',
  'pause',
  'clock-jump',
  'hang',
  'step-down',
  'reset',
  'wipe',
] as const
export type FaultKind = (typeof FAULTS)[number]
export type Link = readonly [from: number, to: number]

export class Nemesis {
  readonly #options: NemesisOptions
  readonly #streams: ReadonlyMap<FaultKind, Prng>
  readonly #replicas: number

  constructor(options: NemesisOptions, prng: Prng, replicas: number) {
    this.#options = options
    this.#replicas = replicas
    this.#streams = new Map(FAULTS.map(kind => [kind, prng.fork(kind)]))
  }

  stream(kind: FaultKind): Prng {
    return present(this.#streams.get(kind), 'every kind has its stream')
  }

  /** Time until the next fault of this kind; `undefined`: the kind is off. */
  next(kind: FaultKind): number | undefined {
    const every = this.#every(kind)
    if (every === 0) return undefined
    return 1 + Math.round(this.stream(kind).exponential(every))
  }

  #every(kind: FaultKind): number {
    const o = this.#options
    const every: Record<FaultKind, number> = {
      crash: o.crashEveryMs,
      'crash-all': o.crashAllEveryMs,
      partition: this.#replicas > 1 ? o.partitionEveryMs : 0,
      clog: this.#replicas > 1 ? o.clogEveryMs : 0,
      pause: o.pauseEveryMs,
      'clock-jump': o.clockJumpEveryMs,
      hang: o.hangEveryMs,
      'step-down': o.stepDownEveryMs,
      reset: this.#replicas > 1 ? o.resetEveryMs : 0,
      wipe: this.#replicas > 2 ? o.wipeEveryMs : 0,
    }
    return every[kind]
  }

  victim(kind: FaultKind): number {
    return this.stream(kind).int(0, this.#replicas - 1)
  }

  /** How long a fault of this kind lasts. */
  duration(kind: FaultKind): number {
    const o = this.#options
    const ranges: Partial<Record<FaultKind, Range>> = {
      crash: o.downMs,
      'crash-all': o.downMs,
      wipe: o.downMs,
      partition: o.partitionMs,
      clog: o.clogMs,
      pause: o.pauseMs,
      hang: o.hangMs,
    }
    const [low, high] = ranges[kind] ?? [0, 0]
    return this.stream(kind).int(low, high)
  }

  clockJumpMs(): number {
    const { clockJumpMs } = this.#options
    return this.stream('clock-jump').int(-clockJumpMs, clockJumpMs)
  }

  /**
   * Links cut by a partition: one isolated (half of the times the primary), two halves, a bridge or a
   * ring; perhaps one way only.
   */
  cuts(primary: number | undefined): Link[] {
    const prng = this.stream('partition')
    const all = Array.from({ length: this.#replicas }, (_, i) => i)
    const shape = prng.pick(['isolate', 'halves', 'bridge', 'ring'] as const)
    const order = prng.shuffle(all)
    if (primary !== undefined && prng.chance(0.5)) {
      order.splice(order.indexOf(primary), 1)
      order.unshift(primary)
    }
    const half = Math.max(1, prng.int(1, this.#replicas - 1))
    const side = new Map(order.map((number, i) => [number, i < half ? 0 : 1]))
    const position = new Map(order.map((number, i) => [number, i]))
    const isCut = (a: number, b: number): boolean => {
      if (shape === 'isolate') return a === order[0] || b === order[0]
      if (shape === 'ring') {
        const gap = Math.abs((position.get(a) ?? 0) - (position.get(b) ?? 0))
        return Math.min(gap, this.#replicas - gap) > 1
      }
      if (shape === 'bridge' && (a === order[0] || b === order[0])) return false
      return side.get(a) !== side.get(b)
    }
    const oneWay = prng.chance(this.#options.oneWay)
    const forward = prng.chance(0.5)
    const links: Link[] = []
    for (const a of all) {
      for (const b of all) {
        if (a === b || !isCut(a, b)) continue
        const isForward = (position.get(a) ?? 0) < (position.get(b) ?? 0)
        if (!oneWay || isForward === forward) links.push([a, b])
      }
    }
    return links
  }
}
