/** docs/rpc.md: the reference for users, written from the method tables. */
import { ERRORS } from '../base/errors.ts'
import { META_FIELDS } from './meta.ts'
import type { Method } from './method.ts'
import { order } from './method.ts'
import type { AnyField } from './schema.ts'

export function rpcReference(methods: ReadonlyMap<string, Method>): string {
  return `${[
    '<!-- Written by scripts/rpc-docs.mjs from src/rpc/methods. Do not edit. -->',
    '# JSON-RPC reference',
    INTRODUCTION,
    '## meta',
    'Every call may carry it: the member `meta` of named parameters, or one more object at the end.',
    table(Object.entries(META_FIELDS)),
    '## Methods',
    'By position in the order given; the members in `{ }` go into one object. **W**: a write, through the log.',
    ...[...methods.values()].map(section),
    '## Notifications',
    NOTIFICATIONS,
    '## Errors',
    'Programs read `data.name` and `data.outcome`: `none` (nothing was done), `unknown`, `applied`.',
    errors(),
  ].join('\n\n')}\n`
}

const INTRODUCTION = `For programs that call a daemon. \`POST /rpc\` takes one JSON-RPC 2.0 call or a batch, with
\`content-type: application/json\`; a WebSocket at \`/rpc\` takes the same, and subscriptions. Every result is an
object with a \`header\`: \`{cluster, node, shard, epoch, view, op, commit, primary, timeMs}\`; for a write, \`view\` and
\`op\` are its viewstamp, and \`lamport\` beside the header is its Lamport time (docs/tracing.md). \`rpc.discover\` and \`GET /openrpc.json\` give this page as an OpenRPC document.

The calls of a batch are executed as if one after the other: a read sees the writes before it and none behind it.
Writes in a row are handed over together, so a batch is fastest when writes and reads do not alternate. The answers
of one WebSocket come as they are ready: match them by \`id\`.

With \`rpc.tokensFile\`, calls carry \`Authorization: Bearer <token>\`. The file has a line \`sha256:<64 hex digits> name\`
for each token (\`printf %s TOKEN | sha256sum\`).`

const NOTIFICATIONS = `\`{"jsonrpc":"2.0","method":"sub.event","params":{"subscription":"s1","n":7,"kind":…,"rev":…,"view":…,"timeMs":…,"result":{…}}}\`

\`n\` counts by one from 1; the answer that names the subscription comes before its first event.

| kind | rev | result |
|---|---|---|
| \`kv\` | of the commit; go on from rev + 1 | \`{op, lamport, correlationId?, changes: [{type: "put" \\| "delete", key, rev, value?, prev?, createRev?, version?}]}\`: all changes of one commit |
| \`bookmark\` | everything up to it has been sent | \`{}\`; every 10 s |
| \`closed\` | of the last event | \`{name, code, message, resumeFrom}\`: the last one; subscribe again with \`from: resumeFrom\` |
| kinds of \`cluster.watch\` | – | what happened, with \`kind\`, \`node\`, \`shard\`, \`view\` |`

function section(method: Method): string {
  const write = method.kind === 'write' ? ' **W**' : ''
  const parts = [`### ${method.name}${write}`, method.doc]
  if (method.fields.length > 0) parts.push(`Parameters: \`${order(method)}\``, table(method.fields))
  parts.push(`Result: \`${shown(method.result)}\``)
  return parts.join('\n\n')
}

function table(fields: readonly (readonly [string, AnyField])[]): string {
  const rows = fields.map(([name, field]) => {
    const type = shown(field.schema.json).replaceAll('|', '\\|')
    return `| \`${name}\` | ${field.need === 'must' ? 'yes' : ''} | \`${type}\` | ${field.doc.replaceAll('|', '\\|')} |`
  })
  return ['| name | needed | type | meaning |', '|---|---|---|---|', ...rows].join('\n')
}

function errors(): string {
  const rows = Object.entries(ERRORS).map(
    ([name, row]) =>
      `| ${row.code} | ${name} | ${row.outcome}${name === 'NO_QUORUM' ? ' or none' : ''} | ${row.retryable ? 'yes' : ''} |`,
  )
  return ['| code | name | outcome | retry |', '|---|---|---|---|', ...rows].join('\n')
}

/** A JSON Schema as people write it. */
function shown(schema: unknown): string {
  const { type, properties, required, items, anyOf, $ref, ...rest } = schema as Shown
  if ($ref !== undefined) return $ref.split('/').at(-1) ?? ''
  if (anyOf !== undefined) return anyOf.map(shown).join(' | ')
  if (rest.enum !== undefined) return rest.enum.map(each => JSON.stringify(each)).join(' | ')
  if (type === 'array') return `${shown(items ?? {})}[]`
  if (type === 'object' && properties !== undefined) {
    const names = Object.keys(properties)
    return `{${names.map(name => (required?.includes(name) ? name : `${name}?`)).join(', ')}}`
  }
  if (Array.isArray(type)) return type.join(' | ')
  if (type === 'integer' && rest.minimum !== undefined) return bounds(rest)
  return type ?? 'any JSON'
}

function bounds({ minimum, maximum }: Pick<Shown, 'minimum' | 'maximum'>): string {
  return maximum === Number.MAX_SAFE_INTEGER ? `integer ≥ ${minimum}` : `${minimum} … ${maximum}`
}

interface Shown {
  readonly type?: string | string[]
  readonly properties?: Record<string, unknown>
  readonly required?: string[]
  readonly items?: unknown
  readonly anyOf?: unknown[]
  readonly $ref?: string
  readonly enum?: unknown[]
  readonly minimum?: number
  readonly maximum?: number
}
