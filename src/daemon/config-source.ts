/** Written configuration with the place of every value: a YAML file, and flags grafted onto it. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { isObject, type Json } from '../base/json.ts'

/** Where a value was written: `config.yaml:12`, `--listen`, `VIEWSTAMP_LISTEN`. */
interface Place {
  readonly where: string
  /** What relative paths in it are relative to. */
  readonly directory: string
}
export type Source = MapSource | ListSource | ValueSource
export interface MapSource extends Place {
  readonly type: 'map'
  readonly members: Map<string, { readonly keyWhere: string; readonly source: Source }>
}
interface ListSource extends Place {
  readonly type: 'list'
  readonly items: readonly Source[]
}
interface ValueSource extends Place {
  readonly type: 'value'
  readonly value: Json
}

/** Configuration that cannot be used; `problems` has one sentence each, with file and line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    const [first = 'the configuration is wrong', ...more] = problems
    super(more.length === 0 ? first : `${first} (and ${more.length} more: viewstamp config check)`)
    this.problems = problems
  }
}

export function emptySource(where: string, directory: string): MapSource {
  return { type: 'map', members: new Map(), where, directory }
}

const CHARS_MAX = 1024 * 1024
const DEPTH_MAX = 64

export function parseYaml(text: string, file: string, directory: string): MapSource {
  const excess = excessOf(text)
  if (excess !== undefined) throw new ConfigError([`${file}:${excess}`])
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number): string => `${file}:${lines.linePos(offset).line}`
  const [error] = document.errors
  if (error) throw new ConfigError([`${at(error.pos[0])}: ${sentence(error.message)}`])
  const root = document.contents
  if (root === null || (isScalar(root) && root.value === null)) return emptySource(file, directory)
  const source = locate(root, at, directory)
  if (source.type === 'map') return source
  throw new ConfigError([`${source.where}: the file must be a map such as 'node: { name: n1 }'`])
}

/**
 * Line and sentence about what no configuration has, told before it is parsed: the parser takes seconds and
 * then the whole stack for it. Brackets in quotes count too; 64 of them open at once are none of ours either.
 */
function excessOf(text: string): string | undefined {
  if (text.length > CHARS_MAX) return `1: the file is longer than ${CHARS_MAX} characters`
  let depth = 0
  for (const [i, line] of text.split('\n').entries()) {
    for (const bracket of line.match(/[[\]{}]/g) ?? []) {
      depth = Math.max(0, depth + (bracket === '[' || bracket === '{' ? 1 : -1))
      if (depth > DEPTH_MAX) return `${i + 1}: nested deeper than ${DEPTH_MAX} levels`
    }
    if (NESTED_LINE.test(line)) return `${i + 1}: nested deeper than ${DEPTH_MAX} levels`
  }
  return undefined
}

/** `- - - …` and `? ? ? …` */
const NESTED_LINE = new RegExp(`(?:[-?:]\\s+){${DEPTH_MAX}}`)

/** Sets the value at a dotted path, in place of what the file says there. */
export function graft(root: MapSource, path: string, value: Json, place: Place): void {
  const names = path.split('.')
  const last = names.pop() ?? path
  let map = root
  for (const name of names) {
    const found = map.members.get(name)?.source
    const next = found?.type === 'map' ? found : emptySource(place.where, place.directory)
    if (next !== found) map.members.set(name, { keyWhere: place.where, source: next })
    map = next
  }
  map.members.set(last, {
    keyWhere: place.where,
    source: { type: 'value', value, ...place },
  })
}

/** Values given by a program; all were written at one place. */
export function sourceOf(value: Json, place: Place): Source {
  if (Array.isArray(value)) {
    return { type: 'list', items: value.map((item: Json) => sourceOf(item, place)), ...place }
  }
  if (!isObject(value)) return { type: 'value', value, ...place }
  const map = emptySource(place.where, place.directory)
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue
    const source = sourceOf(member as Json, place)
    map.members.set(name, { keyWhere: place.where, source })
  }
  return map
}

/** The plain value, places forgotten. */
export function plain(source: Source): Json {
  switch (source.type) {
    case 'value':
      return source.value
    case 'list':
      return source.items.map(plain)
    case 'map':
      return Object.fromEntries([...source.members].map(([k, v]) => [k, plain(v.source)]))
  }
}

function locate(node: Node, at: (offset: number) => string, directory: string): Source {
  const place = { where: at(node.range?.[0] ?? 0), directory }
  const inner = (value: unknown): Source =>
    value === null || value === undefined
      ? { type: 'value', value: null, ...place }
      : locate(value as Node, at, directory)
  if (isAlias(node)) {
    throw new ConfigError([`${place.where}: aliases are not read; write the value out`])
  }
  if (isSeq(node)) return { type: 'list', items: node.items.map(inner), ...place }
  if (isMap(node)) {
    const members: MapSource['members'] = new Map()
    for (const { key, value } of node.items) {
      if (!isScalar(key)) throw new ConfigError([`${place.where}: a key must be a plain word`])
      members.set(String(key.value), { keyWhere: at(key.range?.[0] ?? 0), source: inner(value) })
    }
    return { type: 'map', members, ...place }
  }
  return { type: 'value', value: isScalar(node) ? (node.value as Json) : null, ...place }
}

/** The parser's message as one line that ends where ours begin. */
function sentence(message: string): string {
  return message.split('\n')[0]?.replace(/[.:]$/, '') ?? message
}
