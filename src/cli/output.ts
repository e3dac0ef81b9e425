/** One answer, in the form that was asked for: table, json, jsonl or raw. */
import type { Json } from '../base/json.ts'
import { renderTable, type Table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { printable } from './value.ts'

/** The last one of commands that say so. */
export type Format = 'table' | 'json' | 'jsonl' | 'raw' | 'mermaid'
export const FORMATS: readonly Format[] = ['table', 'json', 'jsonl', 'raw']

export interface View {
  /** The whole answer. */
  readonly whole: Json
  /** What a line of JSON holds; by default the whole answer without its header. */
  readonly items?: readonly Json[] | undefined
  /** For a person: a table, or text that is safe to show. */
  readonly people: () => Table | string
  /** The bare value, for `$(…)`; missing where there is none. */
  readonly raw?: (() => string) | undefined
  /** As a diagram. */
  readonly mermaid?: (() => string) | undefined
}

export class Output {
  /** What the user asked for; undefined: what fits the place. */
  readonly format: Format | undefined
  readonly #terminal: Terminal

  constructor(format: Format | undefined, terminal: Terminal) {
    this.format = format
    this.#terminal = terminal
  }

  /** Errors go to stderr as JSON when data does. */
  get wantsJson(): boolean {
    return this.format === 'json' || this.format === 'jsonl'
  }

  /** A line for each item, for another program: what comes in pages may be printed so. */
  get isLines(): boolean {
    if (this.format === undefined) return !this.#terminal.isTty
    return this.format === 'jsonl' || this.format === 'raw'
  }

  print(view: View): void {
    const text = this.#render(view, 2)
    if (text !== '') this.#terminal.data(`${text}\n`)
  }

  /** One of many: every item is a line, also as `json`. */
  event(view: View): void {
    const text = this.#render(view, 0)
    if (text !== '') this.#terminal.data(`${text}\n`)
  }

  #render(view: View, indent: number): string {
    const fallback = this.#terminal.isTty ? 'table' : view.raw ? 'raw' : 'jsonl'
    const format = this.format ?? fallback
    if (format === 'json') return JSON.stringify(view.whole, null, indent)
    if (format === 'raw' && view.raw) return this.#raw(view.raw())
    if (format === 'mermaid' && view.mermaid) return view.mermaid()
    if (format === 'table') return this.#people(view.people())
    const items = view.items ?? [withoutHeader(view.whole)]
    return items.map(item => JSON.stringify(item)).join('\n')
  }

  #raw(text: string): string {
    return this.#terminal.isTty ? printable(text) : text
  }

  #people(shown: Table | string): string {
    if (typeof shown === 'string') return shown
    const dim = (text: string): string => this.#terminal.style(text, 'dim')
    return renderTable(shown, this.#terminal.isTty ? this.#terminal.columns : Infinity, dim)
  }
}

function withoutHeader(answer: Json): Json {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return answer
  const { header: _, ...rest } = answer as Record<string, Json>
  return rest
}
