/** kv.* that change keys: each becomes one command of the machine (src/machine/kv/command.ts). */
import type { JsonObject } from '../../base/json.ts'
import { PROGRAM_CHARS_MAX, TTL_MS_MAX } from '../../machine/kv/limits.ts'
import type { Meta } from '../../node/api.ts'
import { invalidParams } from '../errors.ts'
import { type Caller, method } from '../method.ts'
import { anything, boolean, integer, may, must, number, object, refined, text } from '../schema.ts'
import { BOUND, KEY, VALUE } from '../value.ts'
import { BOOLEAN, INTEGER, listOf, ref, result, withHeader } from './result.ts'

const REV = integer(0)
export const TTL = integer(1, TTL_MS_MAX)
export const RANGE = {
  prefix: may(BOUND, 'keys that begin so'),
  start: may(BOUND, 'first key'),
  end: may(BOUND, 'end: keys below it'),
}
const PREV = may(boolean, 'give the value before')
const IF_REV = may(REV, 'only if the key is at this rev (0: is not there), else COMPARE_FAILED')

/** `value` of VALUE, or nothing: what a key is compared with. */
export const EXPECT = refined(
  object({
    rev: may(REV, 'the rev it is at'),
    value: may(anything, 'the value it has'),
    absent: may(boolean, 'true: it is not there'),
  }),
  given => {
    const { rev, value, absent } = given as Record<string, unknown>
    const count = [rev, value, absent].filter(member => member !== undefined).length
    return count === 1 ? undefined : { path: '', say: 'must have one of rev, value and absent' }
  },
)

export const KV_WRITES = [
  method('kv.put', {
    kind: 'write',
    doc: 'Sets a key.',
    params: {
      key: must(KEY, 'the key'),
      value: must(VALUE, 'its value'),
      ifRev: IF_REV,
      ifAbsent: may(boolean, 'only if the key is not there, else COMPARE_FAILED'),
      ttlMs: may(TTL, 'the key goes after this time'),
      prev: PREV,
    },
    positions: ['key', 'value'],
    result: result({ rev: INTEGER, 'prev?': { anyOf: [ref('KeyValue'), { type: 'null' }] } }),
    run: ({ key, value, ifRev, ifAbsent, ttlMs, prev }, meta, caller) =>
      write(caller, meta, [key], { op: 'put', key, value, ifRev, ifAbsent, ttlMs, prev }),
  }),
  method('kv.del', {
    kind: 'write',
    doc: 'Deletes a key, or all keys of a range.',
    params: { key: may(KEY, 'the key'), ...RANGE, ifRev: IF_REV, prev: PREV },
    positions: ['key'],
    result: result({ deleted: INTEGER, rev: INTEGER, 'prev?': listOf(ref('KeyValue')) }),
    run: ({ key, prefix, start, end, ifRev, prev }, meta, caller) => {
      oneSpan({ key, prefix, start, end })
      if (key === undefined && prefix === undefined && (start === undefined || end === undefined)) {
        throw invalidParams('key', 'say what to delete: key, or prefix, or start and end')
      }
      if (key === undefined && ifRev !== undefined) {
        throw invalidParams('ifRev', 'ifRev goes with a key, not with a range')
      }
      const keys = key === undefined ? [] : [key]
      return write(caller, meta, keys, { op: 'del', key, prefix, start, end, ifRev, prev })
    },
  }),
  method('kv.cas', {
    kind: 'write',
    doc: 'Sets a key (without value: deletes it) if it is as expected; tells whether it was.',
    params: {
      key: must(KEY, 'the key'),
      expect: must(EXPECT, 'one of {rev}, {value}, {absent: true}'),
      value: may(VALUE, 'the value to set; none: delete'),
    },
    positions: ['key', 'expect', 'value'],
    result: result({
      succeeded: BOOLEAN,
      rev: INTEGER,
      'current?': { anyOf: [ref('KeyValue'), { type: 'null' }] },
    }),
    run: ({ key, expect, value }, meta, caller) =>
      write(caller, meta, [key], { op: 'cas', key, expect, value }),
  }),
  method('kv.incr', {
    kind: 'write',
    doc: 'Adds to a number. A key that is not there starts from init.',
    params: {
      key: must(KEY, 'the key'),
      by: may(number, 'how much (1)'),
      init: may(number, 'the number before the first time (0)'),
      min: may(number, 'not below, else OUT_OF_RANGE'),
      max: may(number, 'not above, else OUT_OF_RANGE'),
    },
    positions: ['key', 'by'],
    result: result({ value: { type: 'number' }, rev: INTEGER }),
    run: ({ key, by, init, min, max }, meta, caller) =>
      write(caller, meta, [key], { op: 'incr', key, by, init, min, max }),
  }),
  method('kv.apply', {
    kind: 'write',
    doc: 'Runs a small program over keys, all of it or nothing: `x+=2; y*=4; x=x+y`.',
    params: { program: must(text(PROGRAM_CHARS_MAX), 'statements with = += -= *= /= %=') },
    positions: ['program'],
    result: result({ values: { type: 'object' }, rev: INTEGER }),
    run: ({ program }, meta, caller) => write(caller, meta, [], { op: 'apply', program }),
  }),
]

/** At most one way to say which keys. */
export function oneSpan(span: {
  readonly key: string | undefined
  readonly prefix: string | undefined
  readonly start: string | undefined
  readonly end: string | undefined
}): void {
  const between = span.start !== undefined || span.end !== undefined
  const ways = [span.key !== undefined, span.prefix !== undefined, between].filter(Boolean).length
  if (ways > 1) {
    throw invalidParams('prefix', 'give one of key, prefix, and start with end: not several')
  }
}

export function write(
  { node }: Caller,
  meta: Meta,
  keys: readonly string[],
  body: JsonObject,
): Promise<object> {
  return withHeader(node.write({ machine: 'kv', keys, body, meta }))
}
