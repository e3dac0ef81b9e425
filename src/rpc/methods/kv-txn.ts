/** kv.txn: compare, then do one list of operations or the other, in one place of the log. */
import type { Json, JsonObject } from '../../base/json.ts'
import { isObject } from '../../base/json.ts'
import { KEYS_MAX, RANGE_LIMIT_MAX, TXN_OPS_MAX } from '../../machine/kv/limits.ts'
import { method } from '../method.ts'
import type { Schema } from '../schema.ts'
import { anything, boolean, integer, list, may, must, number, object, oneOf } from '../schema.ts'
import { KEY, VALUE } from '../value.ts'
import { FEED_NAME } from './feed-fields.ts'
import { RANGE, TTL, write } from './kv-write.ts'
import { ANY, BOOLEAN, INTEGER, listOf, result } from './result.ts'

const OPS = ['put', 'del', 'get', 'range', 'incr', 'publish'] as const

const COMPARE = object({
  key: must(KEY, 'the key'),
  target: must(oneOf('value', 'rev', 'version', 'exists'), 'what of it'),
  op: must(oneOf('=', '!=', '<', '>', '<=', '>='), 'how'),
  value: must(anything, 'with what'),
})

const OPERATION_MEMBERS = object({
  feed: may(
    FEED_NAME,
    'of publish, with key, value, headers, id and more as feed.publish has them',
  ),
  key: may(KEY, 'the key'),
  value: may(VALUE, 'of put'),
  ...RANGE,
  ifRev: may(integer(0), 'of put and del'),
  ifAbsent: may(boolean, 'of put'),
  ttlMs: may(TTL, 'of put'),
  prev: may(boolean, 'of put and del'),
  by: may(number, 'of incr'),
  init: may(number, 'of incr'),
  min: may(number, 'of incr'),
  max: may(number, 'of incr'),
  limit: may(integer(1, RANGE_LIMIT_MAX), 'of range'),
  reverse: may(boolean, 'of range'),
  keysOnly: may(boolean, 'of range'),
  countOnly: may(boolean, 'of range'),
})

/** `{"op":"put","key":…}`, or `{"put":{"key":…}}`. The machine checks what each operation needs. */
const OPERATION: Schema<JsonObject> = {
  json: {
    type: 'object',
    properties: {
      op: { type: 'string', enum: OPS },
      ...(OPERATION_MEMBERS.json['properties'] as JsonObject),
    },
  },
  check: value => {
    const bad = { path: '', say: `must be an object with op: one of ${OPS.join(', ')}` }
    if (!isObject(value)) return bad
    if (value['op'] !== undefined) return isOp(value['op']) ? OPERATION_MEMBERS.check(value) : bad
    const [name, ...others] = Object.keys(value)
    if (name === undefined || others.length > 0 || !isOp(name)) return bad
    const inner = OPERATION_MEMBERS.check(value[name])
    return inner && { ...inner, path: inner.path === '' ? name : `${name}.${inner.path}` }
  },
}

function isOp(name: unknown): boolean {
  return typeof name === 'string' && (OPS as readonly string[]).includes(name)
}

const OPERATIONS = list(OPERATION, TXN_OPS_MAX)

export const KV_TXN = [
  method('kv.txn', {
    kind: 'write',
    doc: 'Compares, then does all of `then` or all of `else`, at one rev.',
    params: {
      compare: may(list(COMPARE, TXN_OPS_MAX), 'all must hold for `then`'),
      then: may(OPERATIONS, 'operations if they hold'),
      else: may(OPERATIONS, 'operations if one does not'),
    },
    positions: ['compare', 'then', 'else'],
    result: result({ succeeded: BOOLEAN, results: listOf(ANY), rev: INTEGER }),
    run: (params, meta, caller) => {
      const { compare } = params
      const [yes, no] = [params['then'], params['else']]
      const body: Record<string, Json | undefined> = { op: 'txn', compare, else: no }
      body['then'] = yes
      const { keys, feeds } = touched(compare, yes, no)
      const run = () => write(caller, meta, [...keys, ...feeds], body)
      const ensured = caller.node.feeds.ensure([...feeds], meta)
      return ensured === undefined ? run() : ensured.then(run)
    },
  }),
]

/** Every key and every feed it names: they decide the shard. What stands in values is nobody's name. */
function touched(
  compares: readonly JsonObject[] = [],
  ...branches: readonly (readonly JsonObject[] | undefined)[]
) {
  const [keys, feeds] = [new Set<string>(), new Set<string>()]
  const note = (names: Set<string>, name: Json | undefined): void => {
    if (typeof name === 'string' && names.size < KEYS_MAX) names.add(name)
  }
  for (const { key } of compares) note(keys, key)
  for (const step of branches.flatMap(each => each ?? [])) {
    const [op, members] = named(step)
    if (op === 'publish') note(feeds, members['feed'])
    else note(keys, members['key'])
  }
  return { keys, feeds }
}

/** As OPERATION allows it. */
function named(step: JsonObject): [op: string, members: JsonObject] {
  const { op } = step
  if (typeof op === 'string') return [op, step]
  const [name = '', members] = Object.entries(step)[0] ?? []
  return [name, isObject(members) ? (members as JsonObject) : {}]
}
