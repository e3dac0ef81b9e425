/** The key-value machine and its languages: commands, programs, cursors, records, operations. */
import { FormatError } from '../../src/base/bytes.ts'
import type { Json } from '../../src/base/json.ts'
import type { Prng } from '../../src/base/prng.ts'
import { KvMachine } from '../../src/machine/kv/kv.ts'
import { parseProgram } from '../../src/machine/kv/program.ts'
import { decodeRecord, encodeRecord } from '../../src/machine/kv/record.ts'
import { Rejected } from '../../src/machine/machine.ts'
import { decodeOperation, encodeOperation, type Operation } from '../../src/machine/operation.ts'
import { bendJson, someWords } from './mutate.ts'
import { codecCheck, type Fate, hold, refusedBy, type Target } from './target.ts'

const typed = [Rejected]
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))

const operation: Target = {
  name: 'operation',
  golden: () => [encodeOperation('kv', { op: 'get', key: 'k' }), encodeOperation('bank', ['ü'])],
  bend: bendJson,
  check: codecCheck({
    // As it stands in the log: what JSON text cannot say (1e309) was null there already.
    decode: input => JSON.parse(JSON.stringify(decodeOperation(input))) as Operation,
    encode: ({ machine, command }) => encodeOperation(machine, command),
    typed,
    canonical: false,
  }),
}

const record: Target = {
  name: 'kv-record',
  golden: () =>
    [{ rev: 9, createRev: 1, version: 3, expiresMs: 0, text: '{"a":1}' }].map(recordBytes),
  check: codecCheck({
    decode: input => decodeRecord(Buffer.from(input).toString('latin1')),
    encode: read => Buffer.from(encodeRecord(read), 'latin1'),
    typed: [FormatError],
    canonical: false,
  }),
}

const recordBytes = (read: Parameters<typeof encodeRecord>[0]) => Buffer.from(encodeRecord(read))

const COMMANDS: readonly Json[] = [
  { op: 'put', key: 'a', value: { x: [1, 'two', null] }, ttlMs: 5000, prev: true },
  { op: 'put', key: 'b', value: 7, ifRev: 0 },
  { op: 'put', key: 'n', value: { $bytes: 'AAEC' }, ifAbsent: true },
  { op: 'get', key: 'a' },
  { op: 'getMany', keys: ['a', 'b', '\u{10ffff}'] },
  { op: 'put', key: 'long', value: 'é'.repeat(700) },
  { op: 'range', prefix: '', limit: 2, reverse: true },
  { op: 'range', start: 'a', end: 'c', keysOnly: true, countOnly: true },
  { op: 'range', prefix: 'a', cursor: 'f1:a' },
  { op: 'del', key: 'a', ifRev: 1, prev: true },
  { op: 'del', prefix: 'a' },
  { op: 'put', key: 'o', value: { a: [1, { b: null }], c: 'x' } },
  { op: 'cas', key: 'o', expect: { value: { c: 'x', a: [1, { b: null }] } }, value: { a: 1 } },
  { op: 'cas', key: 'b', expect: { value: 7 }, value: 8 },
  { op: 'range', start: '\u{1f511}', end: '\uffff' },
  { op: 'range', prefix: '\ud7ff\u{10ffff}' },
  { op: 'cas', key: 'b', expect: { absent: true } },
  { op: 'incr', key: 'c', by: 3, init: 1, min: 0, max: 100 },
  { op: 'apply', program: 'x=0; y=1; x+=2; y*=4; x=x+y; `k e y` = -("x"%3)' },
  {
    op: 'txn',
    compare: [
      { key: 'a', target: 'exists', op: '=', value: true },
      { key: 'b', target: 'value', op: '<', value: 9 },
      { key: 'c', target: 'rev', op: '>=', value: 1 },
      { key: 'o', target: 'value', op: '!=', value: { c: 'x', a: [1, { b: null }] } },
      { key: 'o', target: 'version', op: '>', value: 0 },
      { key: 'e', target: 'value', op: '<=', value: 'ü' },
    ],
    then: [{ put: { key: 'd', value: 1 } }, { op: 'incr', key: 'c' }],
    else: [{ get: { key: 'a' } }, { range: { prefix: '' } }, { del: { key: 'd' } }],
  },
]

const EDGES: readonly Json[] = [
  { op: 'put', key: 'e', value: 'u' },
  { op: 'put', key: 'o', value: { a: [1, { b: null }], c: { d: { $bytes: 'AAEC' } } } },
  { op: 'txn', compare: [{ key: 'e', target: 'value', op: '<', value: 'ü' }], then: [] },
  { op: 'txn', compare: [{ key: 'e', target: 'value', op: '<', value: 7 }], then: [] },
  { op: 'txn', compare: 5 },
  { op: 'txn' },
  { op: 'cas', key: 'o', expect: { value: { a: [1] } }, value: 1 },
  { op: 'cas', key: 'o', expect: { value: { a: [1], c: 1, d: 2 } }, value: 1 },
  { op: 'del', prefix: 'a', start: 'b' },
  { op: 'del', start: 'x' },
  { op: 'range', prefix: '', keysOnly: true },
  { op: 'range', prefix: '', cursor: 5 },
  { op: 'get', key: 'ä'.repeat(600) },
  { op: 'get', key: '🔑'.repeat(300) },
  { op: 'get', key: '漢'.repeat(400) },
  { op: 'getMany', keys: Array.from({ length: 10_001 }, () => 'a') },
  { op: 'put', key: 'd', value: nested(70) },
  { op: 'put', key: 'd', value: 'ä'.repeat(600_000) },
  { op: 'put', key: 'd', value: 'x'.repeat(1_100_000) },
  { op: 'txn', then: [...large(5), { range: { prefix: 'x' } }, { del: { prefix: 'x' } }] },
  { op: 'cas', key: 'o', expect: { value: { a: [1, { c: 1 }], c: 1 } }, value: 1 },
  { op: 'apply', program: 'x=1;'.repeat(5_000) },
]

/** Together more than one call may read. */
function large(count: number): Json[] {
  const value = 'x'.repeat(1_000_000)
  return Array.from({ length: count }, (_, i) => ({ put: { key: `x${i}`, value } }))
}

function nested(depth: number): Json {
  let value: Json = 1
  for (let i = 0; i < depth; i++) value = [value]
  return value
}

let machine = new KvMachine()
let rev = 0

const contextNow = () => ({ opNumber: rev, rev, timeMs: rev * 10, session: 's' })

/** The state, record by record. */
function stateOf(of: KvMachine): string {
  return JSON.stringify([...of.freeze().records(undefined)].map(({ id, value }) => [id, value]))
}

/** A refusal leaves the state as it was; what is answered is JSON; so is every value that is stored. */
const command: Target = {
  name: 'kv-command',
  golden: () => COMMANDS.map(json),
  edges: () => EDGES.map(json),
  bend: bendJson,
  check(input): Fate {
    let asked: Json
    try {
      asked = JSON.parse(Buffer.from(input).toString()) as Json
    } catch {
      return 'refused'
    }
    if (++rev % 200 === 0 || stateOf(machine).length > 100_000) machine = new KvMachine()
    for (const each of COMMANDS) if (rev % 200 === 0) applied(each)
    const before = stateOf(machine)
    try {
      const result = applied(asked)
      hold(JSON.stringify(JSON.parse(result)) === result, 'a result is JSON')
    } catch (error) {
      hold(stateOf(machine) === before, 'a refusal leaves the state as it was')
      return refusedBy(error, typed)
    }
    hold(Object.getPrototypeOf({}) === Object.prototype, 'prototypes stay')
    hold((Object.prototype as Record<string, unknown>)['polluted'] === undefined, 'no pollution')
    return 'read'
  },
}

function applied(asked: Json): string {
  try {
    return JSON.stringify(machine.apply(asked, contextNow(), []))
  } catch (error) {
    // The golden ones that fill a fresh state may be refused too: their conditions need not hold.
    if (!(error instanceof Rejected) || error.errorName !== 'COMPARE_FAILED') throw error
    return 'null'
  }
}

// biome-ignore format: a table of words
const WORDS = [
  'x', 'y', 'a.b:c', '`k e y`', '"j\\u00fcst"', '0', '1', '2.5', '1e308', '.5', '007',
  '=', '+=', '-=', '*=', '/=', '%=', '+', '-', '*', '/', '%', '(', ')', ';', ' ', '\n',
  '`', '"', 'ü', '\ud800', '-'.repeat(400), '('.repeat(300), 'x+'.repeat(300), 'x=1;'.repeat(300),
]

const program: Target = {
  name: 'program',
  golden: () =>
    ['x=1', 'x=1; x+=2; y=x; y*=4; x=x+y', 'x=9; `k e y` = -("x"%3);;'].map(each =>
      Buffer.from(each),
    ),
  edges: () => ['x=1;'.repeat(5_000), 'x=+y', 'x=+-+1', 'x', 'x='].map(each => Buffer.from(each)),
  bend: (input, prng: Prng) =>
    prng.chance(0.5) ? someWords(WORDS, prng) : Buffer.concat([input, someWords(WORDS, prng)]),
  check(input) {
    const text = Buffer.from(input).toString()
    try {
      hold(parseProgram(text).length > 0, 'a program does something')
      machine.apply({ op: 'apply', program: text }, contextNow(), [])
      return 'read'
    } catch (error) {
      return refusedBy(error, typed)
    }
  },
}

const pages = new KvMachine()
for (const key of ['a', 'b', 'c', '\u{1f511}', '\uffff']) {
  pages.apply({ op: 'put', key, value: key }, { opNumber: 1, rev: 1, timeMs: 1, session: 's' }, [])
}

const cursor: Target = {
  name: 'cursor',
  golden: () => ['f1:a', 'b1:c', 'f1:\u{1f511}'].map(each => Buffer.from(each)),
  check(input) {
    const text = Buffer.from(input).toString()
    for (const reverse of [false, true]) {
      try {
        const page = pages.query({ op: 'range', prefix: '', limit: 2, reverse, cursor: text }, 1)
        const { kvs } = page as { kvs: readonly { key: string }[] }
        hold(
          kvs.every(kv => kv.key !== text.slice(3)),
          'a page begins behind its cursor',
        )
        return 'read'
      } catch (error) {
        refusedBy(error, typed)
      }
    }
    return 'refused'
  },
}

export const MACHINE_TARGETS: readonly Target[] = [operation, record, command, program, cursor]
