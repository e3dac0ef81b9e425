/** A written configuration against its description: every problem is found, each with its place. */
import type { Json } from '../base/json.ts'
import {
  type Field,
  type Group,
  type ListOf,
  type Members,
  Misfit,
  type Node,
} from './config-field.ts'
import { CONFIG, type Config } from './config-schema.ts'
import { type MapSource, plain, type Source } from './config-source.ts'
import { nearest } from './nearest.ts'

/** At most this many items in a list of groups (members, state machines). */
const ITEMS_MAX = 64
const PROBLEMS_MAX = 20

/** The configuration, or undefined after adding sentences to `problems`. */
export function readSource(root: MapSource, problems: string[]): Config | undefined {
  const reader = { problems, outermost: root.where }
  const value = readGroup(CONFIG, root, '', reader)
  return problems.length === 0 ? (value as Config) : undefined
}

interface Reader {
  readonly problems: string[]
  /** Place of what is missing altogether. */
  readonly outermost: string
}

function complain(reader: Reader, where: string, sentence: string): undefined {
  if (reader.problems.length < PROBLEMS_MAX) reader.problems.push(`${where}: ${sentence}`)
  return undefined
}

function readNode(node: Node, source: Source | undefined, path: string, reader: Reader): unknown {
  switch (node.kind) {
    case 'field':
      return readField(node, source, path, reader)
    case 'group':
      return readGroup(node, source, path, reader)
    case 'list':
      return readList(node, source, path, reader)
  }
}

function readField(
  field: Field<unknown>,
  source: Source | undefined,
  path: string,
  reader: Reader,
): unknown {
  const written: Json | undefined = source === undefined ? field.written : plain(source)
  if (written === undefined) {
    return complain(reader, reader.outermost, `${path} is missing; set it${byFlag(path)}`)
  }
  try {
    return field.read(written, source?.directory ?? '.')
  } catch (error) {
    if (!(error instanceof Misfit)) throw error
    return complain(reader, source?.where ?? reader.outermost, `${path} ${error.message}`)
  }
}

function readGroup(
  group: Group<Members>,
  source: Source | undefined,
  path: string,
  reader: Reader,
): unknown {
  if (source !== undefined && source.type !== 'map') {
    // `feeds:` with nothing below it is the same as leaving it out.
    if (source.type === 'value' && source.value === null)
      return readGroup(group, undefined, path, reader)
    return complain(reader, source.where, `${path} must be a map such as { … }`)
  }
  for (const [name, { keyWhere }] of source?.members ?? []) {
    if (Object.hasOwn(group.members, name)) continue
    const full = path === '' ? name : `${path}.${name}`
    complain(reader, keyWhere, `${full} is unknown${suggestion(name, group)}`)
  }
  const below = { ...reader, outermost: source?.where ?? reader.outermost }
  const value: Record<string, unknown> = {}
  for (const [name, node] of Object.entries(group.members)) {
    const full = path === '' ? name : `${path}.${name}`
    value[name] = readNode(node, source?.members.get(name)?.source, full, below)
  }
  return value
}

function readList(
  list: ListOf<Members>,
  source: Source | undefined,
  path: string,
  reader: Reader,
): unknown {
  if (source === undefined || (source.type === 'value' && source.value === null)) return []
  if (source.type !== 'list') return complain(reader, source.where, `${path} must be a list`)
  if (source.items.length > ITEMS_MAX) {
    return complain(reader, source.where, `${path} has more than ${ITEMS_MAX} items`)
  }
  return source.items.map((item, i) => readGroup(list.item, item, `${path}[${i}]`, reader))
}

function suggestion(name: string, group: Group<Members>): string {
  const close = nearest(name, Object.keys(group.members))
  if (close !== undefined) return `; did you mean ${close}?`
  const elsewhere = findPath(name, CONFIG, '')
  if (elsewhere !== undefined) return `; did you mean ${elsewhere}?`
  return `; known here: ${Object.keys(group.members).join(', ')}`
}

/** The path of a member of that name anywhere in the description. */
function findPath(name: string, group: Group<Members>, path: string): string | undefined {
  for (const [member, node] of Object.entries(group.members)) {
    const full = path === '' ? member : `${path}.${member}`
    if (member === name) return full
    const inner = node.kind === 'group' ? findPath(name, node, full) : undefined
    if (inner !== undefined) return inner
  }
  return undefined
}

function byFlag(path: string): string {
  const flags: Readonly<Record<string, string>> = {
    'node.name': ' or give --name',
    'node.dataDir': ' or give --data-dir',
  }
  return flags[path] ?? ''
}
