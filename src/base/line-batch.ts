/** Lines of a file become the records of commits: as many as one may have without making others wait. */

const RECORDS = 500
const CHARS = 512 * 1024

export interface LineBatch<T> {
  readonly records: readonly T[]
  /** Of their lines, from 1. */
  readonly numbers: readonly number[]
}

export class LineBatcher<T> {
  readonly #recordOf: (line: string, number: number) => T
  #records: T[] = []
  #numbers: number[] = []
  #chars = 0
  #number = 0

  constructor(recordOf: (line: string, number: number) => T) {
    this.#recordOf = recordOf
  }

  /** Empty lines count and are no records. What `recordOf` throws is the caller's. */
  add(line: string): LineBatch<T> | undefined {
    this.#number++
    if (line.trim() === '') return undefined
    this.#records.push(this.#recordOf(line, this.#number))
    this.#numbers.push(this.#number)
    this.#chars += line.length
    const isFull = this.#records.length >= RECORDS || this.#chars >= CHARS
    return isFull ? this.rest() : undefined
  }

  /** What is there; `undefined`: nothing. */
  rest(): LineBatch<T> | undefined {
    const batch = { records: this.#records, numbers: this.#numbers }
    this.#records = []
    this.#numbers = []
    this.#chars = 0
    return batch.records.length > 0 ? batch : undefined
  }
}
