/** Where the CLI writes: data on stdout, messages on stderr, colour only where a person looks. */

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan'

const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
}
/** One per node, in this order. */
const NODE_STYLES: readonly Style[] = ['cyan', 'magenta', 'yellow', 'blue', 'green', 'red']

export interface Stream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
  once?(event: 'drain', taken: () => void): unknown
}

export interface TerminalOptions {
  readonly out: Stream
  readonly err: Stream
  readonly color: 'auto' | 'never'
  readonly env: Readonly<Record<string, string | undefined>>
}

export class Terminal {
  readonly isTty: boolean
  readonly colored: boolean
  readonly #out: Stream
  readonly #err: Stream
  readonly #nodeStyles = new Map<string, Style>()

  constructor(options: TerminalOptions) {
    const { out, err, env } = options
    this.#out = out
    this.#err = err
    this.isTty = out.isTTY === true
    const forced = env['FORCE_COLOR'] !== undefined && env['FORCE_COLOR'] !== '0'
    const refused =
      options.color === 'never' || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb'
    this.colored = !refused && (this.isTty || forced)
  }

  get columns(): number {
    return this.#out.columns || 80
  }

  data(text: string): void {
    this.#out.write(text)
  }

  /** Resolves when there is room for more: a pipe that is read slowly slows down whoever fills it. */
  async dataTaken(text: string): Promise<void> {
    if (this.#out.write(text) !== false || this.#out.once === undefined) return
    await new Promise<void>(resolve => this.#out.once?.('drain', resolve))
  }

  message(text: string): void {
    this.#err.write(`${text}\n`)
  }

  /** A line that the next one replaces; nothing where nobody looks. An empty one clears it. */
  progress(text: string): void {
    if (this.#err.isTTY === true) this.#err.write(`\r${text}\u001b[K`)
  }

  style(text: string, ...styles: readonly Style[]): string {
    if (!this.colored) return text
    return styles.reduce((inner, style) => {
      const [on, off] = CODES[style]
      return `\u001b[${on}m${inner}\u001b[${off}m`
    }, text)
  }

  /** A node's name in the colour it keeps: n1, n2 … have theirs everywhere, others by appearance. */
  node(name: string, shown = name): string {
    const number = /^n(\d{1,3})$/.exec(name)?.[1]
    const place = number === undefined ? this.#nodeStyles.size : Number(number) - 1
    const style = this.#nodeStyles.get(name) ?? NODE_STYLES[place % NODE_STYLES.length] ?? 'cyan'
    this.#nodeStyles.set(name, style)
    return this.style(shown, style)
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const ANSI = /\u001b\[[0-9;]*m/g

/** Columns that the text takes on the screen. */
export function widthOf(text: string): number {
  return [...text.replace(ANSI, '')].length
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)))
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - widthOf(text))) + text
}
