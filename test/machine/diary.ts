/**
 * A small machine with cold records: it takes lines, and every few of them become a page, which is cold.
 * The oldest pages go when there are more than it keeps.
 */
import type { Json } from '../../src/base/json.ts'
import { isObject } from '../../src/base/json.ts'
import type { ApplyContext, Frozen, Machine, StateRecord } from '../../src/machine/machine.ts'
import { coldReference } from '../../src/vr/cold.ts'

interface Page {
  readonly reference: string
  text: string | undefined
}

export const pageId = (n: number): string => `p/${String(n).padStart(8, '0')}`

export class Diary implements Machine {
  readonly name = 'diary'
  readonly version = 1
  readonly #linesOfPage: number
  readonly #pagesKept: number
  #pages = new Map<string, Page>()
  #lines: readonly string[] = []
  #next = 0
  readonly #dirty = new Set<string>()

  constructor(linesOfPage = 3, pagesKept = 4) {
    this.#linesOfPage = linesOfPage
    this.#pagesKept = pagesKept
  }

  readonly cold = {
    isCold: (id: string): boolean => id.startsWith('p/'),
    text: (id: string): string | undefined => this.#pages.get(id)?.text,
    settle: (ids: readonly string[]): void => {
      for (const id of ids) {
        const page = this.#pages.get(id)
        if (page) page.text = undefined
      }
    },
  }

  get pages(): readonly string[] {
    return [...this.#pages.keys()].sort()
  }

  /** Characters of pages in memory. */
  get held(): number {
    return [...this.#pages.values()].reduce((sum, { text }) => sum + (text?.length ?? 0), 0)
  }

  apply(command: Json, _context: ApplyContext): Json {
    const line = isObject(command) ? String(command['line']) : ''
    this.#lines = [...this.#lines, line]
    this.#dirty.add('open')
    if (this.#lines.length < this.#linesOfPage) return this.#lines.length
    this.#turn()
    return 0
  }

  #turn(): void {
    const text = this.#lines.join('\n')
    const id = pageId(this.#next++)
    this.#pages.set(id, { reference: coldReference(text), text })
    this.#lines = []
    this.#dirty.add(id)
    const old = pageId(this.#next - 1 - this.#pagesKept)
    if (this.#pages.delete(old)) this.#dirty.add(old)
  }

  query(): Json {
    return this.pages.length
  }

  advance(): void {}

  nextDeadline(): number | undefined {
    return undefined
  }

  takeDirty(): string[] {
    const ids = [...this.#dirty].sort()
    this.#dirty.clear()
    return ids
  }

  record(id: string): string | undefined {
    if (id === 'open') return JSON.stringify([this.#next, ...this.#lines])
    return this.#pages.get(id)?.reference
  }

  freeze(): Frozen {
    const records = new Map<string, string>([['open', this.record('open') ?? '']])
    for (const id of this.pages) records.set(id, this.record(id) ?? '')
    return {
      record: id => records.get(id),
      *records(after) {
        for (const [id, value] of records)
          if (after === undefined || id > after) yield { id, value }
      },
    }
  }

  clear(): void {
    this.#pages = new Map()
    this.#lines = []
    this.#next = 0
    this.#dirty.clear()
  }

  load({ id, value }: StateRecord): void {
    if (id !== 'open') {
      if (value === undefined) this.#pages.delete(id)
      else this.#pages.set(id, { reference: value, text: undefined })
      return
    }
    const [next, ...lines] = JSON.parse(value ?? '[0]') as [number, ...string[]]
    this.#next = next
    this.#lines = lines
  }
}
