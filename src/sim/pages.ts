/**
 * The cold records of a simulated service: every few operations executed become a page, whose number and
 * text are functions of the log; the oldest pages are removed.
 *
 *   c/00000007   a page · p/   the number of the next, and its lines so far
 */
import { coldReference } from '../vr/cold.ts'
import type { PageOptions } from './options.ts'

interface Page {
  readonly reference: string
  /** Until it is settled. */
  text: string | undefined
}

/** A record on disk whose value is the reference of a text: a page, or a chunk of a feed. */
export const isColdOnDisk = (id: string): boolean =>
  id.startsWith('sc/') || id.startsWith('sfeed/s/')

export const isPage = (id: string): boolean => id.startsWith('c/')
const OPEN = 'p/'
const idOf = (n: number): string => `c/${String(n).padStart(8, '0')}`

export class Pages {
  readonly #options: PageOptions | undefined
  /** Called before and after a record changes. */
  readonly #count: (id: string, sign: 1 | -1) => void
  readonly #pages = new Map<string, Page>()
  #next = 0
  #lines: readonly string[] = []

  constructor(options: PageOptions | undefined, count: (id: string, sign: 1 | -1) => void) {
    this.#options = options
    this.#count = count
  }

  /** Of all records. */
  get ids(): string[] {
    return this.#options === undefined ? [] : [...this.#pages.keys(), OPEN]
  }

  add(line: string): void {
    if (this.#options === undefined) return
    const { lines, kept } = this.#options
    const all = [...this.#lines, line]
    if (all.length < lines) return this.#open(this.#next, all)
    const text = all.join('\n')
    this.#put(idOf(this.#next), { reference: coldReference(text), text })
    this.#put(idOf(this.#next - kept), undefined)
    this.#open(this.#next + 1, [])
  }

  #open(next: number, lines: readonly string[]): void {
    this.#count(OPEN, -1)
    this.#next = next
    this.#lines = lines
    this.#count(OPEN, 1)
  }

  #put(id: string, page: Page | undefined): void {
    if (page === undefined && !this.#pages.has(id)) return
    this.#count(id, -1)
    if (page === undefined) this.#pages.delete(id)
    else this.#pages.set(id, page)
    this.#count(id, 1)
  }

  /** `undefined` too for what is as it is in an empty state. */
  record(id: string): string | undefined {
    if (id !== OPEN) return this.#pages.get(id)?.reference
    return this.#options === undefined ? undefined : JSON.stringify([this.#next, ...this.#lines])
  }

  text(id: string): string | undefined {
    return this.#pages.get(id)?.text
  }

  settle(ids: readonly string[]): void {
    for (const id of ids) {
      const page = this.#pages.get(id)
      if (page !== undefined) page.text = undefined
    }
  }

  clear(): void {
    this.#pages.clear()
    this.#next = 0
    this.#lines = []
  }

  load(id: string, value: string | undefined): void {
    if (id !== OPEN) return this.#put(id, value === undefined ? undefined : paged(value))
    const [next = 0, ...lines] = JSON.parse(value ?? '[]') as [number?, ...string[]]
    this.#open(next, lines)
  }
}

const paged = (reference: string): Page => ({ reference, text: undefined })
