/**
 * Writes src/client/methods: the types of every method's parameters and result, and which methods read and
 * which write, from the OpenRPC document. `--check` writes nothing and fails if they are not fresh.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const folder = join(root, 'src/client/methods')
/** They act on what the daemon does rather than on keys: a repeat would act again. */
const ACTS = new Set(['cluster.stepDown', 'snapshot.create', 'sub.cancel'])
const HEAD = '// Written by scripts/client-types.mjs from src/rpc/methods. Do not edit.'

const document = await openRpc()
const files = new Map([
  ['components.ts', components(document.components.schemas)],
  ...byNamespace(document.methods).map(([name, methods]) => [
    `${name}.ts`,
    namespace(name, methods),
  ]),
  ['index.ts', index(document.methods)],
])
const fresh = new Map([...files].map(([name, text]) => [name, formatted(name, text)]))
if (process.argv.includes('--check')) check()
else write()

/** Reads TypeScript by way of esbuild, as the build does. */
async function openRpc() {
  const contents = `
    import { METHODS } from './src/rpc/methods/table.ts'
    import { openRpcDocument } from './src/rpc/openrpc.ts'
    export const text = JSON.stringify(openRpcDocument(METHODS, ''))`
  const stdin = { contents, resolveDir: root }
  const { outputFiles } = await build({
    stdin,
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
  })
  const code = Buffer.from(outputFiles[0].contents).toString('base64')
  const { text } = await import(`data:text/javascript;base64,${code}`)
  return JSON.parse(text)
}

function byNamespace(methods) {
  const groups = new Map()
  for (const method of methods) {
    const name = spaceOf(method)
    groups.set(name, [...(groups.get(name) ?? []), method])
  }
  return [...groups]
}

function spaceOf({ name }) {
  return name.split('.')[0]
}

function components(schemas) {
  const types = Object.entries(schemas).map(
    ([name, schema]) => `export type ${name} = ${typeOf(schema, name === 'Meta')}`,
  )
  return `${jsonImport(types.join())}\n\n${types.join('\n\n')}`
}

function namespace(name, methods) {
  const body = methods.map(
    method => `${comment(method.summary)}'${method.name}': ${signature(method)}`,
  )
  const type = `export interface ${capital(name)}Methods {\n${body.join('\n')}\n}`
  const parts = used(type).filter(each => each in document.components.schemas)
  return [
    jsonImport(type),
    parts.length > 0 ? `import type { ${parts.sort().join(', ')} } from './components.ts'` : '',
    `\n${type}`,
  ].join('\n')
}

function jsonImport(text) {
  const names = used(text).filter(each => each === 'Json' || each === 'JsonObject')
  return names.length === 0
    ? ''
    : `import type { ${names.sort().join(', ')} } from '../../base/json.ts'`
}

/** Names of types that the text mentions, comments aside. */
function used(text) {
  const code = text.replace(/\/\*\*.*?\*\//gs, '')
  return [...new Set(code.match(/\b[A-Z]\w+\b/g))]
}

function signature({ params, result }) {
  const members = params.map(
    ({ name, description, required, schema }) =>
      `${comment(description)}readonly ${name}${required ? '' : '?'}: ${typeOf(schema, true)}${required ? '' : ' | undefined'}`,
  )
  return `{ readonly params: {\n${members.join('\n')}}\nreadonly result: ${typeOf(result.schema, false)} }`
}

function index(methods) {
  const spaces = byNamespace(methods)
    .map(([name]) => name)
    .sort()
  const named = kind => methods.filter(kind).map(({ name }) => `'${name}'`)
  const meta = Object.keys(document.components.schemas.Meta.properties)
  const isWrite = ({ tags }) => tags[0].name === 'write'
  const reads = named(method => !isWrite(method) && !ACTS.has(method.name))
  return [
    ...spaces.map(name => `import type { ${capital(name)}Methods } from './${name}.ts'`),
    "\nexport * from './components.ts'",
    `\nexport interface Methods extends ${spaces.map(name => `${capital(name)}Methods`).join(', ')} {}`,
    `\n/** Members of \`meta\`. */`,
    `export const META: ReadonlySet<string> = new Set([${meta.map(name => `'${name}'`).join(', ')}])`,
    `\n/** They change nothing: may be sent again whatever happened. */`,
    `export const READS: ReadonlySet<string> = new Set([${reads.join(', ')}])`,
    `\n/** They go through the log. */`,
    `export const WRITES: ReadonlySet<string> = new Set([${named(isWrite).join(', ')}])`,
  ].join('\n')
}

/** What a JSON Schema of ours allows; `given`: by a caller, who may write `undefined` for nothing. */
function typeOf(schema, given) {
  const { type, properties, required = [], items, anyOf, $ref } = schema
  if ($ref !== undefined) return $ref.split('/').at(-1)
  if (anyOf !== undefined) return [...new Set(anyOf.map(each => typeOf(each, given)))].join(' | ')
  if (schema.enum !== undefined) return schema.enum.map(each => `'${each}'`).join(' | ')
  if (Array.isArray(type)) return type.map(each => typeOf({ type: each }, given)).join(' | ')
  if (type === 'array') return `readonly (${typeOf(items ?? {}, given)})[]`
  if (type === 'integer' || type === 'number') return 'number'
  if (type !== 'object') return type ?? 'Json'
  if (Object.keys(properties ?? {}).length === 0) return 'JsonObject'
  const members = Object.entries(properties).map(([name, each]) => {
    const isThere = required.includes(name)
    return `${comment(each.description)}readonly ${name}${isThere ? '' : '?'}: ${typeOf(each, given)}${!isThere && given ? ' | undefined' : ''}`
  })
  return `{\n${members.join('\n')}}`
}

function comment(text) {
  return text === undefined ? '' : `/** ${text.replaceAll('*/', '* /')} */\n`
}

function capital(name) {
  return name[0].toUpperCase() + name.slice(1)
}

/** As `npm run fix` would leave it. */
function formatted(name, text) {
  const biome = join(root, 'node_modules/.bin/biome')
  const args = ['format', `--stdin-file-path=src/client/methods/${name}`]
  const run = spawnSync(biome, args, { cwd: root, input: `${HEAD}\n${text}\n`, encoding: 'utf8' })
  if (run.status !== 0) throw new Error(`${name} cannot be formatted:\n${run.stderr}`)
  return run.stdout
}

function write() {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of fresh) writeFileSync(join(folder, name), text)
}

function check() {
  const stale = [...fresh].filter(([name, text]) => text !== read(name)).map(([name]) => name)
  const idle = readdirSync(folder).filter(name => !fresh.has(name))
  for (const name of [...stale, ...idle]) {
    console.error(
      `src/client/methods/${name} is not what the methods say: run node scripts/client-types.mjs`,
    )
  }
  process.exitCode = stale.length + idle.length === 0 ? 0 : 1
}

function read(name) {
  try {
    return readFileSync(join(folder, name), 'utf8')
  } catch {
    return undefined
  }
}
