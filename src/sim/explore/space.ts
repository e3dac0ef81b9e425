/**
 * The states seen, in memory that is taken once: of each a 64-bit hash, and how it came about, from which it
 * is made again when its turn comes. A state is numbers: a cell for each replica, what is committed, what
 * was used up, and the set of messages that were ever sent, which only grows: so each state holds what it
 * adds to the state that it came from.
 */
export interface State {
  /** Of each replica. */
  readonly cells: readonly number[]
  readonly committed: number
  /** What the corner allows so many times, and how many it was. */
  readonly used: number
  readonly messages: readonly number[]
}

/** How a state came about. */
export interface Step {
  readonly from: number
  readonly replica: number
  readonly deed: number
}

const NOWHERE = 0xffffffff

export class Space {
  readonly #replicas: number
  readonly #capacity: number
  readonly #mask: number
  readonly #hashes: Uint32Array
  /** Per state: cells, committed, used, from, replica and deed, where its new messages end. */
  readonly #rows: Uint32Array
  readonly #width: number
  #added: Uint32Array
  #size = 0

  constructor(replicas: number, capacity: number) {
    this.#replicas = replicas
    this.#capacity = capacity
    const slots = 2 ** Math.ceil(Math.log2(capacity * 1.5))
    this.#mask = slots - 1
    this.#hashes = new Uint32Array(2 * slots)
    this.#width = replicas + 6
    this.#rows = new Uint32Array(capacity * this.#width)
    this.#added = new Uint32Array(capacity)
  }

  get size(): number {
    return this.#size
  }

  get isFull(): boolean {
    return this.#size === this.#capacity
  }

  /** False: it was seen before. `fresh`: the last of its messages, which `step.from` has not. */
  add(state: State, step: Step | undefined, fresh: readonly number[]): boolean {
    if (!this.#remember(state)) return false
    const at = this.#size * this.#width
    const end = this.#endOf(this.#size - 1)
    this.#grow(end + fresh.length)
    this.#added.set(fresh, end)
    this.#rows.set(state.cells, at)
    const { from, replica, deed } = step ?? { from: NOWHERE, replica: 0, deed: 0 }
    const rest = [state.committed, state.used, from, replica, deed, end + fresh.length]
    this.#rows.set(rest, at + this.#replicas)
    this.#size++
    return true
  }

  state(index: number): State {
    const at = index * this.#width
    const cells = [...this.#rows.subarray(at, at + this.#replicas)]
    const [committed = 0, used = 0] = this.#rows.subarray(at + this.#replicas)
    return { cells, committed, used, messages: this.#messages(index) }
  }

  /** `undefined`: it was there at the beginning. */
  step(index: number): Step | undefined {
    const at = index * this.#width + this.#replicas + 2
    const [from = NOWHERE, replica = 0, deed = 0] = this.#rows.subarray(at)
    return from === NOWHERE ? undefined : { from, replica, deed }
  }

  #messages(index: number): number[] {
    const messages: number[] = []
    for (let i: number | undefined = index; i !== undefined; i = this.step(i)?.from) {
      for (const id of this.#added.subarray(this.#endOf(i - 1), this.#endOf(i))) messages.push(id)
    }
    return messages
  }

  #endOf(index: number): number {
    if (index < 0) return 0
    return this.#rows[(index + 1) * this.#width - 1] ?? 0
  }

  #grow(length: number): void {
    if (length <= this.#added.length) return
    const larger = new Uint32Array(2 * length)
    larger.set(this.#added)
    this.#added = larger
  }

  /** Two states of one 64-bit hash are taken for one: of 10⁷ states, once in 4 × 10⁵ explorations. */
  #remember(state: State): boolean {
    const [a, b] = hashOf(state)
    for (let slot = a & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const x = this.#hashes[2 * slot]
      const y = this.#hashes[2 * slot + 1]
      if (x === a && y === b) return false
      if (x === 0 && y === 0) {
        this.#hashes[2 * slot] = a
        this.#hashes[2 * slot + 1] = b
        return true
      }
    }
  }
}

function hashOf({ cells, committed, used, messages }: State): [number, number] {
  let a = 0x811c9dc5
  let b = 0x9747b28c
  for (const n of [...cells, committed, used]) {
    a = Math.imul(a ^ n, 0x01000193) ^ (a >>> 13)
    b = Math.imul(b ^ n, 0x85ebca6b) ^ (b >>> 15)
  }
  // A set: in any order.
  let c = 0
  let d = 0
  for (const id of messages) {
    c = (c + mix(id, 0x2545f491)) | 0
    d = (d + mix(id, 0x9e3779b1)) | 0
  }
  return [mix(a ^ c, 0xc2b2ae35) >>> 0 || 1, mix(b ^ d, 0x27d4eb2f) >>> 0]
}

function mix(n: number, salt: number): number {
  let h = Math.imul(n ^ salt, 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
