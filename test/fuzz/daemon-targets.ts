/** What people write and callers send: configuration, durations, values, JSON-RPC. */

import { UsageError } from '../../src/cli/usage-error.ts'
import { parseJson, parseValue, printable, showValue } from '../../src/cli/value.ts'
import { crossCheck } from '../../src/daemon/config-check.ts'
import { readSource } from '../../src/daemon/config-read.ts'
import { ConfigError, parseYaml } from '../../src/daemon/config-source.ts'
import { formatDuration, formatSize, parseDuration, parseSize } from '../../src/daemon/units.ts'
import { Core } from '../../src/rpc/core.ts'
import { LIMITS } from '../../src/rpc/limits.ts'
import { METHODS } from '../../src/rpc/methods/table.ts'
import { RpcMetrics } from '../../src/rpc/metrics.ts'
import { FakeNode } from '../rpc/fake-node.ts'
import { bendJson, someWords } from './mutate.ts'
import { type Fate, hold, refusedBy, type Target } from './target.ts'

const CONFIG = `version: 1
node: { name: n1, dataDir: ./n1, role: replica }
cluster:
  id: demo
  bootstrapExpect: 3
discovery: { peers: [/ip4/127.0.0.1/tcp/7400], mdns: false }
rpc:
  listen: 127.0.0.1:7401
  limits: { bodyBytes: 4MiB, batch: 1000, depth: 32 }
replication: { heartbeat: 50ms, batch: { ops: 1024, bytes: 1MiB } }
storage: { sync: always, keepLog: { ops: 100000, age: 24h }, minFree: 512MiB }
shards: 2
stateMachines: [{ name: bank, module: ./bank.js }]
`
const PEER = '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5'
/** JSON is YAML. */
const JSON_CONFIG = JSON.stringify({
  node: { name: 'n1', dataDir: 'd' },
  cluster: { id: 'x', members: [{ name: 'n1', peerId: PEER, addresses: ['/ip4/1.2.3.4/tcp/1'] }] },
  rpc: { allowedHosts: ['h'], listen: '[::1]:1' },
  stateMachines: [{ name: 'bank', module: 'm.js' }],
})

// biome-ignore format: a table of words
const YAML = [
  'node', 'name', 'rpc', 'listen', 'shards', 'chaos', 'limits', 'version', '__proto__', 'constructor',
  ': ', ':', '- ', '\n', '\n  ', '{', '}', '[', ']', ',', ' ', '"', "'", '|', '>', '&a ', '*a',
  '!!binary ', '!!float ', '? ', '? [a]\n: b\n', '#', '---\n', '...', '<<: ', '~', 'null', 'true', '1', '.inf', '0x10',
  '5s', '1KiB', '127.0.0.1:1', '2001-01-01', '\t', '\u0000', 'ü', '['.repeat(300), '- '.repeat(300),
]

const CONFIG_EDGES = [
  '',
  'null',
  'nodes: { name: n1 }',
  'node: { nmae: n1, dataDir: d }',
  'heartbeat: 50ms',
  'ops: 1',
  'node: null\ncluster:\nfeeds:\n',
  'node: 1',
  'cluster: { members: 7 }',
  `cluster: { members: [${'{},'.repeat(70)}] }`,
  'a: &x 1\nb: *x',
  '? [a]\n: b',
  '{ a: b c: d, [ }\n%x',
  'node: { name: n1, name: n2 }',
  '"\\q": 1',
]

const config: Target = {
  name: 'config',
  // Parsing YAML takes a millisecond, and 6 µs for each further byte.
  share: 0.4,
  msMax: 500,
  golden: () => [Buffer.from(CONFIG), Buffer.from(JSON_CONFIG)],
  edges: () => CONFIG_EDGES.map(each => Buffer.from(each)),
  bend: (input, prng) => {
    if (prng.chance(0.2)) return someWords(YAML, prng)
    if (input[0] === 0x7b && prng.chance(0.7)) return bendJson(input, prng)
    const at = prng.int(0, input.length)
    return Buffer.concat([input.subarray(0, at), someWords(YAML, prng), input.subarray(at)])
  },
  check(input) {
    const problems: string[] = []
    try {
      const root = parseYaml(Buffer.from(input).toString(), 'config.yaml', '.')
      const read = readSource(root, problems)
      if (read !== undefined) crossCheck(read, root, problems)
      hold(read !== undefined || problems.length > 0, 'what is refused is told')
    } catch (error) {
      return refusedBy(error, [ConfigError])
    }
    hold(
      problems.every(each => /^\S.*\S$/s.test(each)),
      'a problem is a sentence',
    )
    return problems.length === 0 ? 'read' : 'refused'
  },
}

const UNITS = [
  '1',
  '0',
  '.5',
  'ms',
  's',
  'm',
  'h',
  'd',
  'KiB',
  'MiB',
  'TiB',
  'B',
  ' ',
  '-',
  'e9',
  '٣',
]
const units: Target = {
  name: 'units',
  golden: () => ['250ms', '7d', '512KiB', '1.5GiB', '0'].map(each => Buffer.from(each)),
  bend: (_, prng) => someWords(UNITS, prng),
  check(input) {
    const text = Buffer.from(input).toString()
    const ms = parseDuration(text)
    const bytes = parseSize(text)
    if (ms !== undefined) hold(parseDuration(formatDuration(ms)) === ms || ms === 0, 'as written')
    if (bytes !== undefined) hold(parseSize(formatSize(bytes)) === bytes, 'as written')
    return ms === undefined && bytes === undefined ? 'refused' : 'read'
  },
}

const value: Target = {
  name: 'cli-value',
  golden: () => ['{"a":[1]}', 'word', '12', '"12"', 'tab\tline\n'].map(each => Buffer.from(each)),
  check(input): Fate {
    const text = Buffer.from(input).toString()
    const shown = printable(text)
    for (const control of ['\0', '\b', '\u001b', '\u009b']) {
      hold(!shown.includes(control), 'nothing takes over the terminal')
    }
    try {
      const read = parseValue(text)
      const again = parseValue(showValue(read))
      hold(JSON.stringify(again) === JSON.stringify(read), 'what is shown can be typed again')
      if (typeof read !== 'string') parseJson(text, 'VALUE')
    } catch (error) {
      return refusedBy(error, [UsageError])
    }
    return 'read'
  },
}

const call = (method: string, params?: unknown, id: unknown = 1) => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
})
const CALLS: readonly unknown[] = [
  call('system.ping'),
  call('kv.put', { key: 'a', value: [1], meta: { timeoutMs: 5, correlationId: 'c' } }),
  call('kv.put', ['a', 1, { ifAbsent: true }, { minRev: 1 }], 'x'),
  call('kv.get', { key: '__proto__', meta: { consistency: 'local' } }, null),
  call('kv.range', { prefix: '', limit: 5, cursor: 'f1:a' }, 1.5),
  call('kv.txn', { compare: [{ key: 'a', target: 'exists' }], then: [{ del: { key: 'a' } }] }),
  call('kv.put', { key: 'b', value: { $bytes: 'AAEC' } }),
  call('kv.put', { key: 'c', value: { a: [1.5, { b: null, c: true }], d: 'é'.repeat(400) } }),
  call('kv.getMany', { keys: ['a', 'b'] }),
  call('kv.cas', { key: 'a', expect: { rev: 1 }, value: -1e21 }),
  call('kv.incr', { key: 'n', by: 1.5, min: 0 }),
  call('kv.apply', { program: 'x=1' }),
  call('kv.watch', { prefix: 'a', from: 'now' }),
  call('log.read', { from: 1, limit: 2 }),
  call('sm.submit', { machine: 'echo', command: {} }),
  call('session.keepAlive', { session: 's' }),
  call('rpc.discover'),
  [call('kv.incr', { key: 'n' }), { jsonrpc: '2.0', method: 'kv.del', params: { key: 'a' } }, 1],
  [],
]

const LARGE = 'x'.repeat(1_100_000)
const CALL_EDGES: readonly string[] = [
  ...[
    call('kv.put', { key: '\ud800', value: 1 }),
    call('kv.put', { key: 'k'.repeat(2_000), value: 1 }),
    call('kv.put', { key: 'é'.repeat(700), value: 1 }),
    call('kv.put', { key: 'a', value: 1, ifAbsent: 'yes' }),
    call('kv.put', { key: 'a', value: LARGE }),
    call('kv.put', { key: 'a', value: { b: [1, LARGE] } }),
    call('kv.put', { key: 'a', value: { b: [{ $bytes: 'no base64' }] } }),
    call('kv.put', { key: 'a', value: [{ $bytes: 'AA==', more: 1 }] }),
    call('kv.getMany', { keys: 'a' }),
    call('kv.getMany', { keys: [] }),
    call('kv.getMany', { keys: Array.from({ length: 10_001 }, () => 'a') }),
    call('kv.incr', { key: 'n', by: '1' }),
    call('kv.cas', { key: 'a', expect: 5 }),
    call('kv.cas', { key: 'a', expect: { nope: 1 } }),
    call('kv.cas', { key: 'a', expect: { value: LARGE } }),
    call('kv.txn', { compare: 5 }),
    call('kv.txn', { compare: [5], then: [7] }),
    call('kv.txn', { then: [{ put: { key: 'a', value: LARGE } }] }),
    call('kv.history', { key: 'a', limit: 'all' }),
    call('feed.publish', { feed: 'f', value: LARGE }),
    call('feed.publish', { feed: 'f', value: 1, headers: 5 }),
    call('feed.read', { feed: 'f', from: {}, limit: 0 }),
    call('group.create', { feed: 'f', group: 'g', mode: 'no' }),
    call('cluster.watch', { kinds: 5 }),
    call('kv.put', 'no params'),
  ].map(each => JSON.stringify(each)),
  '{"jsonrpc":"2.0","id":1,"method":"kv.put","params":{"key":"a","value":[1e400]}}',
  '{"jsonrpc":"2.0","id":1,"method":"kv.put","params":{"key":"a","value":{"b":{"c":1e400}}}}',
  '{"jsonrpc":"2.0","id":1,"method":"kv.incr","params":{"key":"n","by":1e400}}',
]

let node = new FakeNode()
let failures: string[] = []
const log = {
  info: () => {},
  warn: () => {},
  error: (fields: object) => void failures.push(JSON.stringify(fields)),
}
const limits = { ...LIMITS, batch: 20 }
const core = new Core({ methods: METHODS, limits, log, metrics: new RpcMetrics() })

/** Whatever comes: an answer by the letter of JSON-RPC, no failure that only the log could tell. */
const rpc: Target = {
  name: 'json-rpc',
  golden: () => CALLS.map(each => Buffer.from(JSON.stringify(each))),
  edges: () => CALL_EDGES.map(each => Buffer.from(each)),
  bend: bendJson,
  async check(input): Promise<Fate> {
    if (node.calls.length > 500) node = new FakeNode()
    failures = []
    const caller = { node, methods: METHODS, sink: undefined, answered: undefined }
    const text = await core.handle(Buffer.from(input), caller)
    hold(failures.length === 0, `no failure of an unknown reason: ${failures[0]}`)
    hold(core.inFlight === 0, 'nothing stays under way')
    if (text === undefined) return 'read'
    const answer: unknown = JSON.parse(text)
    for (const each of [answer].flat()) checkAnswer(each as Record<string, unknown>)
    return 'read'
  },
}

function checkAnswer(answer: Record<string, unknown>): void {
  hold(answer['jsonrpc'] === '2.0' && 'id' in answer, 'an answer is one of JSON-RPC')
  hold('result' in answer !== 'error' in answer, 'an answer has a result or an error')
  if (!('error' in answer)) return
  const { code, message, data } = answer['error'] as Record<string, unknown>
  hold(Number.isInteger(code) && typeof message === 'string', 'an error has code and message')
  const { name, outcome } = data as Record<string, unknown>
  hold(typeof name === 'string' && name !== 'INTERNAL', 'an error has a name')
  hold(['none', 'unknown', 'applied'].includes(outcome as string), 'an error says the outcome')
}

export const DAEMON_TARGETS: readonly Target[] = [config, units, value, rpc]
