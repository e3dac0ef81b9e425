/** Who may import whom (docs/ARCHITECTURE.md): a folder, its own files and those of lower layers. */
import { posix } from 'node:path'
import type { File } from './files.ts'
import { importsOf, wordsOf } from './source.ts'

/** Folder below src → folders that it may import besides its own. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  vr: ['base'],
  machine: ['base', 'vr'],
  check: ['base'],
  wire: ['base', 'vr'],
  sim: ['base', 'vr', 'machine', 'check', 'wire'],
  storage: ['base', 'vr', 'machine', 'wire'],
  network: ['base', 'wire'],
  node: ['base', 'vr', 'machine', 'wire', 'storage', 'network'],
  chaos: ['base', 'wire', 'storage', 'network', 'node'],
  rpc: ['base', 'machine', 'node', 'chaos'],
  client: ['base'],
  daemon: ['base', 'vr', 'machine', 'wire', 'storage', 'network', 'node', 'chaos', 'rpc'],
  testing: ['base', 'vr', 'machine', 'check', 'wire', 'sim', 'storage', 'network', 'node', 'rpc'],
  cli: [
    'base',
    'vr',
    'machine',
    'node',
    'chaos',
    'check',
    'client',
    'daemon',
    'network',
    'storage',
    'sim',
  ],
  web: ['base', 'check', 'client', 'vr', 'machine', 'sim'],
}

/** Without clock, chance, promises, environment: the same input gives the same output. */
const PURE = new Set(['base', 'vr', 'machine', 'check', 'wire', 'sim'])
const BANNED = new Set([
  'async',
  'await',
  'Promise',
  'Date',
  'performance',
  'crypto',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'console',
  'process',
  'localeCompare',
  'Intl',
])
/** Repairs the host's Promise before anything else runs; it is not part of the core. */
const HOST_REPAIR = 'src/base/polyfill.ts'

/** Packages that one folder alone may know. */
const ONE_FOLDER: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^(level|classic-level|abstract-level)$/, ['storage']],
  [/^(libp2p|it-pipe|@libp2p\/.*|@chainsafe\/.*|@multiformats\/.*)$/, ['network']],
  [/^ws$/, ['rpc', 'client']],
  [/^yaml$/, ['daemon', 'cli']],
  [/^commander$/, ['cli']],
  [/^prom-client$/, ['node', 'rpc', 'daemon']],
]

export function layerFindings(file: File): readonly string[] {
  const folder = folderOf(file.path)
  if (folder === undefined) return []
  const allowed = MAY_IMPORT[folder]
  if (allowed === undefined) return [`${file.path}: src/${folder} has no place in the layers`]
  const found: string[] = []
  for (const target of importsOf(file)) {
    if (target.startsWith('.')) {
      const to = folderOf(posix.join(posix.dirname(file.path), target))
      if (to === undefined || to === folder || allowed.includes(to)) continue
      found.push(`${file.path}: src/${folder} must not import src/${to} (${target})`)
    } else found.push(...packageFindings(file.path, folder, target))
  }
  if (folder === 'rpc') {
    // Nothing above node/ touches a replica's state: its door is api.ts.
    const inside = importsOf(file).filter(each => /\/(node|chaos)\/(?!api\.ts)/.test(each))
    found.push(
      ...inside.map(each => `${file.path}: rpc knows the api.ts of others only, not ${each}`),
    )
  }
  return found
}

function packageFindings(path: string, folder: string, target: string): readonly string[] {
  if (PURE.has(folder) && target.startsWith('node:')) return [`${path}: ${target} in a pure folder`]
  if (PURE.has(folder) && target !== 'sorted-btree') {
    return [`${path}: the package ${target} in a pure folder`]
  }
  const rule = ONE_FOLDER.find(([pattern]) => pattern.test(target))
  if (rule === undefined || rule[1].includes(folder)) return []
  return [`${path}: ${target} may be imported in src/${rule[1].join(' and src/')} only`]
}

export function purityFindings(file: File): readonly string[] {
  const folder = folderOf(file.path)
  if (folder === undefined || !PURE.has(folder) || file.path === HOST_REPAIR) return []
  return wordsOf(file)
    .filter(({ word }) => BANNED.has(word) || word === 'Math.random')
    .map(({ word, line }) => `${file.path}:${line}: ${word} in a pure folder`)
}

/** `vr` for src/vr/replica.ts; undefined for the files directly in src and outside it. */
function folderOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1]
}
