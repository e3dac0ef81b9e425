/**
 * What goes wrong, and when: each kind of fault on its own exponential clock, drawn from its own
 * stream, so that switching one kind off does not move the others. What a fault does is drawn from a
 * stream of that one fault, so that leaving it out does not change what the later ones do.
 */
import { present } from '../base/assert.ts'
import type { Prng } from '../base/prng.ts'
import { type NemesisOptions, OFF } from './options.ts'

export const FAULTS = [
  'crash',
  'crash-all',
  'crash-point',
  'isolate',
  'isolate-primary',
  'halves',
  'bridge',
  'ring',
  'clog',
  'swizzle',
  'pause',
  'suspend',
  'clock-jump',
  'clock-stuck',
  'hang',
  'write-error',
  'full-disk',
  'short-of-space',
  'rot',
  'helix',
  'wipe',
  'rollback',
  'amnesia',
  'copy',
  'step-down',
  'reset',
  'replay',
] as const
export type FaultKind = (typeof FAULTS)[number]
export type Partition = Extract<
  FaultKind,
  'isolate' | 'isolate-primary' | 'halves' | 'bridge' | 'ring'
>
export type Link = readonly [from: number, to: number]

/** Kinds that mean nothing in a smaller group. */
const REPLICAS_MIN: Partial<Record<FaultKind, number>> = {
  isolate: 2,
  'isolate-primary': 2,
  halves: 2,
  bridge: 3,
  ring: 4,
  clog: 2,
  swizzle: 2,
  reset: 2,
  replay: 2,
  // Nobody could bring it up to date: the product refuses there.
  rot: 3,
  helix: 2,
  wipe: 3,
  rollback: 3,
  amnesia: 3,
  copy: 3,
}

export class Nemesis {
  readonly #options: NemesisOptions
  readonly #prng: Prng
  readonly #clocks: ReadonlyMap<FaultKind, Prng>
  readonly #streams: Map<FaultKind, Prng>
  readonly #begun = new Map<FaultKind, number>()
  readonly #replicas: number

  constructor(options: NemesisOptions, prng: Prng, replicas: number) {
    this.#options = options
    this.#replicas = replicas
    this.#prng = prng
    this.#clocks = new Map(FAULTS.map(kind => [kind, prng.fork(kind)]))
    this.#streams = new Map(this.#clocks)
  }

  /** The next fault of this kind is there: gives its name, `crash.3` being the third crash. */
  begin(kind: FaultKind): string {
    const count = (this.#begun.get(kind) ?? 0) + 1
    this.#begun.set(kind, count)
    const name = `${kind}.${count}`
    this.#streams.set(kind, this.#prng.fork(name))
    return name
  }

  /** What the fault of this kind that has begun draws from. */
  stream(kind: FaultKind): Prng {
    return present(this.#streams.get(kind), 'every kind has its stream')
  }

  /** Time until the next fault of this kind; `undefined`: the kind is off. */
  next(kind: FaultKind): number | undefined {
    if (!isOn(this.#options, kind, this.#replicas)) return undefined
    const clock = present(this.#clocks.get(kind), 'every kind has its clock')
    return 1 + Math.round(clock.exponential(this.#options.faults[kind].everyMs))
  }

  victim(kind: FaultKind): number {
    return this.stream(kind).int(0, this.#replicas - 1)
  }

  /** How long a fault of this kind lasts. */
  duration(kind: FaultKind): number {
    const [low, high] = this.#options.faults[kind].forMs
    return this.stream(kind).int(low, high)
  }

  clockJumpMs(): number {
    const { clockJumpMs } = this.#options
    return this.stream('clock-jump').int(-clockJumpMs, clockJumpMs)
  }

  /** Links cut by a partition of this shape; perhaps one way only. `primary` is the one that acts now. */
  cuts(shape: Partition, primary: number | undefined): Link[] {
    const prng = this.stream(shape)
    const all = Array.from({ length: this.#replicas }, (_, i) => i)
    const order = prng.shuffle(all)
    if (primary !== undefined && shape === 'isolate-primary') {
      order.splice(order.indexOf(primary), 1)
      order.unshift(primary)
    }
    const half = Math.max(1, prng.int(1, this.#replicas - 1))
    const position = new Map(order.map((number, i) => [number, i]))
    const at = (number: number): number => position.get(number) ?? 0
    const isCut = this.#separation(shape, order, at, half)
    const oneWay = prng.chance(this.#options.oneWay)
    const forward = prng.chance(0.5)
    const links: Link[] = []
    for (const a of all) {
      for (const b of all) {
        if (a === b || !isCut(a, b)) continue
        if (!oneWay || at(a) < at(b) === forward) links.push([a, b])
      }
    }
    return links
  }

  #separation(
    shape: Partition,
    order: readonly number[],
    at: (number: number) => number,
    half: number,
  ): (a: number, b: number) => boolean {
    const isFirst = (a: number, b: number): boolean => a === order[0] || b === order[0]
    const isAcross = (a: number, b: number): boolean => at(a) < half !== at(b) < half
    switch (shape) {
      case 'isolate':
      case 'isolate-primary':
        return isFirst
      case 'halves':
        return isAcross
      case 'bridge':
        // One replica belongs to both sides.
        return (a, b) => !isFirst(a, b) && isAcross(a, b)
      case 'ring':
        return (a, b) => {
          const gap = Math.abs(at(a) - at(b))
          return Math.min(gap, this.#replicas - gap) > 1
        }
    }
  }
}

export function isOn(options: NemesisOptions, kind: FaultKind, replicas: number): boolean {
  return options.faults[kind].everyMs > OFF && replicas >= (REPLICAS_MIN[kind] ?? 1)
}

export function isPartition(kind: FaultKind): kind is Partition {
  return (
    kind === 'isolate' ||
    kind === 'isolate-primary' ||
    kind === 'halves' ||
    kind === 'bridge' ||
    kind === 'ring'
  )
}
