import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import {
  type Config,
  ConfigError,
  configJsonSchema,
  loadConfig,
  type Override,
  writtenConfig,
} from '../../src/daemon/config.ts'

const directory = mkdtempSync(join(tmpdir(), 'viewstamp-config-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const PEER = '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5'
const OTHER = '12D3KooWRBy97UB99e3J6hiPesre1MZeuNQvfan4gBziswrRJsNK'
const MINIMAL = 'node: { name: n1, dataDir: ./data }\n'

function load(text: string, overrides: readonly Override[] = []): Config {
  writeFileSync(join(directory, 'c.yaml'), text)
  return loadConfig({ file: 'c.yaml', directory, overrides })
}

function problems(text: string, overrides: readonly Override[] = []): readonly string[] {
  try {
    load(text, overrides)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

test('two lines are a whole configuration', () => {
  const config = load(MINIMAL)
  expect(config.node).toEqual({ name: 'n1', dataDir: join(directory, 'data'), role: 'replica' })
  expect(config.replication).toEqual({
    heartbeat: 50,
    viewChangeTimeout: 250,
    pipeline: 64,
    batch: { ops: 1_024, bytes: 1_048_576 },
    clients: 4_096,
  })
  expect(config.storage.keepLog).toEqual({ ops: 100_000, age: 86_400_000 })
  expect(config.rpc.limits.bodyBytes).toBe(4_194_304)
  expect(config.rpc.tokensFile).toBeUndefined()
  expect(config.cluster.bootstrapExpect).toBeUndefined()
  expect(config.cluster.members).toEqual([])
})

test('what is printed can be read again and means the same', () => {
  const config = load(
    `${MINIMAL}replication: { heartbeat: 20ms }\nfeeds: { retention: { age: 7d } }\n`,
  )
  expect(load(stringify(writtenConfig(config)))).toEqual(config)
})

test('JSON is YAML', () => {
  expect(load('{"node":{"name":"n1","dataDir":"/d"},"shards":4}').shards).toBe(4)
})

test('flag beats environment beats file beats default, value by value', () => {
  const config = load(`${MINIMAL}rpc: { listen: '127.0.0.1:1', limits: { batch: 7 } }\n`, [
    { path: 'rpc.listen', value: '127.0.0.1:2', where: '--rpc' },
  ])
  expect(config.rpc.listen).toBe('127.0.0.1:2')
  expect(config.rpc.limits.batch).toBe(7)
  expect(config.rpc.limits.depth).toBe(32)
})

test('paths are relative to what names them', () => {
  writeFileSync(join(directory, 'rel.yaml'), 'node: { name: n1, dataDir: . }\n')
  const input = { file: join(directory, 'rel.yaml'), directory: '/elsewhere' }
  expect(loadConfig(input).node.dataDir).toBe(directory)
  const overrides = [{ path: 'node.dataDir', value: './d', where: '--data-dir' }]
  expect(loadConfig({ ...input, overrides }).node.dataDir).toBe('/elsewhere/d')
})

test('numbers and booleans may come as text, as flags and environment give them', () => {
  const config = load(MINIMAL, [
    { path: 'cluster.bootstrapExpect', value: '3', where: 'VIEWSTAMP_BOOTSTRAP_EXPECT' },
    { path: 'discovery.mdns', value: 'true', where: 'VIEWSTAMP_MDNS' },
    { path: 'discovery.peers', value: ['/ip4/127.0.0.1/tcp/1'], where: '--peer' },
  ])
  expect(config.cluster.bootstrapExpect).toBe(3)
  expect(config.discovery).toEqual({ peers: ['/ip4/127.0.0.1/tcp/1'], mdns: true })
})

const BAD: readonly (readonly [string, string, string])[] = [
  [
    'a misspelt key',
    'node: { name: n1, datadir: d }',
    'c.yaml:1: node.datadir is unknown; did you mean dataDir?',
  ],
  [
    'a misspelt section',
    `${MINIMAL}\nreplicaton: {}`,
    'c.yaml:3: replicaton is unknown; did you mean replication?',
  ],
  [
    'a key of another section',
    `${MINIMAL}heartbeat: 5ms`,
    'c.yaml:2: heartbeat is unknown; did you mean replication.heartbeat?',
  ],
  [
    'a key like nothing',
    `${MINIMAL}discovery:\n  zebra: 1`,
    'c.yaml:3: discovery.zebra is unknown; known here: peers, mdns',
  ],
  ['__proto__', `${MINIMAL}__proto__: 1`, 'c.yaml:2: __proto__ is unknown'],
  [
    'a duration without unit',
    `${MINIMAL}replication:\n  heartbeat: 50`,
    'c.yaml:3: replication.heartbeat must be a duration such as 250ms, 5s, 1h or 7d, not 50',
  ],
  [
    'a size of nonsense',
    `${MINIMAL}storage: { minFree: lots }`,
    'c.yaml:2: storage.minFree must be a size such as 512KiB or 4MiB, not "lots"',
  ],
  [
    'a number out of bounds',
    `${MINIMAL}shards: 0`,
    'c.yaml:2: shards must be between 1 and 256, not 0',
  ],
  ['a fraction', `${MINIMAL}shards: 1.5`, 'c.yaml:2: shards must be a whole number, not 1.5'],
  [
    'a number as name',
    'node:\n  name: 7\n  dataDir: d',
    'c.yaml:2: node.name must be text: put it in quotes',
  ],
  [
    'an unknown choice',
    `${MINIMAL}storage: { sync: never }`,
    'c.yaml:2: storage.sync must be always, not "never"',
  ],
  [
    'a word for a flag',
    `${MINIMAL}metrics: maybe`,
    'c.yaml:2: metrics must be true or false, not "maybe"',
  ],
  ['a value for a section', `${MINIMAL}rpc: 7401`, 'c.yaml:2: rpc must be a map such as { … }'],
  ['no name', 'node:\n  dataDir: d', 'c.yaml:2: node.name is missing; set it or give --name'],
  [
    'a null name',
    'node: { name: null, dataDir: d }',
    'c.yaml:1: node.name must be text: put it in quotes',
  ],
  [
    'an address that is none',
    `${MINIMAL}p2p:\n  listen:\n    - 127.0.0.1:7400`,
    "c.yaml:4: p2p.listen must be a multiaddr such as /ip4/127.0.0.1/tcp/7400, not '127.0.0.1:7400'",
  ],
  [
    'a stranger as peer id',
    `${MINIMAL}cluster:\n  members:\n    - name: n1\n      peerId: hello`,
    "c.yaml:5: cluster.members[0].peerId must be a libp2p peer id such as 12D3Koo…, not 'hello'",
  ],
  [
    'the same name twice',
    `${MINIMAL}cluster:\n  members: [{ name: n1, peerId: ${PEER} }, { name: n1, peerId: ${OTHER} }]`,
    'c.yaml:3: cluster.members has the name n1 twice',
  ],
  [
    'the same identity twice',
    `${MINIMAL}cluster:\n  members: [{ name: n1, peerId: ${PEER} }, { name: n2, peerId: ${PEER} }]`,
    `c.yaml:3: cluster.members has the peer id ${PEER} twice`,
  ],
  [
    'not a member',
    `${MINIMAL}cluster: { members: [{ name: n2, peerId: ${PEER} }] }`,
    'c.yaml:1: node.name n1 is none of the cluster.members n2',
  ],
  [
    'two counts of founders',
    `${MINIMAL}cluster:\n  members: [{ name: n1, peerId: ${PEER} }]\n  bootstrapExpect: 3`,
    'c.yaml:4: cluster.bootstrapExpect is 3 and cluster.members has 1; leave one of them out',
  ],
  [
    'an open port without tokens',
    `${MINIMAL}rpc:\n  listen: 0.0.0.0:7401`,
    'c.yaml:3: rpc.listen 0.0.0.0:7401 is open to the network; set rpc.tokensFile, or --insecure-no-auth if that is what you want',
  ],
  [
    'a port that is none',
    `${MINIMAL}rpc: { listen: '127.0.0.1:70000' }`,
    'c.yaml:2: rpc.listen has port 70000; the largest is 65535',
  ],
  [
    'a timeout below the heartbeats',
    `${MINIMAL}replication: { heartbeat: 1s }`,
    'c.yaml:2: replication.viewChangeTimeout must be at least three heartbeats, or a single late one ends a view',
  ],
  [
    'a machine named like ours',
    `${MINIMAL}stateMachines: [{ name: kv, module: ./m.js }]`,
    "c.yaml:2: stateMachines has the name kv twice or a built-in one's",
  ],
  ['a key twice', `${MINIMAL}shards: 1\nshards: 2`, 'c.yaml:3: Map keys must be unique'],
  ['broken YAML', `${MINIMAL}rpc: { listen: `, 'c.yaml:2: '],
  [
    'an alias',
    `${MINIMAL}cluster: &a { id: x }\nfeeds: *a`,
    'c.yaml:3: aliases are not read; write the value out',
  ],
  ['a list for everything', '- 1', "c.yaml:1: the file must be a map such as 'node: { name: n1 }'"],
]

test.each(BAD)('%s is one sentence with file and line', (_what, text, sentence) => {
  const [first = ''] = problems(text)
  expect(first.slice(0, sentence.length)).toBe(sentence)
  expect(first).not.toContain('\n')
})

test('all problems are told, the first one in the message', () => {
  const found = problems('node: { nam: n1 }\nshards: x')
  expect(found).toHaveLength(4)
  expect(() => load('node: { nam: n1 }\nshards: x')).toThrow(/did you mean name\? \(and 3 more/)
})

test('a bad flag is named as the user wrote it', () => {
  const overrides = [{ path: 'replication.heartbeat', value: 'soon', where: '--set' }]
  expect(problems(MINIMAL, overrides)[0]).toMatch(
    /^--set: replication\.heartbeat must be a duration/,
  )
})

test('a file that is not there says so', () => {
  expect(() => loadConfig({ file: 'nowhere.yaml', directory })).toThrow(
    /^nowhere\.yaml is not there/,
  )
})

test('without a file the missing name is asked for', () => {
  expect(() => loadConfig({ directory })).toThrow(/node\.name is missing; set it or give --name/)
})

test('the JSON Schema knows defaults and refuses unknown members', () => {
  const schema = configJsonSchema() as { properties: Record<string, { default?: unknown }> }
  expect(schema).toMatchObject({ additionalProperties: false })
  expect(schema.properties['shards']).toMatchObject({ type: 'integer', default: 1, maximum: 256 })
})

test.each([
  ['brackets', `${MINIMAL}rpc: ${'['.repeat(100_000)}\n`, 'c.yaml:2: nested deeper than 64 levels'],
  [
    'dashes',
    `${MINIMAL}rpc: *a ${'- '.repeat(100_000)}\n`,
    'c.yaml:2: nested deeper than 64 levels',
  ],
  [
    'length',
    `${MINIMAL}#${'x'.repeat(2 ** 20)}`,
    'c.yaml:1: the file is longer than 1048576 characters',
  ],
])('what no configuration has is told before it is parsed: %s', (_, text, problem) => {
  expect(problems(text)).toEqual([problem])
})
