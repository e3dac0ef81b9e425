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
    return joined(JSON.stringify(this.#members), this.#header)
  }
}

function joined(members: string, header: Header): string {
  if (header !== lastHeader) {
    lastHeader = header
    lastText = `"header":${JSON.stringify(header)}}`
  }
  return members === '{}' ? `{${lastText}` : `${members.slice(0, -1)},${lastText}`
}

/** Whose members are JSON already: the text of an object. */
export class HeadedText extends Headed {
  readonly #members: string
  readonly #header: Header

  constructor(members: string, header: Header) {
    super({}, header)
    this.#members = members
    this.#header = header
  }

  override toJSON(): object {
    return { ...(JSON.parse(this.#members) as object), header: this.#header }
  }

  override get text(): string {
    // It may be the name of a member, or stand in a value: then it is looked at.
    if (this.#members.includes('"header"')) return JSON.stringify(this.toJSON())
    return joined(this.#members, this.#header)
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
