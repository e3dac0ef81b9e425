/** The figures as they stand in docs/reliability.md, between two markers; kept as JSON beside it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { PARTS } from './parts.mjs'

const DOCUMENT = 'docs/reliability.md'
const FIGURES = 'docs/reliability.json'
const BEGIN = '<!-- figures: written by npm run reliability -- --write -->'
const END = '<!-- /figures -->'

const ROWS = PARTS.flatMap(({ rows }) => Object.entries(rows))

/** What this machine is, in the words of the document. */
export function machine() {
  const [major, minor] = process.versions.node.split('.')
  return `${availableParallelism()} cores, Node ${major}.${minor}`
}

/** { machine, rows: id → { figure, reached } | { skipped } } */
export function readFigures() {
  return existsSync(FIGURES) ? JSON.parse(readFileSync(FIGURES, 'utf8')) : { rows: {} }
}

/** The text between the markers. */
export function render({ machine: where, rows }) {
  const lines = ROWS.map(([id, [what, wanted]]) => {
    const row = rows[id]
    if (row === undefined) return `| ${what} | ${wanted} | not run | – |`
    if (row.skipped !== undefined) return `| ${what} | ${wanted} | not run: ${row.skipped} | – |`
    return `| ${what} | ${wanted} | ${row.figure.replaceAll('|', '/')} | ${row.reached ? 'yes' : '**no**'} |`
  })
  const head = ['| what | wanted | measured | reached |', '|---|---|---|---|']
  const about = where === undefined ? [] : [`Machine: ${where}.`, '']
  return [...about, ...head, ...lines].join('\n')
}

/** Between the markers of `text`; what is outside stays. */
export function replaced(text, table) {
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`${DOCUMENT} has no markers for the figures`)
  return `${text.slice(0, from + BEGIN.length)}\n${table}\n${text.slice(to)}`
}

/** Rows of parts that did not run now stay as they were. */
export function write(rows) {
  const before = readFigures()
  const known = Object.fromEntries(
    ROWS.flatMap(([id]) => {
      const row = rows[id] ?? before.rows[id]
      return row === undefined ? [] : [[id, row]]
    }),
  )
  const figures = { machine: machine(), rows: known }
  writeFileSync(FIGURES, `${JSON.stringify(figures, undefined, 2)}\n`)
  writeFileSync(DOCUMENT, replaced(readFileSync(DOCUMENT, 'utf8'), render(figures)))
}
