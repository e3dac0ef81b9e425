/**
 * The commands of the key-value machine, as they stand in the log. Named by `op`, members as in the
 * public contract's `kv.*`; unknown members are ignored. The operations of a transaction have the
 * same form, or `{"put":{…}}` for `{"op":"put",…}`.
 *
 *   put      key value ifRev? ifAbsent? ttlMs? prev?   → {rev, prev?}
 *   get      key                                       → {kv}
 *   getMany  keys                                      → {kvs, missing}
 *   range    prefix? | start? end?, limit? reverse? keysOnly? countOnly? cursor?
 *                                                      → {kvs, more, cursor?, count?}
 *   del      key ifRev? | prefix | start end, prev?    → {deleted, rev, prev?}
 *   cas      key expect value?                         → {succeeded, rev, current?}
 *   incr     key by? init? min? max?                   → {value, rev}
 *   apply    program                                   → {values, rev}
 *   txn      compare? then? else?                      → {succeeded, results, rev}
 *   publish  record of a feed; in a transaction only    → {partition, offset, …}
 *   import   rev changes feeds?, of another cluster's log → {rev}
 *
 * get, getMany and range are queries too, and may also go through the log.
 */
import type { Json, JsonObject } from '../../base/json.ts'
import { Rejected } from '../machine.ts'
import { integerOf, invalid, isJsonObject, isSet, objectOf } from '../member.ts'
import { boundOf, keyOf, prefixEnd } from './key.ts'
import { TTL_MS_MAX } from './limits.ts'
import type { KvRecord } from './record.ts'
import type { Span } from './store.ts'

const OPS = [
  ...(['put', 'get', 'getMany', 'range', 'del', 'cas', 'incr', 'apply', 'txn'] as const),
  ...(['publish', 'import'] as const),
] as const
export type Op = (typeof OPS)[number]

export interface NamedCommand {
  readonly op: Op
  readonly command: JsonObject
}

export function namedCommand(json: Json): NamedCommand {
  const given = objectOf(json, 'command')
  const { name, command } = nameOf(given)
  const op = OPS.find(known => known === name)
  if (op === undefined) throw invalid('op', notKnown(name))
  return { op, command }
}

function nameOf(given: JsonObject): { readonly name: Json; readonly command: JsonObject } {
  if (given['op'] !== undefined) return { name: given['op'], command: given }
  const [only, ...others] = Object.entries(given)
  if (only === undefined || others.length > 0 || !isJsonObject(only[1])) {
    return { name: null, command: given }
  }
  return { name: only[0], command: only[1] }
}

function notKnown(name: Json): string {
  const what =
    typeof name === 'string' ? `${name.slice(0, 40)} is not an operation` : 'op is missing'
  return `${what}: use one of ${OPS.join(', ')}`
}

/** `prefix`, or `start` and `end` of which each may be absent; `undefined`: none of them is there. */
export function spanOf(command: JsonObject): Span | undefined {
  const { prefix, start, end } = command
  if (prefix !== undefined) {
    if (start !== undefined || end !== undefined) {
      throw invalid('prefix', 'give either prefix, or start and end')
    }
    const text = boundOf(prefix, 'prefix')
    return { start: text, end: prefixEnd(text) }
  }
  if (start === undefined && end === undefined) return undefined
  return {
    start: start === undefined ? '' : boundOf(start, 'start'),
    end: end === undefined ? undefined : boundOf(end, 'end'),
  }
}

/** Log time at which the key goes; 0: it stays. */
export function expiresOf(command: JsonObject, timeMs: number): number {
  const ttlMs = integerOf(command, 'ttlMs', { min: 1, max: TTL_MS_MAX })
  return ttlMs === undefined ? 0 : timeMs + ttlMs
}

/** `ifRev` (0: the key is absent) and `ifAbsent`: unlike a failed kv.cas, one that fails is an error. */
export function checkConditions(command: JsonObject, key: string, now: KvRecord | undefined): void {
  const ifRev = integerOf(command, 'ifRev', { min: 0, max: Number.MAX_SAFE_INTEGER })
  const rev = now?.rev ?? 0
  if (isSet(command, 'ifAbsent') && now) {
    throw new Rejected('COMPARE_FAILED', `the key exists, its rev is ${rev}`, { key, rev })
  }
  if (ifRev !== undefined && ifRev !== rev) {
    const is = now ? `its rev is ${rev}` : 'the key does not exist'
    throw new Rejected('COMPARE_FAILED', `ifRev is ${ifRev}, but ${is}`, { key, rev })
  }
}

export function keyMember(command: JsonObject): string {
  return keyOf(command['key'], 'key')
}
