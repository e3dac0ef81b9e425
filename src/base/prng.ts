/**
 * sfc32, a small fast seeded generator (PractRand's Small Fast Counting RNG). One stream per
 * concern (`fork`), so that one new draw does not reshuffle everything that follows it.
 */
export class Prng {
  #a: number
  #b: number
  #c: number
  #counter: number
  readonly #seed: string

  constructor(seed: string | number) {
    this.#seed = String(seed)
    let h = 0x811c9dc5
    const next = (): number => {
      h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
      h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
      h ^= h >>> 16
      return h >>> 0
    }
    for (let i = 0; i < this.#seed.length; i++) {
      h = Math.imul(h ^ this.#seed.charCodeAt(i), 0x01000193)
    }
    this.#a = next()
    this.#b = next()
    this.#c = next()
    this.#counter = 1
    for (let i = 0; i < 12; i++) this.u32()
  }

  /** An independent stream for one concern: network, disk, workload … */
  fork(concern: string): Prng {
    return new Prng(`${this.#seed}/${concern}`)
  }

  u32(): number {
    const t = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + t) | 0
    return t >>> 0
  }

  /** In [0, 1). */
  float(): number {
    return this.u32() / 2 ** 32
  }

  /** An integer in [low, high], both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.float() * (high - low + 1))
  }

  chance(probability: number): boolean {
    return this.float() < probability
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('pick from an empty list')
    return items[this.int(0, items.length - 1)] as T
  }

  /** Exponential with the given mean: most are short, a few are long. */
  exponential(mean: number): number {
    return -Math.log(1 - this.float()) * mean
  }

  shuffle<T>(items: readonly T[]): T[] {
    const out = items.slice()
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.int(0, i)
      const swap = out[i] as T
      out[i] = out[j] as T
      out[j] = swap
    }
    return out
  }
}
