/** The repository as text: what the house rules look at, read once. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface File {
  /** From the repository's root, with slashes. */
  readonly path: string
  readonly text: string
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PLACES = ['src', 'test', 'scripts', 'docs', 'config', 'bin', '.ci']
const TEXT = /\.(ts|tsx|mjs|js|json|md|yaml|yml|sh|trace|txt|html|css)$|^(bin|\.ci)\/[^.]+$/
/** Another's text, or output. */
const SKIP = /(^|\/)(node_modules|dist|fixtures)(\/|$)/

export function readRepository(): readonly File[] {
  const top = readdirSync(ROOT, { withFileTypes: true })
    .filter(entry => entry.isFile() && /\.(md|json|ts)$/.test(entry.name))
    .map(entry => entry.name)
    .filter(name => name !== 'package-lock.json')
  const below = PLACES.flatMap(place => list(place))
  return [...top, ...below].map(path => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))
}

function list(folder: string): string[] {
  let entries: readonly string[]
  try {
    entries = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
  } catch {
    return []
  }
  return entries
    .map(entry => `${folder}/${entry.replaceAll('\\', '/')}`)
    .filter(path => TEXT.test(path) && !SKIP.test(path))
}
