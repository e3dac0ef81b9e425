/** Ends the process of a simulated disk inside of what the storage code does: at one of its operations. */
import type { Prng } from '../../base/prng.ts'
import type { Fate, Kind, SimDisk } from './disk.ts'

/** Behind so many operations, wherever; behind a batch that is durable; or before the batch is, at the latest with it. */
export type Place = 'anywhere' | 'behind the batch' | 'before the batch'

export interface Ending<T> {
  /** Undefined: the process was gone before. */
  readonly result: { readonly value: T } | undefined
}

export class Fuse {
  readonly #disk: SimDisk
  readonly #prng: Prng
  #isBatchDone = false
  #left: number

  constructor(disk: SimDisk, prng: Prng, place: Place, operations: number) {
    this.#disk = disk
    this.#prng = prng
    this.#left = operations
    disk.fate = kind => this.#fateOf(kind, place)
  }

  #fateOf(kind: Kind, place: Place): Fate {
    if (place === 'before the batch' && kind === 'batch') return 'lost'
    if (place === 'behind the batch' && !this.#isBatchDone) {
      this.#isBatchDone = kind === 'batch'
      return this.#isBatchDone && this.#left === 0 ? 'last' : 'done'
    }
    if (--this.#left > 0) return 'done'
    return this.#prng.chance(0.5) ? 'last' : 'lost'
  }

  /** Until it has ended, or the process is gone. */
  async burn<T>(act: () => Promise<T>): Promise<Ending<T>> {
    const { process, died } = this.#disk
    const result = await Promise.race([
      act().then(value => ({ value })),
      died.then(() => undefined),
    ])
    if (!process.isOver) this.#disk.fate = () => 'done'
    return { result: process.isOver ? undefined : result }
  }
}

/** All that can go on without an event from outside has gone on. */
export const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
