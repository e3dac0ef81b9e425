/**
 * The daemon's configuration: flag > environment > file > default, merged value by value.
 * What can be configured is in config-schema.ts; `viewstamp config schema` prints it.
 */
import { readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import type { Json, JsonObject } from '../base/json.ts'
import { crossCheck } from './config-check.ts'
import type { Field, Group, ListOf, Members, Node, WrittenOf } from './config-field.ts'
import { readSource } from './config-read.ts'
import { CONFIG, type Config } from './config-schema.ts'
import {
  ConfigError,
  emptySource,
  graft,
  type MapSource,
  parseYaml,
  sourceOf,
} from './config-source.ts'

export type { Config } from './config-schema.ts'
export { ConfigError } from './config-source.ts'

/** A value given outside the file: by a flag or an environment variable. */
export interface Override {
  /** Dotted path, as in `replication.heartbeat`. */
  readonly path: string
  readonly value: Json
  /** What the user wrote, for messages: `--listen`. */
  readonly where: string
}

export interface ConfigInput {
  readonly file?: string | undefined
  readonly overrides?: readonly Override[] | undefined
  /** Directory of relative paths in overrides; by default the working directory. */
  readonly directory?: string | undefined
}

/** A configuration as it is written in a file: any part of it may be left out. */
export type Settings = WrittenOf<typeof CONFIG>

/** The same from a program's object. `where` says whose it is, for messages. Throws ConfigError. */
export function configOf(settings: Settings, where: string, directory = process.cwd()): Config {
  const root = sourceOf(settings as Json, { where, directory })
  return configFrom(root.type === 'map' ? root : emptySource(where, directory))
}

/** Throws ConfigError, which names every problem with its file and line. */
export function loadConfig(input: ConfigInput): Config {
  const directory = input.directory ?? process.cwd()
  const root =
    input.file === undefined
      ? emptySource('no configuration file', directory)
      : readFile(resolve(directory, input.file), relativeName(input.file, directory))
  for (const { path, value, where } of input.overrides ?? []) {
    graft(root, path, value, { where, directory })
  }
  return configFrom(root)
}

function configFrom(root: MapSource): Config {
  const problems: string[] = []
  const value = readSource(root, problems)
  if (value !== undefined) crossCheck(value, root, problems)
  if (value === undefined || problems.length > 0) throw new ConfigError(problems)
  return value
}

/** The whole configuration as it would be written in a file. */
export function writtenConfig(config: Config): JsonObject {
  return writeGroup(CONFIG, config) as JsonObject
}

/** JSON Schema (2020-12) of the file, for editors. */
export function configJsonSchema(): JsonObject {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Viewstamp configuration',
    ...nodeSchema(CONFIG),
  }
}

function readFile(file: string, shown: string): MapSource {
  try {
    return parseYaml(readFileSync(file, 'utf8'), shown, dirname(file))
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const code = (error as NodeJS.ErrnoException).code
    const why = code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`
    throw new ConfigError([`${shown} ${why}: give the path of a config.yaml, see viewstamp init`])
  }
}

/** Short for files below the working directory, else absolute. */
function relativeName(file: string, directory: string): string {
  const short = relative(directory, resolve(directory, file))
  return short.startsWith('..') ? resolve(directory, file) : short
}

function writeGroup(group: Group<Members>, value: unknown): Json {
  const values = value as Record<string, unknown>
  return Object.fromEntries(
    Object.entries(group.members).map(([name, node]) => [name, writeNode(node, values[name])]),
  )
}

function writeNode(node: Node, value: unknown): Json {
  switch (node.kind) {
    case 'field':
      return node.write(value)
    case 'group':
      return writeGroup(node, value)
    case 'list':
      return (value as unknown[]).map(item => writeGroup(node.item, item))
  }
}

function nodeSchema(node: Field<unknown> | Group<Members> | ListOf<Members>): JsonObject {
  if (node.kind === 'list') {
    return { description: node.doc, type: 'array', items: nodeSchema(node.item) }
  }
  if (node.kind === 'field') {
    const fallback = node.written === undefined ? {} : { default: node.written }
    return { description: node.doc, ...node.schema, ...fallback }
  }
  const members = Object.entries(node.members)
  const properties = Object.fromEntries(members.map(([name, each]) => [name, nodeSchema(each)]))
  return { description: node.doc, type: 'object', properties, additionalProperties: false }
}
