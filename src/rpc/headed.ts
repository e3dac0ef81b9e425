/**
 * A result and the header that goes with it, as text. All answers of one entry have one header: its text
 * is made once, for it is most of an answer to a write.
 */
import type { Header } from '../node/api.ts'

let lastHeader: Header | undefined
let lastText = ''

export class Headed {
  readonly #members: object
  readonly #header: Header

  /** `header` must not change any more. */
  constructor(members: object, header: Header) {
    this.#members = members
    this.#header = header
  }

  toJSON(): object {
    return { ...this.#members, header: this.#header }
  }

  get text(): string {
    if ('header' in this.#members) return JSON.stringify(this.toJSON())
    if (this.#header !== lastHeader) {
      lastHeader = this.#header
      lastText = `"header":${JSON.stringify(lastHeader)}}`
    }
    const members = JSON.stringify(this.#members)
    return members === '{}' ? `{${lastText}` : `${members.slice(0, -1)},${lastText}`
  }
}

/** With records, whose texts are put in as they are stored. */
export class HeadedRecords extends Headed {
  readonly #records: readonly string[]

  constructor(records: readonly string[], members: object, header: Header) {
    super(members, header)
    this.#records = records
  }

  override toJSON(): object {
    return { records: this.#records.map(text => JSON.parse(text) as unknown), ...super.toJSON() }
  }

  override get text(): string {
    return `{"records":[${this.#records.join(',')}],${super.text.slice(1)}`
  }
}
