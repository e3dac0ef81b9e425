/** Columns for people: as wide as needed, cut where the screen ends. */
import { padEnd, padStart, widthOf } from './terminal.ts'

export interface Table {
  /** A title that ends in `>` aligns its column to the right. */
  readonly titles: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

const GAP = '  '

export function renderTable(table: Table, columns: number, dim: (text: string) => string): string {
  const titles = table.titles.map(title => title.replace(/>$/, ''))
  const right = table.titles.map(title => title.endsWith('>'))
  const widths = titles.map((title, i) =>
    Math.max(widthOf(title), ...table.rows.map(row => widthOf(row[i] ?? ''))),
  )
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, i) => {
      const width = widths[i] ?? 0
      return right[i] ? padStart(cell, width) : padEnd(cell, width)
    })
    return cut(padded.join(GAP).trimEnd(), columns)
  }
  return [dim(line(titles)), ...table.rows.map(line)].join('\n')
}

/** Cuts text without styles; styled text is left whole rather than cut in a sequence. */
function cut(line: string, columns: number): string {
  if (widthOf(line) <= columns || line.includes('\u001b')) return line
  return `${[...line].slice(0, columns - 1).join('')}…`
}
