/**
 * Calls on keys of several shards. Reads are put together from all of them, each as of its own moment;
 * a write belongs to one shard, and says so when it would not.
 */
import { ViewstampError } from '../base/errors.ts'
import { isObject, type Json } from '../base/json.ts'
import { compareKeys } from '../machine/kv/key.ts'
import { programKeys } from '../machine/kv/program-keys.ts'
import type { Answer, Call } from './api.ts'
import { shardOfKey } from './route.ts'

const RANGE_LIMIT = 100

type Read = (call: Call) => Promise<Answer>

/** The answer put together; undefined: the call is for one shard. */
export async function readSpread(
  shards: readonly string[],
  call: Call,
  read: Read,
): Promise<Answer | undefined> {
  if (shards.length === 1 || call.machine !== 'kv' || call.meta.shard !== undefined)
    return undefined
  const { body } = call
  if (!isObject(body)) return undefined
  if (body['op'] === 'getMany') return getMany(shards, call, read)
  if (body['op'] === 'range') return range(shards, call, body, read)
  return undefined
}

async function getMany(shards: readonly string[], call: Call, read: Read): Promise<Answer> {
  const answers = await Promise.all(
    shards.map((shard, i) => {
      const keys = call.keys.filter(key => shardOfKey(key, shards.length) === i)
      const body = { op: 'getMany', keys }
      return keys.length === 0
        ? undefined
        : read({ ...call, keys, body, meta: { ...call.meta, shard } })
    }),
  )
  const found = answers.filter(answer => answer !== undefined)
  const kvs = new Map(found.flatMap(a => listOf(a, 'kvs')).map(kv => [keyOf(kv), kv]))
  const known = call.keys.filter(key => kvs.has(key))
  const result = {
    kvs: known.map(key => kvs.get(key) as Json),
    missing: call.keys.filter(key => !kvs.has(key)),
  }
  const [first] = found
  return first ? { ...first, result } : read(call)
}

async function range(
  shards: readonly string[],
  call: Call,
  body: Record<string, unknown>,
  read: Read,
): Promise<Answer> {
  const answers = await Promise.all(
    shards.map(shard => read({ ...call, meta: { ...call.meta, shard } })),
  )
  const [first] = answers
  if (first === undefined) return read(call)
  if (body['countOnly'] === true) {
    const count = answers.reduce((sum, a) => sum + Number(memberOf(a, 'count') ?? 0), 0)
    return { ...first, result: { kvs: [], more: false, count } }
  }
  const back = body['reverse'] === true
  const limit = typeof body['limit'] === 'number' ? body['limit'] : RANGE_LIMIT
  const all = answers.flatMap(a => listOf(a, 'kvs'))
  all.sort((a, b) => compareKeys(keyOf(a), keyOf(b)) * (back ? -1 : 1))
  // A shard that stopped early hides keys behind its last: nothing beyond that is certain yet.
  const stops = answers.filter(a => memberOf(a, 'more') === true).map(a => lastKey(a))
  const sure = all.filter(kv =>
    stops.every(stop => compareKeys(keyOf(kv), stop) * (back ? -1 : 1) <= 0),
  )
  const kvs = sure.slice(0, limit)
  const last = kvs[kvs.length - 1]
  const more = stops.length > 0 || sure.length > limit
  if (!more || last === undefined) return { ...first, result: { kvs, more: false } }
  // A cursor names the direction and the last key given: it is good at every shard.
  return { ...first, result: { kvs, more, cursor: `${back ? 'b' : 'f'}1:${keyOf(last)}` } }
}

/** The keys that decide the shard of a write; refuses what would have to touch several. */
export function writeKeys(shards: number, call: Call): readonly string[] {
  if (shards === 1 || call.machine !== 'kv' || call.meta.shard !== undefined) return call.keys
  const { body } = call
  if (!isObject(body)) return call.keys
  if (body['op'] === 'apply' && typeof body['program'] === 'string') {
    return programKeys(body['program'])
  }
  const ranged = body['op'] === 'del' && body['key'] === undefined
  if (ranged || hasRange(body['then']) || hasRange(body['else'])) {
    const message =
      'a range may hold keys of several shards, and a write belongs to one: name it with meta.shard, and write to each in turn'
    throw new ViewstampError('CROSS_SHARD', message)
  }
  return call.keys
}

function hasRange(ops: unknown): boolean {
  if (!Array.isArray(ops)) return false
  return ops.some((op: unknown) => {
    if (!isObject(op)) return false
    const inner = Object.values(op).find(isObject)
    return 'range' in op || op['op'] === 'range' || (inner !== undefined && 'prefix' in inner)
  })
}

function memberOf({ result }: Answer, name: string): unknown {
  return isObject(result) ? result[name] : undefined
}

function listOf(answer: Answer, name: string): Json[] {
  const list = memberOf(answer, name)
  return Array.isArray(list) ? list : []
}

const keyOf = (kv: Json): string => (isObject(kv) ? String(kv['key']) : '')

function lastKey(answer: Answer): string {
  const kvs = listOf(answer, 'kvs')
  const last = kvs[kvs.length - 1]
  return last === undefined ? '' : keyOf(last)
}
