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
  readonly #lamport: number | undefined

  /** `header` must not change any more. `lamport`: of a write, unless the members tell it. */
  constructor(members: object, header: Header, lamport?: number) {
    this.#members = members
    this.#header = header
    this.#lamport = 'lamport' in members ? undefined : lamport
  }

  toJSON(): object {
    const lamport = this.#lamport
    return { ...this.#members, ...(lamport !== undefined && { lamport }), header: this.#header }
  }

  get text(): string {
    if ('header' in this.#members) return JSON.stringify(this.toJSON())
    return joined(JSON.stringify(this.#members), this.#header, this.#lamport)
  }
}

function joined(members: string, header: Header, lamport: number | undefined): string {
  if (header !== lastHeader) {
    lastHeader = header
    lastText = `"header":${JSON.stringify(header)}}`
  }
  const begun = members === '{}' ? '{' : `${members.slice(0, -1)},`
  return lamport === undefined ? begun + lastText : `${begun}"lamport":${lamport},${lastText}`
}

/** Whose members are JSON already: the text of an object. */
export class HeadedText extends Headed {
  readonly #members: string
  readonly #header: Header
  readonly #lamport: number | undefined

  constructor(members: string, header: Header, lamport: number | undefined) {
    super({}, header)
    this.#members = members
    this.#header = header
    this.#lamport = lamport
  }

  override toJSON(): object {
    const members = JSON.parse(this.#members) as object
    return new Headed(members, this.#header, this.#lamport).toJSON()
  }

  override get text(): string {
    const members = this.#members
    // It may be the name of a member, or stand in a value: then it is looked at.
    const isSpecial = members.includes('"header"') || members.includes('"lamport"')
    return isSpecial ? JSON.stringify(this.toJSON()) : this.plainText(this.#lamport)
  }

  /** For members that are known not to say `header`, nor `lamport` beside one that is given. */
  protected plainText(lamport: number | undefined): string {
    return joined(this.#members, this.#header, lamport)
  }
}

/** What came of records published: nothing in it is the caller's, so it need not be looked into. */
export class HeadedPublished extends HeadedText {
  readonly #told: number | undefined

  /** `lamport`: of the write, where the members do not tell it, or tell that of each record. */
  constructor(members: string, header: Header, lamport: number | undefined) {
    super(members, header, lamport)
    this.#told =
      !members.startsWith('{"results"') && members.includes('"lamport"') ? undefined : lamport
  }

  override get text(): string {
    return this.plainText(this.#told)
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
