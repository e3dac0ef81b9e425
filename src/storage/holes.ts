/**
 * Where on disk what was deleted lies: ranges of keys of one table, in order, none of which overlaps another.
 * How much is in them is an estimate, made when it was found.
 */
import type { KeyRange } from './keys.ts'

export interface Hole extends KeyRange {
  /** Bytes on disk between the two keys, both included, that are deleted or about to be. */
  readonly dead: number
}

/** Of these keys, in order, some are dead: where, and what part they are of the keys there. */
export function holeIn(
  keys: readonly Buffer[],
  dead: readonly Buffer[],
): (KeyRange & { readonly share: number }) | undefined {
  const [gte] = dead
  const lte = dead.at(-1)
  if (gte === undefined || lte === undefined) return undefined
  const there = keys.filter(key => key.compare(gte) >= 0 && key.compare(lte) <= 0).length
  return { gte, lte, share: dead.length / Math.max(there, dead.length) }
}

export class Holes {
  #list: Hole[] = []
  #dead = 0

  /** Of all of them. */
  get dead(): number {
    return this.#dead
  }

  get list(): readonly Hole[] {
    return this.#list
  }

  /** With those that it overlaps it becomes one. */
  add(hole: Hole): void {
    this.#dead += hole.dead
    const from = this.#firstFrom(hole.gte)
    let [to, merged] = [from, hole]
    for (let next = this.#list[to]; next && next.gte.compare(hole.lte) <= 0; ) {
      merged = union(next, merged)
      next = this.#list[++to]
    }
    this.#list.splice(from, to - from, merged)
  }

  clear(): void {
    this.#list = []
    this.#dead = 0
  }

  /** The first that ends at this key or behind it. */
  #firstFrom(key: Buffer): number {
    let [low, high] = [0, this.#list.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const lte = this.#list[middle]?.lte
      if (lte !== undefined && lte.compare(key) >= 0) high = middle
      else low = middle + 1
    }
    return low
  }
}

export const union = (a: Hole, b: Hole): Hole => ({
  gte: a.gte.compare(b.gte) <= 0 ? a.gte : b.gte,
  lte: a.lte.compare(b.lte) >= 0 ? a.lte : b.lte,
  dead: a.dead + b.dead,
})
